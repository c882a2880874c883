%% For all Erlang programs of this folder: prints "NAME VALUE UNIT".
-module(bench).
-export([report/3, time_ns/1]).

report(Name, Value, Unit) -> io:format("~s ~.3f ~s~n", [Name, float(Value), Unit]).

time_ns(Work) ->
    Start = erlang:monotonic_time(nanosecond),
    Work(),
    erlang:monotonic_time(nanosecond) - Start.
