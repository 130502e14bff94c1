-- What every script of scripts/ keeps: a header with its parameters, the same that it takes.

local mooncrier = require("mooncrier")

local function files()
  local list = {}
  local pipe = assert(io.popen("ls scripts/*/*.lua"))
  for path in pipe:lines() do
    if not path:find("_spec%.lua$") then
      list[#list + 1] = path
    end
  end
  pipe:close()
  return list
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local function documented(text)
  local names = {}
  for name in text:gmatch("\n%-%- @param%s+([%w_]+)%s+%a+%s+%(") do
    names[#names + 1] = name
  end
  table.sort(names)
  return table.concat(names, ", ")
end

local kinds = {}
for kind in ("string number boolean table count duration strings sinks"):gmatch("%l+") do
  kinds[kind] = true
end

describe("the shipped script", function()
  local list = files()

  it("list is found", function()
    assert.is_true(#list >= 36, #list .. " scripts")
  end)

  for _, path in ipairs(list) do
    it(path .. " documents exactly the parameters it takes", function()
      local load = path:find("^scripts/sinks/") and mooncrier.load_sink or mooncrier.load
      local ok, message = pcall(load, path, { ["?"] = true })
      assert.is_false(ok)
      assert.equal(documented(read(path)), message:match("%(known: (.-)%)"))
    end)

    -- As core/cli/script_header.h reads it.
    it(path .. " has a header of the right form", function()
      local header = read(path):match("^(.-)\n\n") .. "\n"
      for line in header:gmatch("[^\n]+") do
        assert.truthy(line:find("^%-%-$") or line:find("^%-%- "), line)
      end
      local first = header:match("^(.-)\n%-%-\n") or header
      assert.truthy(first:find("^%-%- %u.*[.:]$"), "the first paragraph is sentences")
      for param in (header:gsub("\n%-%-  +", " ")):gmatch("\n%-%- (@param[^\n]*)") do
        local kind = param:match("^@param +%l[%w_]* +(%l+) +%b() +%S")
        assert.truthy(kind and kinds[kind], param)
      end
    end)

    it(path .. " has a spec and an example of its use", function()
      local text = read(path)
      assert.truthy(text:find('^%-%- %u'))
      assert.truthy(text:find('\n-- { "' .. path:gsub("^scripts/", "") .. '"', 1, true))
      assert.truthy(read((path:gsub("%.lua$", "_spec.lua"))))
    end)
  end
end)
