-- Writes what is made of the annotations: lua/REFERENCE.md, the manual page mooncrier-lua(7) and the stubs
-- of the modules. From the top of the tree:
--
--     luajit lua/reference/write.lua
--
-- tests/lua/reference_spec.lua fails when a file is not what this writes.

package.path = "lua/reference/?.lua;" .. package.path

local outline = require("outline")

local written = {}

---path → text
---@return table<string, string>
function written.files()
  local chapters = outline.read()
  local files = {
    ["lua/REFERENCE.md"] = require("markdown").write(chapters),
    ["core/cli/mooncrier-lua.7"] = require("manual").write(chapters),
  }
  for _, module in ipairs(outline.modules) do
    files["lua/meta/mooncrier/" .. module .. ".lua"] = require("stubs").write(module, outline.module(module))
  end
  return files
end

if not ... then
  for path, text in pairs(written.files()) do
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
  end
end

return written
