-- For all Lua programs: times one call and prints "NAME MILLISECONDS ms".
local M = {}

function M.run(name, work)
  local start = os.clock()
  local result = work()
  print(string.format("%s %.3f ms", name, (os.clock() - start) * 1000))
  return result
end

function M.check(name, expected, got)
  if expected ~= got then print(name .. ": wrong result " .. tostring(got)) end
end

return M
