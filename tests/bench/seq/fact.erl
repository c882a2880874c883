%% See fact.scm.
-module(fact).
-export([main/0]).

main() -> bench:check("fact", 0, bench:run("fact", fun() -> repeat(20) end) rem 2999).

repeat(1) -> fact(3000);
repeat(N) -> fact(3000), repeat(N - 1).

fact(0) -> 1;
fact(N) -> N * fact(N - 1).
