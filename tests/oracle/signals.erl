%% The oracle's side of signals.eta: rows S, R, X, L, M, N, I, T. One line per row: id and value.
-module(signals).
-export([main/1]).

row(Id, F) ->
    io:format("~s ~w~n", [Id, try F() catch _:E when is_atom(E) -> {raised, E}; _:_ -> raised end]),
    flush().
flush() -> receive _ -> flush() after 0 -> ok end.
next() -> receive M -> M after 5000 -> nothing end.
waiting() -> spawn(fun() -> receive never -> ok end end).
down(R) -> receive {'DOWN', R, process, _, Why} -> Why after 5000 -> nothing end.
reason(F) -> {_, R} = spawn_monitor(F), down(R).
dead() -> {P, R} = spawn_monitor(fun() -> ok end), down(R), P.
gone(P) -> R = monitor(process, P), down(R), demonitor(R, [flush]).
times(0, _) -> ok;
times(N, F) -> F(), times(N - 1, F).
flag(F) -> Old = process_flag(trap_exit, true), V = F(), process_flag(trap_exit, Old), V.
head(T) when is_tuple(T) -> element(1, T);
head(X) -> X.

main(_) ->
    Me = self(),
    row("S01", fun() -> spawn(fun() -> [Me ! I || I <- lists:seq(1, 1000)] end),
                        [receive I -> I end || I <- lists:seq(1, 1000)] == lists:seq(1, 1000) end),
    row("S05", fun() -> {_, R} = spawn_monitor(fun() -> Me ! last end), {next(), down(R)} end),
    row("S07", fun() -> dead() ! hello end),
    row("S10", fun() -> Me ! (Me ! nested), {next(), next()} end),
    row("S11", fun() -> Me ! 1, Me ! 2, Me ! 3, {next(), next(), next()} end),
    row("S15", fun() -> A = alias(), A ! 1, V = next(), X = unalias(A), A ! 2, {V, X, unalias(A), next_or_none()} end),
    row("R01", fun() -> Me ! b, Me ! a, receive a -> a; b -> b end end),
    row("R03", fun() -> Me ! 1, Me ! x, Me ! 2, receive x -> ok end, {next(), next()} end),
    row("R05", fun() -> [Me ! I || I <- lists:seq(1, 1000)], receive 1000 -> found after 0 -> missed end end),
    row("R06", fun() -> Me ! 1, receive z -> z after 0 -> none end, {message_queue_len, N} = process_info(Me, message_queue_len), N end),
    row("R18", fun() -> Me ! 1, catch receive 1 -> error(oops) end, next_or_none() end),
    row("X01", fun() -> reason(fun() -> 17 end) end),
    row("X02", fun() -> reason(fun() -> exit(because) end) end),
    row("X05", fun() -> P = waiting(), exit(P, normal), is_process_alive(P) end),
    row("X06", fun() -> P = spawn(fun() -> process_flag(trap_exit, true), Me ! ready, Me ! next() end), next(),
                        exit(P, normal), {'EXIT', Me, W} = next(), W end),
    row("X07", fun() -> reason(fun() -> exit(self(), normal), receive never -> ok end end) end),
    row("X09", fun() -> {P, R} = spawn_monitor(fun() -> receive never -> ok end end), exit(P, {a, [1]}), down(R) end),
    row("X11", fun() -> {P, R} = spawn_monitor(fun() -> process_flag(trap_exit, true), receive never -> ok end end), exit(P, kill), down(R) end),
    row("X12", fun() -> flag(fun() -> P = spawn_link(fun() -> receive never -> ok end end), exit(P, kill), {'EXIT', P, W} = next(), W end) end),
    row("X13", fun() -> flag(fun() -> P = spawn_link(fun() -> exit(kill) end), {'EXIT', P, W} = next(), W end) end),
    row("X15", fun() -> {P, R} = spawn_monitor(fun() -> receive never -> ok end end), exit(P, one), exit(P, two), down(R) end),
    row("X17", fun() -> A = process_flag(trap_exit, true), B = process_flag(trap_exit, false), {A, B} end),
    row("X18", fun() -> exit(dead(), any) end),
    row("X25", fun() -> P = spawn(fun() -> process_flag(trap_exit, true), Me ! ready, Me ! next() end), next(), exit(P, {kill, x}), {'EXIT', Me, W} = next(), W end),
    row("X27", fun() -> reason(fun() -> process_flag(trap_exit, true), exit(own) end) end),
    row("X30", fun() -> P = spawn(fun() -> process_flag(trap_exit, true), Me ! ready, receive go -> ok end, process_flag(trap_exit, false), Me ! head(next()) end),
                        next(), exit(P, soft), P ! go, next() end),
    row("L03", fun() -> flag(fun() -> P = waiting(), link(P), link(P), exit(P, x), {'EXIT', P, W} = next(), {W, next_or_none()} end) end),
    row("L04", fun() -> link(Me) end),
    row("L05", fun() -> P = dead(), A = (catch link(P)), B = flag(fun() -> {link(P), element(3, next())} end), {head(element(2, A)), B} end),
    row("L07", fun() -> unlink(dead()) end),
    row("L09", fun() -> P = waiting(), link(P), {links, A} = process_info(P, links), unlink(P), {links, B} = process_info(P, links), {A == [Me], B} end),
    row("L13", fun() -> P = spawn(fun() -> ring(100) end), R = monitor(process, P), P ! stop, down(R) end),
    row("M02", fun() -> down(monitor(process, dead())) end),
    row("M03", fun() -> P = waiting(), A = monitor(process, P), B = monitor(process, P), exit(P, x), {down(A), down(B), next_or_none()} end),
    row("M05", fun() -> {_, R} = spawn_monitor(fun() -> ok end), wait_queue(1), demonitor(R), head(next()) end),
    row("M06", fun() -> {_, R} = spawn_monitor(fun() -> ok end), wait_queue(1), demonitor(R, [flush]), next_or_none() end),
    row("M11", fun() -> R = monitor(process, nobody_is_called_so), {'DOWN', R, process, {N, _}, W} = next(), {N, W} end),
    row("M16", fun() -> R = monitor(process, Me), V = next_or_none(), demonitor(R), V end),
    row("M21", fun() -> P = waiting(), R = monitor(process, P, [{alias, reply_demonitor}]), R ! one, R ! two, {next(), next_or_none()} end),
    row("M23", fun() -> P = waiting(), monitor(process, P, [{tag, gone}]), exit(P, x), head(next()) end),
    row("M25", fun() -> flag(fun() -> {P, R} = spawn_opt(fun() -> exit(both) end, [link, monitor]), W = down(R), {'EXIT', P, V} = next(), {W, V} end) end),
    row("N01", fun() -> register(oracle_name, Me), A = whereis(oracle_name) == Me, unregister(oracle_name), {A, whereis(oracle_name) == Me} end),
    row("N02", fun() -> P = waiting(), register(oracle_name, P), V = (catch register(oracle_name, Me)), unregister(oracle_name), head(element(2, V)) end),
    row("N03", fun() -> register(oracle_a, Me), V = (catch register(oracle_b, Me)), unregister(oracle_a), head(element(2, V)) end),
    row("N05", fun() -> register(oracle_name, dead()) end),
    row("N07", fun() -> unregister(oracle_name) end),
    row("N12", fun() -> {P, R} = spawn_monitor(fun() -> register(oracle_name, self()), Me ! ready, receive never -> ok end end), next(), exit(P, kill), down(R), whereis(oracle_name) == P end),
    row("I01", fun() -> process_info(dead(), status) == undefined end),
    row("I03", fun() -> {status, A} = process_info(Me, status), P = waiting(), erlang:yield(), timer:sleep(20), {status, B} = process_info(P, status), {A, B} end),
    row("I19", fun() -> P = waiting(), exit(P, kill), is_process_alive(P) end),
    row("T01", fun() -> erlang:send_after(5, Me, ping), next() end),
    row("T04", fun() -> T = erlang:send_after(1, Me, x), next(), {erlang:cancel_timer(T), erlang:read_timer(T)} end),
    row("T06", fun() -> erlang:send_after(60, Me, c), erlang:send_after(20, Me, a), erlang:send_after(40, Me, b), {next(), next(), next()} end),
    row("T11", fun() -> erlang:send_after(-1, Me, x) end),
    halt(0).

next_or_none() -> receive M -> M after 30 -> none end.
wait_queue(N) -> case process_info(self(), message_queue_len) of {_, N} -> ok; _ -> erlang:yield(), wait_queue(N) end.
ring(0) -> receive stop -> exit(wave) end;
ring(N) -> P = spawn_link(fun() -> ring(N - 1) end), receive stop -> P ! stop, receive never -> ok end end.
