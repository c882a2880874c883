%% See idle.eta.
-module(idle).
-export([main/1]).

main(Count) ->
    io:format("BASE~n"),
    timer:sleep(300),
    start(Count),
    timer:sleep(200),
    io:format("READY~n"),
    timer:sleep(600).

start(0) -> ok;
start(N) -> spawn(fun() -> receive _ -> ok end end), start(N - 1).
