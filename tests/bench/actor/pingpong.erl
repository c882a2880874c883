%% See pingpong.eta.
-module(pingpong).
-export([main/0]).

main() ->
    Count = 1000000,
    Pid = spawn(fun echo/0),
    bench:report("pingpong", bench:time_ns(fun() -> ping(Count, Pid) end) / Count, "ns").

echo() -> receive From -> From ! pong end, echo().

ping(0, _) -> ok;
ping(N, Pid) -> Pid ! self(), receive _ -> ping(N - 1, Pid) end.
