%% See strbuild.scm: appends to a binary.
-module(strbuild).
-export([main/0]).

main() -> bench:check("strbuild", 1888888, byte_size(bench:run("strbuild", fun() -> build(0, 333333, <<>>) end))).

build(N, N, Text) -> Text;
build(I, N, Text) -> build(I + 1, N, <<Text/binary, (integer_to_binary(I))/binary>>).
