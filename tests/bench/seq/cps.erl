%% See cps.scm.
-module(cps).
-export([main/0]).

main() -> bench:check("cps", 832040, bench:run("cps", fun() -> fib(30, fun(X) -> X end) end)).

fib(N, K) when N < 2 -> K(N);
fib(N, K) -> fib(N - 1, fun(A) -> fib(N - 2, fun(B) -> K(A + B) end) end).
