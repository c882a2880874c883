%% See hash.scm: ETS tables, which are what Erlang has of tables that change.
-module(hash).
-export([main/0]).

-define(N, 1000000).

main() ->
    Ints = ets:new(ints, [set, private]),
    bench:run("hash_int_set", fun() -> put_ints(Ints, 0) end),
    bench:check("hash_int_ref", 499999500000, bench:run("hash_int_ref", fun() -> sum_ints(Ints, 0, 0) end)),
    bench:run("hash_int_del", fun() -> delete_ints(Ints, 0) end),
    bench:check("hash_int_del", 250000000000, sum_ints(Ints, 0, 0)),
    ets:delete(Ints),
    Names = [<<"name-", (integer_to_binary(spread(I)))/binary>> || I <- lists:seq(0, 2 * ?N - 1)],
    Strings = ets:new(strings, [set, private]),
    bench:run("hash_str_set", fun() -> put_names(Strings, Names, 0) end),
    bench:check("hash_str_ref", 499999500000, bench:run("hash_str_ref", fun() -> sum_names(Strings, Names, 0) end)).

spread(I) -> I * 7919 rem 15485863.

put_ints(_, ?N) -> ok;
put_ints(T, I) -> ets:insert(T, {spread(I), I}), put_ints(T, I + 1).

value(T, K) ->
    case ets:lookup(T, K) of [{_, V}] -> V; [] -> 0 end.

sum_ints(_, I, Sum) when I =:= 2 * ?N -> Sum;
sum_ints(T, I, Sum) -> sum_ints(T, I + 1, Sum + value(T, spread(I))).

delete_ints(_, I) when I >= ?N -> ok;
delete_ints(T, I) -> ets:delete(T, spread(I)), delete_ints(T, I + 2).

put_names(_, _, ?N) -> ok;
put_names(T, [Name | Rest], I) -> ets:insert(T, {Name, I}), put_names(T, Rest, I + 1).

sum_names(_, [], Sum) -> Sum;
sum_names(T, [Name | Rest], Sum) -> sum_names(T, Rest, Sum + value(T, Name)).
