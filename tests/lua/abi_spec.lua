-- The structs that C and LuaJIT share are declared once and read by two compilers: both must see the
-- same sizes and offsets, and none may be left out of the comparison.

local ffi = require("ffi")
local core = require("mooncrier.core")
require("mooncrier.event") -- declares them

-- What the headers declare: struct → list of fields.
local function declared()
  local structs = {}
  local text = core.abi:gsub("//[^\n]*", "")
  for body, name in text:gmatch("typedef struct [%w_]+ (%b{}) ([%w_]+);") do
    local fields = {}
    for statement in body:sub(2, -2):gmatch("[^;]+") do
      fields[#fields + 1] = statement:match("%(%*([%w_]+)%)") or statement:match("([%w_]+)%s*$")
    end
    structs[name] = fields
  end
  return structs
end

local function count(t)
  local n = 0
  for _ in pairs(t) do
    n = n + 1
  end
  return n
end

describe("the shared structs", function()
  local structs, layout = declared(), core.layout()

  it("are all compared", function()
    assert.equal(18, count(structs))
    assert.equal(count(structs), count(layout))
  end)

  for name, fields in pairs(structs) do
    it("look the same from both sides: " .. name, function()
      local seen = layout[name]
      assert.truthy(seen, name .. " is not in core/script/abi_layout.c")
      assert.equal(seen.size, ffi.sizeof(name))
      assert.equal(#fields, count(seen.fields))
      for _, field in ipairs(fields) do
        assert.truthy(seen.fields[field], field .. " is not in core/script/abi_layout.c")
        assert.equal(seen.fields[field], ffi.offsetof(name, field), field)
      end
    end)
  end
end)
