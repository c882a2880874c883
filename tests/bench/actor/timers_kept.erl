%% See timers_kept.eta.
-module(timers_kept).
-export([main/1]).

main(Count) ->
    io:format("BASE~n"),
    timer:sleep(300),
    start(Count),
    timer:sleep(200),
    io:format("READY~n"),
    timer:sleep(600).

start(0) -> ok;
start(N) -> erlang:send_after(600000 + N, self(), late), start(N - 1).
