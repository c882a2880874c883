-- See nqueens.scm: an array takes the place of the list.
local bench = require "bench"

local function safe(row, column, placed)
  for i = column, 1, -1 do
    local other, distance = placed[i], column - i + 1
    if other == row or other == row + distance or other == row - distance then return false end
  end
  return true
end

local function place(column, n, placed)
  if column == n then return 1 end
  local count = 0
  for row = 0, n - 1 do
    if safe(row, column, placed) then
      placed[column + 1] = row
      count = count + place(column + 1, n, placed)
    end
  end
  return count
end

bench.check("nqueens", 2680, bench.run("nqueens", function() return place(0, 11, {}) end))
