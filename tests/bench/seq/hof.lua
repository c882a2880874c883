-- See hof.scm: arrays take the place of lists.
local bench = require "bench"

local function build(n) local t = {} for i = 1, n do t[i] = i end return t end
local function filter(keep, list)
  local t, n = {}, 0
  for i = 1, #list do if keep(list[i]) then n = n + 1; t[n] = list[i] end end
  return t
end
local function map(f, list) local t = {} for i = 1, #list do t[i] = f(list[i]) end return t end
local function fold(f, result, list)
  for i = 1, #list do result = f(list[i], result) end
  return result
end
local function round_trip()
  local even = filter(function(x) return x % 2 == 0 end, build(1000000))
  return fold(function(x, sum) return x + sum end, 0, map(function(x) return 3 * x + 1 end, even))
end

bench.check("hof", 750002000000, bench.run("hof", function()
  local result
  for _ = 1, 5 do result = round_trip() end
  return result
end))
