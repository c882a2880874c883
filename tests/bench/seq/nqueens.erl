%% See nqueens.scm.
-module(nqueens).
-export([main/0]).

main() -> bench:check("nqueens", 2680, bench:run("nqueens", fun() -> place(0, 11, []) end)).

place(N, N, _) -> 1;
place(Column, N, Placed) -> try_row(0, 0, Column, N, Placed).

try_row(N, Count, _, N, _) -> Count;
try_row(Row, Count, Column, N, Placed) ->
    case safe(Row, 1, Placed) of
        true -> try_row(Row + 1, Count + place(Column + 1, N, [Row | Placed]), Column, N, Placed);
        false -> try_row(Row + 1, Count, Column, N, Placed)
    end.

safe(_, _, []) -> true;
safe(Row, _, [Row | _]) -> false;
safe(Row, Distance, [First | _]) when First =:= Row + Distance; First =:= Row - Distance -> false;
safe(Row, Distance, [_ | Rest]) -> safe(Row, Distance + 1, Rest).
