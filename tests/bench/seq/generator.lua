-- See generator.scm: a coroutine does what the continuation does there.
local bench = require "bench"

bench.check("generator", 4999950000, bench.run("generator", function()
  local next = coroutine.wrap(function()
    for i = 0, 99999 do coroutine.yield(i) end
    return -1
  end)
  local sum = 0
  while true do
    local x = next()
    if x < 0 then return sum end
    sum = sum + x
  end
end))
