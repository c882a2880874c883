-- See cps.scm.
local bench = require "bench"

local function fib(n, k)
  if n < 2 then return k(n) end
  return fib(n - 1, function(a) return fib(n - 2, function(b) return k(a + b) end) end)
end

bench.check("cps", 832040, bench.run("cps", function() return fib(30, function(x) return x end) end))
