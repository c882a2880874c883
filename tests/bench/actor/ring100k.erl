%% See ring100k.eta.
-module(ring100k).
-export([main/0]).

main() ->
    Size = 100000,
    Laps = 10,
    First = build(Size - 1, self()),
    bench:report("ring100k", bench:time_ns(fun() -> go(Laps, First) end) / (Size * Laps), "ns").

build(0, To) -> To;
build(N, To) -> build(N - 1, spawn(fun() -> pass(To) end)).

pass(To) -> receive Message -> To ! Message end, pass(To).

go(0, _) -> ok;
go(N, First) -> First ! token, receive _ -> go(N - 1, First) end.
