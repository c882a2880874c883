%% See hof.scm.
-module(hof).
-export([main/0]).

main() -> bench:check("hof", 750002000000, bench:run("hof", fun() -> repeat(5) end)).

repeat(1) -> round_trip();
repeat(N) -> round_trip(), repeat(N - 1).

round_trip() ->
    Even = lists:filter(fun(X) -> X rem 2 =:= 0 end, build(1000000, [])),
    lists:foldl(fun(X, Sum) -> X + Sum end, 0, lists:map(fun(X) -> 3 * X + 1 end, Even)).

build(0, List) -> List;
build(I, List) -> build(I - 1, [I | List]).
