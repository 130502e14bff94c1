-- mooncrier.test, what specs of scripts use.

local test = require("mooncrier.test")
local world = require("tests.lua.world")

describe("mooncrier.test", function()
  local dir

  local function script(text, name)
    local path = dir .. "/" .. (name or "s.lua")
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
    return path
  end

  before_each(function()
    dir = world.files({})
    test.clock("2026-01-01T12:00:00Z")
  end)

  after_each(function()
    os.execute(("rm -r '%s'"):format(dir))
  end)

  it("runs a shipped script", function()
    local loops = {}
    for i = 1, 3 do
      loops[i] = test.event({ reason = "BackOff" })
      test.advance("1m")
    end
    local result = test.run({ "handlers/crashloop.lua", threshold = 3 }, loops)
    assert.equal(3, result.passed)
    assert.equal(1, #result.emitted)
    assert.equal("CrashLoop", result.emitted[1].event.reason)
    assert.equal(test.clock() - 60, result.emitted[1].at)
  end)

  it("tells of dropped and refused events", function()
    local path = script([[return {
      filter = function(event) return event.type == "Warning", "not a warning" end,
      handle = function(event) if event.reason == "Failed" then error("oh") end end,
    }]])
    local events = { { reason = "BackOff" }, { reason = "Pulled" }, { reason = "Failed" } }
    local result = test.run(path, events, { errors = true })
    assert.same({ "passed", "dropped", "refused" }, { result[1].outcome, result[2].outcome, result[3].outcome })
    assert.equal("not a warning", result[2].reason)
    assert.equal(path .. ":3: oh", result[3].error)
    assert.same({ ["not a warning"] = 1 }, result.reasons)
    assert.has_error(function() test.run(path, events) end)
  end)

  it("routes, renders and ticks", function()
    local path = script([[local n = 0
    return {
      route = function(event)
        return event.reason == "BackOff" and { "b", a = event:with({ message = "x" }) } or nil
      end,
      render = function(event, sink) return { m = event.message, s = sink } end,
      tick = function()
        n = n + 1
        emit({ reason = "T", message = "" .. n, involvedObject = { name = "x" } }, "b")
      end,
      tick_every = "1m",
    }]])
    local result = test.run(path, { { reason = "BackOff" }, {} }, { sinks = { "a", "b" }, after = "2m" })
    assert.same({ "a", "b" }, result[1].sinks)
    assert.equal('{"m":"x","s":"a"}', result.sinks.a[1].body)
    assert.equal(2, result.ticks)
    assert.equal(4, #result.sinks.b)
    assert.same({ "a", "b" }, result[2].sinks)
  end)

  it("reloads, keeps time, and compares with golden files", function()
    local path = script([[local n = 0
    return {
      handle = function(event) n = n + event.delta log.info("%d at %s", n, time.format(time.now())) end,
      save = function() return n end, restore = function(saved) n = saved end,
    }]])
    local watcher = test.start(path)
    local first = test.event()
    watcher:send(first)
    test.advance("5m")
    watcher:reload()
    watcher:send(test.again(first))
    assert.same({ { level = "info", text = "1 at 2026-01-01T12:00:00Z" },
                  { level = "info", text = "2 at 2026-01-01T12:05:00Z" } }, watcher:stop().log)
    local dump = test.render("renderers/slack.lua", { reason = "BackOff" })
    assert.equal("*Warning* BackOff: Pod web-1", dump.json.text)
    assert.equal(346, #test.events("examples/data/events.jsonl"))
  end)
end)
