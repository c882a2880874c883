%% See mandel.scm.
-module(mandel).
-export([main/0]).

main() -> bench:check("mandel", 6755, bench:run("mandel", fun() -> mandel(200, 1000) end)).

mandel(N, Limit) -> rows(0, 0, N, 3.0 / N, Limit).

rows(N, Count, N, _, _) -> Count;
rows(Y, Count, N, Step, Limit) -> rows(Y + 1, columns(0, Y, Count, N, Step, Limit), N, Step, Limit).

columns(N, _, Count, N, _, _) -> Count;
columns(X, Y, Count, N, Step, Limit) ->
    Stays = stays(0.0, 0.0, Step * X - 2.0, Step * Y - 1.5, 0, Limit),
    columns(X + 1, Y, Count + Stays, N, Step, Limit).

stays(_, _, _, _, Limit, Limit) -> 1;
stays(Zr, Zi, Cr, Ci, I, Limit) ->
    A = Zr * Zr,
    B = Zi * Zi,
    if A + B > 4.0 -> 0;
       true -> stays(A - B + Cr, 2.0 * (Zr * Zi) + Ci, Cr, Ci, I + 1, Limit)
    end.
