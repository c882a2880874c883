%% See freshref.eta.
-module(freshref).
-export([main/0]).

main() ->
    Queued = 10000,
    Rounds = 100000,
    fill(Queued),
    Server = spawn(fun serve/0),
    bench:report("freshref", bench:time_ns(fun() -> ask(Rounds, Server) end) / Rounds, "ns").

fill(0) -> ok;
fill(N) -> self() ! {other, N}, fill(N - 1).

serve() -> receive {From, Ref} -> From ! {Ref, answer}, serve() end.

ask(0, _) -> ok;
ask(N, Server) ->
    Ref = make_ref(),
    Server ! {self(), Ref},
    receive {Ref, answer} -> ask(N - 1, Server) end.
