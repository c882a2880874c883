-- See fib.scm.
local bench = require "bench"

local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end

bench.check("fib", 2178309, bench.run("fib", function() return fib(32) end))
