-- Sink scripts in plain Lua: the one of examples/12-sink-in-lua on real events.

local mooncrier = require("mooncrier")
local world = require("tests.lua.world")

describe("a sink script", function()
  local dir

  before_each(function() dir = world.files({}) end)
  after_each(function() os.execute(("rm -r '%s'"):format(dir)) end)

  local function read(name)
    local file = assert(io.open(dir .. "/" .. name))
    local text = file:read("*a")
    file:close()
    return text
  end

  local function pod(namespace, message)
    return mooncrier.event({
      involvedObject = { kind = "Pod", namespace = namespace, name = "web-0" },
      reason = "BackOff", message = message, lastTimestamp = "2026-11-23T05:01:00Z",
    })
  end

  it("can be tested without the program", function()
    local sink = mooncrier.load_sink("examples/12-sink-in-lua/reports.lua", { dir = dir }, { "io" })
    assert.is_nil(sink:open())
    assert.is_nil(sink:write(pod("prod", 'it said "no"\nand left')))
    assert.is_nil(sink:write(pod("", "m")))
    assert.same({ false, '"../x" is no namespace' }, { sink:write(pod("../x", "m")) })
    assert.is_nil(sink:flush())
    sink:reopen()
    sink:write(pod("prod", "again"))
    sink:close()
    assert.equal([["2026-11-23T05:01:00Z","Normal","BackOff","Pod/web-0","1","it said ""no"" and left"]],
      read("prod.csv"):match("\n([^\n]*)"))
    assert.equal(3, select(2, read("prod.csv"):gsub("\n", "")))
    assert.equal(2, select(2, read("cluster.csv"):gsub("\n", "")))
  end)

  it("asks for another try while its folder is gone", function()
    local sink = mooncrier.load_sink("examples/12-sink-in-lua/reports.lua", { dir = dir .. "/none" }, { "io" })
    assert.is_false((sink:open()))
    local answer, why = sink:write(pod("prod", "m"))
    assert.equal("retry", answer)
    assert.matches("No such file or directory", why, 1, true)
  end)

  it("has its own hooks, and cannot emit", function()
    local function load(text)
      local path = dir .. "/s.lua"
      local file = assert(io.open(path, "w"))
      file:write(text)
      file:close()
      return mooncrier.load_sink(path)
    end
    assert.error_matches(function() load("return { flush = function() end }") end, "a sink has a write hook")
    assert.error_matches(function() load("return { write = print, route = print }") end, "unknown hook 'route'")
    local sink = load("return { write = function(e) emit(e) end }")
    assert.error_matches(function() sink:write(pod("prod", "m")) end, "nor from a sink")
    assert.same({}, mooncrier.emitted())
  end)
end)
