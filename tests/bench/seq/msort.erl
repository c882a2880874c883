%% See msort.scm.
-module(msort).
-export([main/0]).

main() ->
    Input = numbers(0, 200000, 42, []),
    bench:check("msort", true, ordered(bench:run("msort", fun() -> msort(Input) end))).

numbers(N, N, _, List) -> List;
numbers(I, N, X, List) ->
    Next = (X * 1103515245 + 12345) rem 2147483648,
    numbers(I + 1, N, Next, [Next | List]).

msort([]) -> [];
msort([X]) -> [X];
msort(List) -> split(List, [], []).

split([], A, B) -> merge(msort(A), msort(B));
split([X | Rest], A, B) -> split(Rest, [X | B], A).

merge([], B) -> B;
merge(A, []) -> A;
merge([X | _] = A, [Y | Rest]) when Y < X -> [Y | merge(A, Rest)];
merge([X | Rest], B) -> [X | merge(Rest, B)].

ordered([X | [Y | _] = Rest]) -> X =< Y andalso ordered(Rest);
ordered(_) -> true.
