-- See hash.scm.
local bench = require "bench"

local n = 1000000
local function spread(i) return i * 7919 % 15485863 end

local function sum(t, key)
  local s = 0
  for i = 0, 2 * n - 1 do s = s + (t[key(i)] or 0) end
  return s
end

local ints = {}
bench.run("hash_int_set", function() for i = 0, n - 1 do ints[spread(i)] = i end end)
bench.check("hash_int_ref", 499999500000, bench.run("hash_int_ref", function() return sum(ints, spread) end))
bench.run("hash_int_del", function() for i = 0, n - 1, 2 do ints[spread(i)] = nil end end)
bench.check("hash_int_del", 250000000000, sum(ints, spread))

local names = {}
for i = 0, 2 * n - 1 do names[i] = "name-" .. spread(i) end
local function name(i) return names[i] end

local strings = {}
bench.run("hash_str_set", function() for i = 0, n - 1 do strings[names[i]] = i end end)
bench.check("hash_str_ref", 499999500000, bench.run("hash_str_ref", function() return sum(strings, name) end))
