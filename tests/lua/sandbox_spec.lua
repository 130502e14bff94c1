-- What scripts can reach, and what they cannot.

local mooncrier = require("mooncrier")
local event = require("mooncrier.event")
local world = require("tests.lua.world")

-- The value of an expression inside the sandbox.
local function inside(expression)
  local hooks = world.load("return { handle = function() return " .. expression .. "\nend }")
  return hooks.handle()
end

local function fails(fragment, expression)
  local ok, message = pcall(inside, expression)
  assert.is_false(ok, expression)
  assert.truthy(tostring(message):find(fragment, 1, true), ("%s: %q"):format(expression, tostring(message)))
end

describe("the sandbox", function()
  it("has the globals of the design and the safe library", function()
    for _, name in ipairs({
      "emit", "new_event", "log", "json", "time", "shared", "env", "require", "print", "pairs",
      "assert", "error", "ipairs", "next", "pcall", "rawequal", "rawget", "rawset", "select",
      "setmetatable", "getmetatable", "tonumber", "tostring", "type", "unpack", "_VERSION", "_G",
      "string", "table", "math", "bit", "coroutine", "os",
    }) do
      assert.not_nil(inside(name), name)
    end
  end)

  for _, name in ipairs({
    "io", "debug", "ffi", "jit", "package", "load", "loadstring", "loadfile", "dofile", "setfenv",
    "getfenv", "newproxy", "collectgarbage", "module", "gcinfo", "xpcall", "arg", "core", "event",
    "describe",
  }) do
    it("does not have " .. name, function()
      fails(("spec.lua:1: undefined global '%s'"):format(name), name)
    end)
  end

  it("does not have what its libraries have elsewhere", function()
    for _, name in ipairs({
      "string.dump", "('x').dump", "os.execute", "os.getenv", "os.exit", "os.remove", "os.rename",
      "os.tmpname", "os.setlocale", "table.getn", "coroutine.isyieldable", "_G.io", "_G.debug",
      "rawget(_G, 'io')",
    }) do
      local ok, value = pcall(inside, name)
      assert.is_true(not ok or value == nil, name)
    end
  end)

  it("does not lend out the metatables of the world outside", function()
    assert.is_nil(inside("getmetatable('')"))
    assert.equal("the globals of mooncrier scripts", inside("getmetatable(_G)"))
    assert.is_nil(inside("getmetatable(print)"))
    local hooks = world.load("return { handle = function(e) return getmetatable(e) end }")
    assert.is_nil(hooks.handle(mooncrier.event("{}")))
    fails("cannot change a protected metatable", "setmetatable(_G, {})")
  end)

  it("suggests the global that was meant, with file and line", function()
    fails("spec.lua:1: undefined global 'jsno'; did you mean 'json'?", "jsno")
    fails("spec.lua:2: undefined global 'reqiure'; did you mean 'require'?", "\nreqiure")
  end)

  it("takes no new globals", function()
    local ok, message = pcall(world.load, "local a = 1\nfunction helper() end\nreturn {}")
    assert.is_false(ok)
    assert.truthy(message:find("spec.lua:2: assignment to global 'helper'; make it local", 1, true))
    fails("assignment to global 'x'", "(function() x = 1 end)()")
    fails("assignment to global 'print'", "(function() print = 1 end)()")
  end)

  it("takes no bytecode", function()
    local ok, message = pcall(world.load, "\27LJ\2\0")
    assert.is_false(ok)
    assert.equal("spec.lua: this is bytecode; scripts are text", message)
  end)

  it("tells the time by the clock of the run", function()
    mooncrier.clock(1795410000.5)
    assert.equal(1795410000, inside("os.time()"))
    assert.equal(1795410000.5, inside("time.now()"))
    assert.equal("2026-11-23", inside("os.date('!%Y-%m-%d')"))
  end)

  it("reads the environment, with a default or an error", function()
    assert.equal(os.getenv("PATH"), inside("env('PATH')"))
    assert.equal("d", inside("env('MOONCRIER_NOT_SET', 'd')"))
    fails("spec.lua:1: environment variable MOONCRIER_NOT_SET is not set", "(env('MOONCRIER_NOT_SET'))")
  end)
end)

