local mooncrier = require("mooncrier")
local duration = require("mooncrier.duration")
local time = require("mooncrier.sandbox").globals.time

describe("time", function()
  local times = {
    { "1970-01-01T00:00:00Z", 0 },
    { "2026-11-23T05:01:40Z", 1795410100 },
    { "2026-11-23T06:01:40+01:00", 1795410100 },
    { "2026-11-22T23:31:40-05:30", 1795410100 },
    { "2026-11-23T05:01:40.5Z", 1795410100.5 },
    { "2026-11-23t05:01:40z", 1795410100 },
    { "2024-02-29T23:59:59Z", 1709251199 },
    { "2000-03-01T00:00:00Z", 951868800 },
    { "1969-12-31T23:59:59Z", -1 },
    { "0001-01-01T00:00:00Z", -62135596800 },
    { "9999-12-31T23:59:59Z", 253402300799 },
  }
  for _, case in ipairs(times) do
    it("parses " .. case[1], function()
      assert.equal(case[2], time.parse(case[1]))
    end)
  end

  local no_times = {
    { "", 'not an RFC 3339 time: ""' },
    { "2026-11-23", 'not an RFC 3339 time: "2026-11-23"' },
    { "2026-11-23 05:01:40Z", 'not an RFC 3339 time: "2026-11-23 05:01:40Z"' },
    { "2026-11-23T05:01:40", 'not an RFC 3339 time: "2026-11-23T05:01:40"' },
    { "2026-11-23T05:01:40.Z", 'not an RFC 3339 time: "2026-11-23T05:01:40.Z"' },
    { "2026-11-23T05:01:400Z", 'not an RFC 3339 time: "2026-11-23T05:01:400Z"' },
    { "2026-11-23T05:01:40+1:00", 'not an RFC 3339 time zone: "2026-11-23T05:01:40+1:00"' },
    { "2026-11-23T05:01:40Zx", 'not an RFC 3339 time zone: "2026-11-23T05:01:40Zx"' },
    { "2026-13-01T00:00:00Z", 'no such day: "2026-13-01T00:00:00Z"' },
    { "2026-02-29T00:00:00Z", 'no such day: "2026-02-29T00:00:00Z"' },
    { "1900-02-29T00:00:00Z", 'no such day: "1900-02-29T00:00:00Z"' },
    { "2026-11-31T00:00:00Z", 'no such day: "2026-11-31T00:00:00Z"' },
    { "2026-11-23T24:00:00Z", 'no such time of day: "2026-11-23T24:00:00Z"' },
    { 5, "a time is a string, not a number" },
  }
  for _, case in ipairs(no_times) do
    it("gives nil and a reason for " .. tostring(case[1]), function()
      local seconds, message = time.parse(case[1])
      assert.is_nil(seconds)
      assert.equal(case[2], message)
    end)
  end

  it("formats what it parses", function()
    for _, case in ipairs(times) do
      assert.equal(case[2], time.parse(time.format(case[2], 6)))
    end
    for day = -719162, 2900000, 977 do
      local text = time.format(day * 86400 + 12345)
      assert.equal(day * 86400 + 12345, time.parse(text), text)
    end
  end)

  it("formats with decimals, cut toward the past", function()
    assert.equal("2026-11-23T05:01:40Z", time.format(1795410100.999))
    assert.equal("2026-11-23T05:01:40.999Z", time.format(1795410100.9999, 3))
    assert.equal("2026-11-23T05:01:40.123456Z", time.format(1795410100.123456, 6))
    assert.equal("1969-12-31T23:59:59.500Z", time.format(-0.5, 3))
    for us = 0, 999999, 331 do
      local text = ("2026-11-23T05:01:40.%06dZ"):format(us)
      assert.equal(text, time.format(time.parse(text), 6))
    end
  end)

  it("refuses to format nonsense", function()
    assert.has_error(function()
      time.format(0 / 0)
    end, "time.format: not Unix seconds of the years 1 to 9999: nan")
    assert.has_error(function()
      time.format(0, 10)
    end, "time.format: decimals must be a whole number from 0 to 9")
  end)

  it("agrees with strftime", function()
    for when = -5e9, 2e10, 987654321 do
      assert.equal(time.date("%Y-%m-%dT%H:%M:%SZ", when), time.format(when))
    end
    mooncrier.clock(1795410100)
    assert.equal("23 Nov 05:01", time.date("%d %b %H:%M"))
    assert.has_error(function()
      time.date("!%H")
    end, "time.date takes a strftime format such as \"%Y-%m-%d\"")
  end)

  it("reads the clock of the run", function()
    mooncrier.clock(1795410100.25)
    assert.equal(1795410100.25, time.now())
    assert.equal(100.25, time.since(1795410000))
    assert.equal(60.25, time.since("2026-11-23T05:00:40Z"))
    assert.equal(-9.75, time.since("2026-11-23T05:01:50Z"))
    assert.has_error(function()
      time.since("yesterday")
    end, 'not an RFC 3339 time: "yesterday"')
  end)

  local durations = {
    { "250ms", 0.25 }, { "10s", 10 }, { "1.5s", 1.5 }, { "5m", 300 }, { "1h", 3600 }, { "2d", 172800 },
    { "0s", 0 }, { "7", 7 }, { 7.5, 7.5 }, { 0, 0 },
  }
  for _, case in ipairs(durations) do
    it("reads the duration " .. tostring(case[1]), function()
      assert.equal(case[2], time.duration(case[1]))
    end)
  end

  for _, nonsense in ipairs({ "", "m", "10x", "-5s", " 5s", "5 s", "1h30m", "1..5s", "5S", "101000d", -1,
                              1e10, 0 / 0, 1 / 0, {}, true }) do
    it("refuses the duration " .. tostring(nonsense), function()
      assert.is_nil(duration.parse(nonsense))
      local ok, message = pcall(time.duration, nonsense)
      assert.is_false(ok)
      assert.truthy(message:find("^not a duration: "), message)
    end)
  end

  it("says what a duration looks like", function()
    assert.has_error(function()
      time.duration("soon")
    end, 'not a duration: "soon" (say "250ms", "10s", "5m", "1h", "2d" or seconds)')
  end)
end)
