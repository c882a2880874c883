%% See spawn.eta.
-module(spawn).
-export([main/0]).

main() ->
    Count = 300000,
    Me = self(),
    bench:report("spawn", bench:time_ns(fun() -> loop(Count, Me) end) / Count / 1000, "us").

loop(0, _) -> ok;
loop(N, Me) ->
    spawn(fun() -> receive _ -> Me ! done end end) ! go,
    receive _ -> loop(N - 1, Me) end.
