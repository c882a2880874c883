%% See fib.scm.
-module(fib).
-export([main/0]).

main() -> bench:check("fib", 2178309, bench:run("fib", fun() -> fib(32) end)).

fib(N) when N < 2 -> N;
fib(N) -> fib(N - 1) + fib(N - 2).
