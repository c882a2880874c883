%% See call.eta.
-module(call).
-behaviour(gen_server).
-export([main/0, init/1, handle_call/3, handle_cast/2]).

main() ->
    Count = 300000,
    {ok, Server} = gen_server:start(?MODULE, 0, []),
    bench:report("call", bench:time_ns(fun() -> call(Count, Server) end) / Count, "ns"),
    Count = gen_server:call(Server, next).

init(State) -> {ok, State}.
handle_call(next, _From, State) -> {reply, State, State + 1}.
handle_cast(_, State) -> {noreply, State}.

call(0, _) -> ok;
call(N, Server) -> gen_server:call(Server, next), call(N - 1, Server).
