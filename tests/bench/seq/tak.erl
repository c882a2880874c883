%% See tak.scm.
-module(tak).
-export([main/0]).

main() -> bench:check("tak", 9, bench:run("tak", fun() -> repeat(5) end)).

repeat(1) -> tak(24, 16, 8);
repeat(N) -> tak(24, 16, 8), repeat(N - 1).

tak(X, Y, Z) when not (Y < X) -> Z;
tak(X, Y, Z) -> tak(tak(X - 1, Y, Z), tak(Y - 1, Z, X), tak(Z - 1, X, Y)).
