-- lua/meta/mooncrier.lua says what is there: every field of the views, every function of the globals.

local mooncrier = require("mooncrier")
local sandbox = require("mooncrier.sandbox")

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local function sorted(set)
  local list = {}
  for name in pairs(set) do
    list[#list + 1] = name
  end
  table.sort(list)
  return list
end

local stubs = read("lua/meta/mooncrier.lua")

-- class → set of its fields
local classes, class = {}, nil
for line in stubs:gmatch("([^\n]*)\n") do
  class = line:match("^%-%-%-@class ([%w.]+)") or line:match("^%-%-%-") and class or nil
  if class then
    classes[class] = classes[class] or {}
    local field = line:match("^%-%-%-@field ([%w_]+)")
    if field then
      classes[class][field] = true
    end
  end
end

-- object → set of its functions
local functions = {}
for object, name in stubs:gmatch("\nfunction ([%a]+)[.:]([%w_]+)%(") do
  functions[object] = functions[object] or {}
  functions[object][name] = true
end

describe("the stubs", function()
  local event = mooncrier.event("{}")
  local views = {
    ["mooncrier.Event"] = { "event_fields", event },
    ["mooncrier.ObjectMeta"] = { "meta_t", event.metadata },
    ["mooncrier.ObjectReference"] = { "ref_t", event.involvedObject },
    ["mooncrier.EventSource"] = { "source_t", event.source },
    ["mooncrier.EventSeries"] = { "series_t", event.series },
  }
  for name, case in pairs(views) do
    it("have exactly the fields of " .. name, function()
      local definition = read("lua/mooncrier/event.lua"):match("\nlocal " .. case[1] .. " = (%b{})")
        or read("lua/mooncrier/event.lua"):match("\n" .. case[1] .. " = define(%b())")
      local defined = {}
      for field in definition:gmatch("\n  ([%a]+) = function") do
        defined[field] = true
      end
      assert.same(sorted(defined), sorted(classes[name]))
      for field in pairs(defined) do
        assert.is_not_nil(case[2][field], field)
      end
    end)
  end

  it("have the methods of an event", function()
    assert.same({ "get", "keep", "with" }, sorted(functions.Event))
    for name in pairs(functions.Event) do
      assert.equal("function", type(event[name]))
    end
  end)

  it("have the methods of a regex", function()
    local regex = require("mooncrier.match").regex("a")
    assert.same({ "captures", "find", "replace", "test" }, sorted(functions.Regex))
    for name in pairs(functions.Regex) do
      assert.equal("function", type(regex[name]))
    end
  end)

  for _, name in ipairs({ "log", "json", "time", "shared" }) do
    it("have exactly the functions of " .. name, function()
      local there = {}
      for key, value in pairs(sandbox.globals[name]) do
        there[key] = type(value) == "function" or nil
      end
      assert.same(sorted(there), sorted(functions[name]))
    end)
  end

  it("have the hooks that sink scripts may return", function()
    local there = {}
    for name in pairs(require("mooncrier.hooks").of_sinks) do
      there[name] = true
    end
    assert.same(sorted(there), sorted(classes["mooncrier.SinkHooks"]))
  end)

  it("have the hooks that scripts may return", function()
    for name in pairs(classes["mooncrier.Hooks"]) do
      local path = os.tmpname()
      local file = assert(io.open(path, "w"))
      file:write(("return { %s = %s }"):format(name, name == "tick_every" and "1" or "function() end"))
      file:close()
      local ok, message = pcall(mooncrier.load, path)
      os.remove(path)
      assert.is_true(ok, message)
    end
    assert.same({ "aggregate_key", "aggregate_message", "filter", "fini", "handle", "init", "local_key",
                  "render", "restore", "route", "save", "self_test", "spam_key", "tick", "tick_every" },
      sorted(classes["mooncrier.Hooks"]))
  end)
end)
