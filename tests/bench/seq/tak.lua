-- See tak.scm.
local bench = require "bench"

local function tak(x, y, z)
  if not (y < x) then return z end
  return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y))
end

bench.check("tak", 9, bench.run("tak", function()
  local result
  for _ = 1, 5 do result = tak(24, 16, 8) end
  return result
end))
