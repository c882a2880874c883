%% See escape.scm: a throw does what the continuation does there.
-module(escape).
-export([main/0]).

main() -> bench:check("escape", 600000, bench:run("escape", fun() -> repeat(300000, 0) end)).

repeat(0, Sum) -> Sum;
repeat(N, Sum) -> repeat(N - 1, Sum + first_even([1, 3, 5, 7, 9, 2, 11])).

first_even(List) ->
    try
        lists:foreach(fun(X) when X rem 2 =:= 0 -> throw(X);
                         (_) -> ok
                      end, List),
        false
    catch
        throw:X -> X
    end.
