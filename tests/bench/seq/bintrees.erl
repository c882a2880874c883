%% See bintrees.scm.
-module(bintrees).
-export([main/0]).

main() -> bench:check("bintrees", 100 * 16384 + 131072, bench:run("bintrees", fun work/0)).

work() ->
    Kept = make(17),
    repeat(100, 0) + count(Kept).

repeat(0, Sum) -> Sum;
repeat(N, Sum) -> repeat(N - 1, Sum + count(make(14))).

make(0) -> [];
make(Depth) -> [make(Depth - 1) | make(Depth - 1)].

count([]) -> 1;
count([Left | Right]) -> count(Left) + count(Right).
