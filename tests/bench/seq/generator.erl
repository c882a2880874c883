%% See generator.scm: a process does what the continuation does there.
-module(generator).
-export([main/0]).

main() -> bench:check("generator", 4999950000, bench:run("generator", fun() -> work(100000) end)).

work(N) ->
    User = self(),
    Generator = spawn_link(fun() -> yield_all(0, N, User) end),
    sum(Generator, 0).

yield_all(N, N, User) -> receive next -> User ! {self(), -1} end;
yield_all(I, N, User) ->
    receive next -> User ! {self(), I} end,
    yield_all(I + 1, N, User).

sum(Generator, Sum) ->
    Generator ! next,
    receive
        {Generator, -1} -> Sum;
        {Generator, X} -> sum(Generator, Sum + X)
    end.
