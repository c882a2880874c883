%% See idle.eta.
-module(idle).
-export([main/0]).

main() ->
    io:format("BASE~n"),
    timer:sleep(300),
    start(100000),
    timer:sleep(200),
    io:format("READY~n"),
    timer:sleep(600).

start(0) -> ok;
start(N) -> spawn(fun() -> receive _ -> ok end end), start(N - 1).
