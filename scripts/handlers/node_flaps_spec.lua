local test = require("mooncrier.test")

describe("handlers/node_flaps", function()
  local function change(reason, fields)
    local event = { reason = reason, involvedObject = { kind = "Node", name = "edge-7", uid = "edge-7" } }
    for name, value in pairs(fields or {}) do
      event[name] = value
    end
    return event
  end

  local by_controller = { involvedObject = { kind = "Node", name = "edge-7", uid = "0b6f2cd7" },
                          source = { component = "node-controller" } }

  it("counts the changes to the bad side, each once whoever tells", function()
    local watcher = test.start({ "handlers/node_flaps.lua", threshold = 3 })
    for i = 1, 3 do
      watcher:send(change("NodeNotReady", by_controller))
      watcher:send(change("NodeNotReady"))
      assert.equal(i == 3 and 1 or 0, #watcher.result.emitted)
      test.advance("1m")
      watcher:send(change("NodeReady"))
      test.advance("1m")
      watcher:reload()
    end
    local event = watcher:stop().emitted[1].event
    assert.same({ "NodeFlapping", "Warning", "Node edge-7 is flapping: its condition Ready turned bad 3 times within "
      .. "60 min" }, { event.reason, event.type, event.message })
  end)

  for _, case in ipairs({
    { "NodeNotReady", "NodeReady", "Ready" },
    { "NodeHasInsufficientMemory", "NodeHasSufficientMemory", "MemoryPressure" },
    { "NodeHasDiskPressure", "NodeHasNoDiskPressure", "DiskPressure" },
    { "NodeHasInsufficientPID", "NodeHasSufficientPID", "PIDPressure" },
  }) do
    it("knows " .. case[1], function()
      local bad, good = change(case[1]), change(case[2])
      local list = test.run({ "handlers/node_flaps.lua", threshold = 2 }, { bad, good, good, bad, good, bad }).emitted
      assert.equal(1, #list)
      assert.truthy(list[1].event.message:find("condition " .. case[3] .. " turned bad 2 times", 1, true))
      local deleted = change(case[1], { change = "deleted" })
      assert.same({}, test.run({ "handlers/node_flaps.lua", threshold = 1 }, { deleted, good }).emitted)
      local of_pod = { involvedObject = { kind = "Pod", namespace = "a", name = "edge-7" } }
      assert.same({}, test.run({ "handlers/node_flaps.lua", threshold = 1 }, { change(case[1], of_pod) }).emitted)
    end)
  end

  it("does not take a long illness, other conditions or the pods of the node for flapping", function()
    local events = {}
    for i = 1, 5 do
      events[i] = change("NodeNotReady")
      events[i + 5] = change(i % 2 == 0 and "NodeHasDiskPressure" or "NodeHasInsufficientMemory")
      events[i + 10] = change("NodeNotReady", { involvedObject = { kind = "Pod", namespace = "a", name = "edge-7" } })
      events[i + 15] = change("NodeReady")
    end
    assert.same({}, test.run({ "handlers/node_flaps.lua", threshold = 2 }, events).emitted)
  end)

  it("counts pressure, too, and forgets what is long ago", function()
    local function twice(apart)
      local watcher = test.start({ "handlers/node_flaps.lua", threshold = 2, window = "10m", sink = "pager" })
      watcher:send(change("NodeHasInsufficientMemory"))
      watcher:send(change("NodeHasSufficientMemory"))
      test.advance(apart)
      watcher:send(change("NodeHasInsufficientMemory"))
      return #(watcher:stop().sinks.pager or {})
    end
    assert.equal(1, twice("9m"))
    assert.equal(0, twice("11m"))
  end)

  it("finds the nodes that flapped", function()
    local result = test.run("handlers/node_flaps.lua", "examples/data/troubles.jsonl")
    local names = {}
    for i, one in ipairs(result.emitted) do
      names[i] = one.event.involvedObject.name .. " " .. one.event.lastTimestamp
    end
    assert.same({ "edge-8 2026-11-23T05:18:58Z", "worker-4.prod.example.com 2026-11-23T05:19:23Z" }, names)
    assert.equal(421, result.passed)
  end)
end)
