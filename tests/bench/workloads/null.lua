-- The run-null bench: what to do is said in baseline.lua.
local seen = 0

return {
  handle = function(_)
    seen = seen + 1
  end,
}
