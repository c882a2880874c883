%% For all Erlang programs: times one call and prints "NAME VALUE UNIT".
-module(bench).
-export([run/2, check/3, report/3]).

run(Name, Work) ->
    Start = erlang:monotonic_time(nanosecond),
    Result = Work(),
    Ns = erlang:monotonic_time(nanosecond) - Start,
    report(Name, Ns / 1.0e6, "ms"),
    Result.

report(Name, Value, Unit) ->
    io:format("~s ~.3f ~s~n", [Name, float(Value), Unit]).

check(_, Result, Result) -> ok;
check(Name, _, Got) -> io:format("~s: wrong result ~w~n", [Name, Got]).
