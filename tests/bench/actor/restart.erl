%% See restart.eta.
-module(restart).
-behaviour(supervisor).
-export([main/0, init/1, start_child/1]).

main() ->
    Count = 20000,
    Part = 1000,
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    {ok, Sup} = supervisor:start_link(?MODULE, self()),
    First = receive Pid -> Pid end,
    Second = timed(Part, First, "restart_first"),
    Third = timed(Count - 2 * Part, Second, "restart"),
    timed(Part, Third, "restart_last"),
    unlink(Sup),
    exit(Sup, kill).

init(Parent) ->
    {ok, {#{strategy => one_for_one, intensity => 1000000, period => 1000},
          [#{id => child, start => {?MODULE, start_child, [Parent]}}]}}.

start_child(Parent) -> {ok, spawn_link(fun() -> Parent ! self(), receive _ -> ok end end)}.

timed(N, Pid, Name) ->
    Start = erlang:monotonic_time(nanosecond),
    Last = storm(N, Pid),
    bench:report(Name, (erlang:monotonic_time(nanosecond) - Start) / N / 1000, "us"),
    Last.

storm(0, Pid) -> Pid;
storm(N, Pid) -> exit(Pid, kill), receive New -> storm(N - 1, New) end.
