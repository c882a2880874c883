%% See pairs.eta.
-module(pairs).
-export([main/0]).

main() ->
    Count = 500000,
    Me = self(),
    Work = fun() ->
        spawn(fun() -> pair(Count, Me) end),
        spawn(fun() -> pair(Count, Me) end),
        receive done -> ok end,
        receive done -> ok end
    end,
    bench:report("pairs", bench:time_ns(Work) / Count, "ns").

pair(Count, Parent) -> ping(Count, spawn(fun echo/0)), Parent ! done.

echo() -> receive From -> From ! pong end, echo().

ping(0, _) -> ok;
ping(N, Pid) -> Pid ! self(), receive _ -> ping(N - 1, Pid) end.