describe("an event in a script's hands", function()
  local ev

  before_each(function()
    ev = mooncrier.event([[{"reason":"R","metadata":{"name":"n","labels":{"a":"1"}}}]])
  end)

  -- Each of these is an error, and nothing worse.
  for _, use in ipairs({
    "event.gen = 1", "event.handle = 1", "event.reason = 'x'", "event.new_field = 1",
    "event.metadata.name = 'x'", "event.metadata.labels.a = 'x'", "event.metadata.labels.handle = 1",
    "event.metadata.labels.part = 1", "event.involvedObject.part = 1", "event.get({}, 'x')",
    "event.with(5)", "event.with()", "event.keep(nil)", "event.get(event.metadata, 'x')",
    "event:with(5)", "event:with()", "event:with{ [1] = 'x' }", "event:with{ [{}] = 1 }",
    "event:with{ x = print }", "event:with{ count = 1.5 }", "event:with{ count = 1e300 }",
    "event:with{ count = 0/0 }", "event:with{ metadata = 'x' }", "event:with{ metadata = { labels = 5 } }",
    "event:get({})", "event:get('metadata', {})", "event:get(nil)", "return event .. 'x'", "return event + 1",
    "return -event", "return event < event", "return #event", "event()", "return event.nothing",
    "return event[1]", "return event[{}]", "for _ in pairs(event) do end",
    "for _ in ipairs(event) do end", "for _ in pairs(event.metadata) do end",
    "new_event(event)", "new_event()", "new_event(5)", "new_event{}", "new_event{ involvedObject = 5 }",
    "new_event{ involvedObject = {}, metadata = 5 }", "new_event{ involvedObject = {}, source = 'x' }",
    "new_event{ involvedObject = {}, type = {} }", "new_event{ involvedObject = { name = {} } }",
    "new_event{ involvedObject = {}, count = 'x' }", "new_event{ involvedObject = event }",
    "emit()", "emit(5)", "emit('x')", "emit(event.metadata)", "emit({})",
    "shared.set('k', event)", "setmetatable(event, {})", "rawset(event, 'x', 1)",
    "event.metadata.labels()", "return event.metadata.labels .. 'x'",
  }) do
    it("cannot be misused: " .. use, function()
      local hooks = world.load("return { handle = function(event) " .. use .. " end }")
      local ok, message = pcall(hooks.handle, ev)
      assert.is_false(ok, use)
      assert.equal("string", type(message))
      assert.equal("R", ev.reason)
      assert.equal("1", ev.metadata.labels.a)
    end)
  end

  for use, want in pairs({
    ["event == event"] = true, ["event == nil"] = false, ["nil == event"] = false,
    ["event == 5"] = false, ["event == 'x'"] = false, ["event == {}"] = false,
    ["event == event:keep()"] = true, ["event == event.metadata"] = false,
    ["event.metadata.labels == nil"] = false, ["event.metadata.labels[5]"] = "nil",
    ["event.metadata.labels.absent"] = "nil", ["#event.metadata.labels"] = 1,
    ["type(event)"] = "cdata", ["type(tonumber(event))"] = "nil",
    ["event:get('metadata', 'labels', 'a')"] = "1", ["event:get('metadata', 'labels', 'b')"] = "nil",
    ["event:get('metadata.labels.a')"] = "1", ["event:get('')"] = "nil", ["event:get('.')"] = "nil",
    ["event:get('metadata.')"] = "nil", ["event:get('reason', '1')"] = "nil",
    ["tostring(event.metadata.labels)"] = '{"a":"1"}', ["('%s'):format(event.metadata.labels)"] = '{"a":"1"}',
    ["json.encode{ event.metadata.labels }"] = '[{"a":"1"}]', ["event:with{}.reason"] = "R",
  }) do
    it("answers " .. use, function()
      local hooks = world.load("return { handle = function(event) return " .. use .. " end }")
      local value = hooks.handle(ev)
      assert.equal(want, value == nil and "nil" or value)
    end)
  end

  it("is found in lists by number, in plain digits", function()
    ev = mooncrier.event([[{"reason":"R","list":[10,20,{"1":30}]}]])
    for name, want in pairs({ ["1"] = 10, ["2"] = 20, ["3.1"] = 30, ["0"] = "nil", ["4"] = "nil",
      ["1x"] = "nil", ["+1"] = "nil", [" 1"] = "nil", ["-1"] = "nil", ["99999999999999999999"] = "nil" }) do
      local value = ev:get("list." .. name)
      assert.equal(want, value == nil and "nil" or value, name)
    end
    assert.equal(20, ev:get("list", 2))
  end)

  it("is not held twice: made and dropped by the thousand", function()
    for i = 1, 3000 do
      local made = ev:with{ reason = "M" .. i, metadata = { labels = { n = tostring(i) } } }
      local kept = made:keep()
      assert(kept == made and kept.metadata.labels.n == tostring(i))
      if i % 500 == 0 then
        collectgarbage()
      end
    end
    assert.equal(0, tonumber(event.run.made))
  end)
end)
