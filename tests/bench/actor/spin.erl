%% See spin.eta.
-module(spin).
-export([main/0]).

main() ->
    Count = 200000,
    spawn(fun() -> spin(0) end),
    timer:sleep(20),
    Pid = spawn(fun echo/0),
    bench:report("spin", bench:time_ns(fun() -> ping(Count, Pid) end) / Count, "ns").

spin(N) -> spin((N + 1) rem 1000000).

echo() -> receive From -> From ! pong end, echo().

ping(0, _) -> ok;
ping(N, Pid) -> Pid ! self(), receive _ -> ping(N - 1, Pid) end.
