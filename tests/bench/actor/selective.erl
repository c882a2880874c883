%% See selective.eta.
-module(selective).
-export([main/0]).

main() ->
    Queued = 10000,
    Rounds = 1000,
    fill(Queued),
    bench:report("selective", bench:time_ns(fun() -> take(Rounds) end) / (Queued * Rounds), "ns").

fill(0) -> ok;
fill(N) -> self() ! {other, N}, fill(N - 1).

take(0) -> ok;
take(N) -> self() ! {wanted, N}, receive {wanted, _} -> take(N - 1) end.
