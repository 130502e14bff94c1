local test = require("mooncrier.test")

describe("handlers/quiet_hours", function()
  local SCRIPT = "handlers/quiet_hours.lua"

  local function passes(params, at, fields)
    params[1] = SCRIPT
    local event = { reason = "BackOff", lastTimestamp = at }
    for name, value in pairs(fields or {}) do
      event[name] = value
    end
    return test.run(params, { event })[1].outcome == "passed"
  end

  -- 2026-11-23 is a Monday.
  local cases = {
    { "22:00-07:00", "UTC", { "2026-11-23T22:00:00Z", "2026-11-23T06:59:59Z" },
      { "2026-11-23T21:59:59Z", "2026-11-23T07:00:00Z" } },
    { "12:00-13:30", "UTC", { "2026-11-23T13:29:00Z" }, { "2026-11-23T13:30:00Z", "2026-11-23T11:59:00Z" } },
    { "22:00-07:00", "+02:00", { "2026-11-23T20:00:00Z" }, { "2026-11-23T19:59:00Z", "2026-11-23T05:00:00Z" } },
    { "22:00-07:00", "-05:30", { "2026-11-23T03:30:00Z", "2026-11-23T12:29:00Z" }, { "2026-11-23T03:29:00Z" } },
    { "Sat,Sun 00:00-24:00", "UTC", { "2026-11-21T00:00:00Z", "2026-11-22T23:59:59Z" },
      { "2026-11-20T23:59:59Z", "2026-11-23T00:00:00Z" } },
    { "Fri-Mon 22:00-06:00", "UTC", { "2026-11-20T23:00:00Z", "2026-11-23T05:00:00Z", "2026-11-24T05:59:00Z" },
      { "2026-11-24T22:00:00Z", "2026-11-25T05:00:00Z", "2026-11-20T05:00:00Z" } },
    { "2026-11-23T10:00:00Z/2026-11-23T12:00:00+01:00", "UTC", { "2026-11-23T10:59:59Z" },
      { "2026-11-23T11:00:00Z", "2026-11-24T10:30:00Z" } },
  }
  for _, case in ipairs(cases) do
    it(("is quiet %s %s"):format(case[1], case[2]), function()
      for _, at in ipairs(case[3]) do
        assert.is_false(passes({ hours = case[1], zone = case[2] }, at), at)
      end
      for _, at in ipairs(case[4]) do
        assert.is_true(passes({ hours = case[1], zone = case[2] }, at), at)
      end
    end)
  end

  it("goes by the clock on the wall of the process", function()
    local zone = os.date("%z", 1795410100)
    local at = require("mooncrier.rfc3339").format(1795410100)
    local hour = os.date("%H", 1795410100)
    local hours = ("%s:00-%02d:00"):format(hour, hour + 1)
    assert.is_false(passes({ hours = hours, zone = "local" }, at), zone)
    assert.is_false(passes({ hours = hours, zone = zone:sub(1, 3) .. ":" .. zone:sub(4) }, at), zone)
  end)

  it("wakes people for what is urgent", function()
    local at = "2026-11-23T23:00:00Z"
    assert.is_true(passes({}, at, { reason = "EvictionStorm" }))
    assert.is_true(passes({}, at, { severity = "critical" }))
    assert.is_false(passes({}, at, { severity = "error" }))
    assert.is_true(passes({ urgent = "Back*" }, at))
    assert.is_true(passes({ namespaces = "dev-*" }, at))
  end)

  it("says in the morning what there was", function()
    test.clock("2026-11-23T23:00:00Z")
    local watcher = test.start({ SCRIPT, hours = "22:00-07:00", sink = "slack" })
    watcher:send({ reason = "BackOff", count = 3 })
    watcher:send({ reason = "Unhealthy" })
    watcher:reload()
    test.clock("2026-11-24T06:50:00Z")
    watcher:send({ reason = "Unhealthy", metadata = { name = "b" } })
    assert.is_nil(watcher.result.sinks.slack)
    test.advance("11m")
    watcher:send({ reason = "Failed" })
    local list = watcher:stop().sinks.slack
    assert.equal(1, #list)
    assert.same({ "QuietHoursOver", "Normal", 5, "The quiet hours are over; held back from 2026-11-23T23:00:00Z to "
      .. "2026-11-24T06:50:00Z: 3 BackOff, 2 Unhealthy" },
      { list[1].event.reason, list[1].event.type, list[1].event.count, list[1].event.message })
  end)

  it("says it without an event that asks for it, too", function()
    test.clock("2026-11-23T23:00:00Z")
    local watcher = test.start({ SCRIPT, hours = "22:00-07:00" })
    watcher:send({ reason = "BackOff" })
    test.advance("7h")
    assert.equal(0, #watcher.result.emitted)
    test.advance("65m")
    assert.equal(1, #watcher.result.emitted)
    assert.equal(1, #watcher:stop().emitted)
  end)

  it("keeps real events from people, and tells of each once", function()
    local result = test.run({ SCRIPT, hours = "05:09-05:20" }, "examples/data/troubles.jsonl")
    assert.equal(421, result.passed + result.dropped)
    assert.same({ ["quiet hours"] = result.dropped }, result.reasons)
    local n = 0
    for _, one in ipairs(result.emitted) do
      n = n + one.event.count
    end
    local deltas = 0
    for _, outcome in ipairs(result) do
      deltas = deltas + (outcome.outcome == "dropped" and math.max(outcome.input.delta, 1) or 0)
    end
    assert.equal(deltas, n)
    assert.truthy(result.dropped > 200)
  end)

  for _, case in ipairs({
    { { hours = "10-12" }, '"10%-12" is none of "22:00%-07:00"' },
    { { hours = "25:00-26:00" }, "has a time of day that is none" },
    { { hours = "Mo 10:00-12:00" }, "days that are none of Mon" },
    { { hours = "2026-11-23T10:00:00Z/2026-11-22T10:00:00Z" }, "is no time from one RFC 3339 time to a later one" },
    { { zone = "Europe/Berlin" }, "'zone' must be" },
  }) do
    it("refuses: " .. case[2], function()
      case[1][1] = SCRIPT
      assert.error_matches(function() test.run(case[1], {}) end, case[2])
    end)
  end
end)
