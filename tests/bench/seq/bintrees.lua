-- See bintrees.scm.
local bench = require "bench"

local function make(depth)
  if depth == 0 then return false end
  return {make(depth - 1), make(depth - 1)}
end
local function count(tree) if not tree then return 1 end return count(tree[1]) + count(tree[2]) end

bench.check("bintrees", 100 * 16384 + 131072, bench.run("bintrees", function()
  local kept, sum = make(17), 0
  for _ = 1, 100 do sum = sum + count(make(14)) end
  return sum + count(kept)
end))
