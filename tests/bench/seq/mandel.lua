-- See mandel.scm.
local bench = require "bench"

local function stays(cr, ci, limit)
  local zr, zi = 0.0, 0.0
  for _ = 1, limit do
    local a, b = zr * zr, zi * zi
    if a + b > 4.0 then return 0 end
    zr, zi = a - b + cr, 2.0 * (zr * zi) + ci
  end
  return 1
end

local function mandel(n, limit)
  local step, count = 3.0 / n, 0
  for y = 0, n - 1 do
    for x = 0, n - 1 do count = count + stays(step * x - 2.0, step * y - 1.5, limit) end
  end
  return count
end

bench.check("mandel", 6755, bench.run("mandel", function() return mandel(200, 1000) end))
