%% See deep.scm.
-module(deep).
-export([main/0]).

main() -> bench:check("deep", 1000000, bench:run("deep", fun() -> repeat(10) end)).

repeat(1) -> deep(1000000);
repeat(N) -> deep(1000000), repeat(N - 1).

deep(0) -> 0;
deep(N) -> 1 + deep(N - 1).
