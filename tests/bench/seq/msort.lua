-- See msort.scm: arrays take the place of lists.
local bench = require "bench"

local function numbers(n)
  local x, t = 42, {}
  for i = 1, n do
    x = (x * 1103515245 + 12345) % 2147483648
    t[i] = x
  end
  return t
end

local function merge(a, b)
  local t, i, j = {}, 1, 1
  for n = 1, #a + #b do
    if j > #b or (i <= #a and a[i] <= b[j]) then
      t[n] = a[i]; i = i + 1
    else
      t[n] = b[j]; j = j + 1
    end
  end
  return t
end

local function msort(t)
  if #t <= 1 then return t end
  local half = #t // 2
  return merge(msort(table.move(t, 1, half, 1, {})),
               msort(table.move(t, half + 1, #t, 1, {})))
end

local input = numbers(200000)
local sorted = bench.run("msort", function() return msort(input) end)
local ordered = true
for i = 2, #sorted do ordered = ordered and sorted[i - 1] <= sorted[i] end
bench.check("msort", true, ordered)
