-- The stub of a module for editors: its annotations, and its functions without their bodies. Projects
-- that have no copy of lua/mooncrier/ see it by these.

local annotations = require("annotations")

local stubs = {}

---@param module string
---@param items table[] of outline.module
---@return string
function stubs.write(module, items)
  local out = {
    "---@meta mooncrier." .. module,
    "-- Written by lua/reference/write.lua from lua/mooncrier/" .. module .. ".lua: change that.",
    "",
  }
  for i, item in ipairs(items) do
    for _, line in ipairs(item.lines) do
      out[#out + 1] = line
    end
    if item.kind == "class" and (item.variable or i == 1) then
      out[#out + 1] = ("local %s = {}"):format(item.variable)
    elseif item.kind == "function" then
      out[#out + 1] = ("function %s end"):format(annotations.call_of(item))
    end
    out[#out + 1] = ""
  end
  out[#out + 1] = "return " .. module
  return table.concat(out, "\n") .. "\n"
end

return stubs
