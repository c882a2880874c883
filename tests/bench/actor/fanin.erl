%% See fanin.eta.
-module(fanin).
-export([main/0]).

main() ->
    Senders = 100,
    Messages = 10000,
    Me = self(),
    Work = fun() ->
        start(Senders, Messages, Me),
        take(Senders * Messages)
    end,
    bench:report("fanin", bench:time_ns(Work) / (Senders * Messages), "ns").

start(0, _, _) -> ok;
start(N, Messages, To) -> spawn(fun() -> flood(Messages, To) end), start(N - 1, Messages, To).

flood(0, _) -> ok;
flood(N, To) -> To ! N, flood(N - 1, To).

take(0) -> ok;
take(N) -> receive _ -> take(N - 1) end.
