%% See timers.eta.
-module(timers).
-export([main/0]).

main() ->
    Count = 1000000,
    Start = erlang:monotonic_time(nanosecond),
    Timers = set(Count, []),
    Between = erlang:monotonic_time(nanosecond),
    cancel(Timers),
    End = erlang:monotonic_time(nanosecond),
    bench:report("timer", (End - Start) / Count, "ns"),
    bench:report("timer_set", (Between - Start) / Count, "ns"),
    bench:report("timer_cancel", (End - Between) / Count, "ns").

set(0, Timers) -> Timers;
set(N, Timers) -> set(N - 1, [erlang:send_after(600000 + N, self(), late) | Timers]).

cancel([]) -> ok;
cancel([Timer | Rest]) -> erlang:cancel_timer(Timer), cancel(Rest).
