local ffi = require("ffi")
local test = require("mooncrier.test")

ffi.cdef([[int setenv(const char *, const char *, int); int unsetenv(const char *);]])

describe("handlers/heartbeat", function()
  local function told(watcher)
    local list = {}
    for i, one in ipairs(watcher.result.emitted) do
      list[i] = ("%s %s: %s"):format(one.event.type, one.event.reason, one.event.message)
    end
    watcher.result.emitted = {}
    return list
  end

  it("tells how many events came, each time", function()
    local watcher = test.start({ "handlers/heartbeat.lua", every = "1m", cluster = "prod-1", sink = "watchdog" })
    watcher:send({ count = 3 })
    watcher:send({ reason = "Pulled" })
    test.advance("59s")
    assert.same({}, told(watcher))
    test.advance("2s")
    assert.same({ "Normal Heartbeat: 4 events of cluster prod-1 within 1 min, the newest is 1 min old" }, told(watcher))
    watcher:send({})
    watcher:reload()
    test.advance("1m")
    assert.same({ "Normal Heartbeat: 1 event of cluster prod-1 within 1 min, the newest is 59 s old" }, told(watcher))
    assert.equal("Process", watcher:stop().sinks.watchdog[1].event.involvedObject.kind)
  end)

  it("says when no events come, and when they do again", function()
    local watcher = test.start({ "handlers/heartbeat.lua", every = "1h", silence = "10m" })
    test.advance("9m")
    watcher:send({})
    test.advance("9m")
    assert.same({}, told(watcher))
    test.advance("1m")
    assert.same({ "Warning Silence: no event for 10 min" }, told(watcher))
    watcher:reload()
    test.advance("20m")
    assert.same({}, told(watcher))
    watcher:send({})
    assert.same({ "Normal EventsAgain: events come again, after 30 min" }, told(watcher))
    watcher:stop()
  end)

  it("is about the pod that mooncrier runs in", function()
    ffi.C.setenv("POD_NAME", "mooncrier-0", 1)
    ffi.C.setenv("POD_NAMESPACE", "ops", 1)
    local watcher = test.start({ "handlers/heartbeat.lua", every = "1m" })
    test.advance("1m")
    ffi.C.unsetenv("POD_NAME")
    ffi.C.unsetenv("POD_NAMESPACE")
    local object = watcher:stop().emitted[1].event.involvedObject
    assert.same({ "Pod", "ops", "mooncrier-0" }, { object.kind, object.namespace, object.name })
  end)

  it("beats through a recording, and changes nothing", function()
    local result = test.run({ "handlers/heartbeat.lua", every = "5m", silence = "1h" }, "examples/data/troubles.jsonl")
    local n = 0
    for _, one in ipairs(result.emitted) do
      assert.equal("Heartbeat", one.event.reason)
      n = n + tonumber(one.event.message:match("^%d+"))
    end
    assert.equal(421, result.passed)
    assert.is_true(#result.emitted >= 3)
    assert.equal(418, n) -- and the last 5 min are not over
  end)
end)
