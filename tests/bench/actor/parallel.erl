%% See parallel.eta.
-module(parallel).
-export([main/0]).

main() ->
    one(),
    Turns = bench:time_ns(fun() -> one(), one() end),
    Both = bench:time_ns(fun() -> start(), start(), next(), next() end),
    bench:report("parallel", Both / Turns, "x").

start() -> Parent = self(), spawn(fun() -> Parent ! fib(35) end).
next() -> receive _ -> ok end.
one() -> start(), next().

fib(N) when N < 2 -> N;
fib(N) -> fib(N - 1) + fib(N - 2).
