%% See large.eta.
-module(large).
-export([main/0]).

main() ->
    run("large_100K", 100000, 2000),
    run("large_1M", 1000000, 300),
    run("large_10M", 10000000, 30).

run(Name, Bytes, Count) ->
    To = spawn(fun echo/0),
    Message = [self() | lists:seq(1, Bytes div 16)],
    go(3, To, Message),
    bench:report(Name, bench:time_ns(fun() -> go(Count, To, Message) end) / Count / 1000, "us").

echo() -> receive [From, First | _] -> From ! First end, echo().

go(0, _, _) -> ok;
go(N, To, Message) -> To ! Message, receive _ -> go(N - 1, To, Message) end.
