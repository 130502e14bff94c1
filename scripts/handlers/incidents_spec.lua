local test = require("mooncrier.test")

describe("handlers/incidents", function()
  local SCRIPT = "handlers/incidents.lua"

  local function of(reason, pod, fields)
    local event = { reason = reason, involvedObject = { kind = "Pod", namespace = "prod", name = pod } }
    for name, value in pairs(fields or {}) do
      event[name] = value
    end
    return event
  end

  local function told(watcher)
    local list = {}
    for i, one in ipairs(watcher.result.emitted) do
      list[i] = ("%s %s: %s"):format(one.event.type, one.event.reason, one.event.message)
    end
    return list
  end

  it("opens, names its events and closes", function()
    test.clock("2026-11-23T05:00:00Z")
    local watcher = test.start({ SCRIPT, threshold = 3, quiet = "10m" })
    assert.is_false(watcher:send(of("BackOff", "web-0")).changed)
    watcher:send(of("BackOff", "web-1"))
    local third = watcher:send(of("Unhealthy", "web-1", { message = "probe failed" }))
    local name = "prod/web@2026-11-23T05:00:00Z"
    assert.equal(name, third.event:get("incident"))
    watcher:reload()
    test.advance("1m")
    assert.equal(name, watcher:send(of("BackOff", "web-2", { count = 4 })).event:get("incident"))
    assert.equal(name, watcher:send(of("Pulled", "web-2")).event:get("incident"))
    assert.is_false(watcher:send(of("BackOff", "db-0")).changed)
    test.advance("9m")
    assert.equal(1, #watcher.result.emitted)
    test.advance("2m")
    assert.is_false(watcher:send(of("Pulled", "web-2")).changed)
    assert.same({
      "Warning IncidentOpened: Incident of prod/web: 3 warnings within 5 min, the last one: Unhealthy: probe failed",
      "Normal IncidentClosed: Incident of prod/web is over after 1 min: 7 warnings about 2 objects: 4 BackOff, "
        .. "2 earlier, 1 Unhealthy",
    }, told(watcher))
    for _, one in ipairs(watcher:stop().emitted) do
      assert.equal(name, one.event:get("incident"))
      assert.equal("web", one.event.involvedObject.name)
    end
  end)

  it("closes by the time of events, too", function()
    local watcher = test.start({ SCRIPT, threshold = 1, quiet = "10m", sink = "slack" }, { still = true })
    watcher:send(of("BackOff", "web-0", { lastTimestamp = "2026-11-23T05:00:00Z" }))
    watcher:send(of("Pulled", "db-0", { lastTimestamp = "2026-11-23T05:11:00Z" }))
    local list = watcher:stop().sinks.slack
    assert.same({ 2, "IncidentClosed", "2026-11-23T05:00:00Z" },
      { #list, list[2].event.reason, list[2].event.lastTimestamp })
  end)

  it("goes by namespace or node", function()
    local node = { source = { component = "kubelet", host = "edge-7" } }
    for by, name in pairs({ namespace = "prod", node = "edge-7" }) do
      local events = { of("BackOff", "a", node), of("BackOff", "b", node) }
      local result = test.run({ SCRIPT, threshold = 2, by = by }, events)
      assert.equal(name, result[2].event:get("incident"):match("^(.-)@"))
      assert.equal(name, result.emitted[1].event.involvedObject.name)
    end
    assert.error_matches(function() test.run({ SCRIPT, by = "pod" }, {}) end, "'by' must be")
  end)

  it("does not open for what is excepted, deleted or not a warning", function()
    local result = test.run({ SCRIPT, threshold = 1, except = "Un*" },
      { of("Unhealthy", "a"), of("Pulled", "a"), of("BackOff", "a", { change = "deleted" }) })
    assert.same({}, result.emitted)
  end)

  it("keeps no more open than there is room for", function()
    local watcher = test.start({ SCRIPT, threshold = 1, quiet = "1h" })
    for i = 1, 101 do
      watcher:send(of("BackOff", "app" .. i))
    end
    watcher:reload()
    local result = watcher:stop()
    assert.equal(102, #result.emitted)
    assert.truthy(result.emitted[101].event.message:find("^Incident of prod/app1 is over"))
  end)

  it("makes incidents of real events", function()
    local result = test.run({ SCRIPT, threshold = 5 }, "examples/data/troubles.jsonl", { after = "1h" })
    local open, closed = {}, {}
    for _, one in ipairs(result.emitted) do
      local list = one.event.reason == "IncidentOpened" and open or closed
      list[#list + 1] = one.event:get("incident")
    end
    table.sort(open)
    table.sort(closed)
    assert.same(open, closed)
    assert.same({ 421, 0 }, { result.passed, result.dropped })
    assert.truthy(#open > 5)
  end)
end)
