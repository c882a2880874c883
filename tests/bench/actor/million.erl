%% See million.eta.
-module(million).
-export([main/0]).

main() ->
    Count = 1000000,
    Parent = self(),
    Start = erlang:monotonic_time(nanosecond),
    Pids = spawn_all(Count, Parent, []),
    Spawned = erlang:monotonic_time(nanosecond),
    send_all(Pids),
    take(Count),
    End = erlang:monotonic_time(nanosecond),
    bench:report("million", (End - Start) / Count / 1000, "us"),
    bench:report("million_spawn", (Spawned - Start) / Count / 1000, "us"),
    bench:report("million_answer", (End - Spawned) / Count / 1000, "us").

spawn_all(0, _, Pids) -> Pids;
spawn_all(N, Parent, Pids) ->
    spawn_all(N - 1, Parent, [spawn(fun() -> receive _ -> Parent ! done end end) | Pids]).

send_all([]) -> ok;
send_all([Pid | Rest]) -> Pid ! go, send_all(Rest).

take(0) -> ok;
take(N) -> receive _ -> take(N - 1) end.
