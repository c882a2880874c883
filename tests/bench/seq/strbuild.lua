-- See strbuild.scm.
local bench = require "bench"

bench.check("strbuild", 1888888, #bench.run("strbuild", function()
  local parts = {}
  for i = 0, 333332 do parts[#parts + 1] = tostring(i) end
  return table.concat(parts)
end))
