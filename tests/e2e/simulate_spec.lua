local cjson = require("cjson")
local h = require("tests.e2e.harness")

local data = h.root .. "/examples/data/events.jsonl"

describe("mooncrier simulate", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  -- One pod, a message each second; the API gets `burst` of them.
  local function storm(n)
    local lines = {}
    for i = 1, n do
      lines[i] = h.event("storm-" .. i, {
        message = "message " .. (i % 20),
        lastTimestamp = ("2026-11-23T05:%02d:%02dZ"):format(i / 60, i % 60),
      })
    end
    return table.concat(lines, "\n") .. "\n"
  end

  it("prints a row for each setting", function()
    local r = place:run({ "simulate", "--grid", "burst=5,25,100", "--grid", "max_events=10,50" },
      { stdin = storm(60) })
    assert.equal(0, r.code)
    local columns = {}
    for i, line in ipairs(h.lines(r.out)) do columns[i] = line:gsub(" +", " ") end
    assert.same({
      "BURST_SIZE MAX_EVENTS WRITES CREATES PATCHES SUPPRESSED AGGREGATED DELAYED UNSEEN LATENCY-P50 "
        .. "LATENCY-P99 LATENCY-MAX",
      "5 10 5 5 0 55 33 0 15 - - -",
      "5 50 5 5 0 55 0 0 15 - - -",
      "25 10 25 10 15 35 33 0 0 - - -",
      "25 50 25 20 5 35 0 0 0 - - -",
      "100 10 60 10 50 0 33 0 0 - - -",
      "100 50 60 20 40 0 0 0 0 - - -",
    }, columns)
    assert.equal("mooncrier: 60 events, 2026-11-23T05:00:01Z to 2026-11-23T05:01:00Z; 20 distinct\n",
      r.err)
  end)

  it("says how much later an event was seen", function()
    local r = place:run({ "simulate", "--grid", "burst_size=5", "--grid", "qps=1/s,20/m", "-o", "json" },
      { stdin = storm(60) })
    local result = cjson.decode(r.out)
    assert.equal(60, result.events)
    assert.equal(20, result.distinct)
    assert.same({ burst_size = 5, qps = "1/s" }, result.settings[1].setting)
    assert.same({ 60, 0, cjson.null },
      { result.settings[1].writes, result.settings[1].unseen, result.settings[1].latency })
    local slow = result.settings[2]
    assert.equal(60, slow.writes + slow.suppressed)
    assert.equal(slow.writes, slow.creates + slow.patches)
    assert.is_true(slow.delayed > 0 and slow.latency.p50 > 0)
    assert.is_true(slow.latency.p50 <= slow.latency.p99 and slow.latency.p99 <= slow.latency.max)
  end)

  it("writes comma-separated values", function()
    local r = place:run({ "simulate", "--grid", "spam_filter=true,false", "-o", "csv", "-q", data })
    assert.same({ 0, "" }, { r.code, r.err })
    local lines = h.lines(r.out)
    assert.equal("spam_filter,writes,creates,patches,suppressed,aggregated,delayed,unseen,"
      .. "latency_p50,latency_p99,latency_max", lines[1])
    assert.equal(3, #lines)
    assert.matches("^false,346,%d+,%d+,0,%d+,0,0,,,$", lines[3])
  end)

  it("is the default setting without a grid", function()
    local r = place:run({ "simulate", "-o", "json", data })
    local row = cjson.decode(r.out).settings[1]
    assert.same({}, row.setting)
    assert.equal(346, row.writes + row.suppressed)
  end)

  describe("of a configuration", function()
    before_each(function()
      place:write("keys.lua", [[
return {
  filter = function(event) return event.type == "Warning" end,
  spam_key = function(event) return event.reason end,
}]])
      place:write("mooncrier.lua", [[
return {
  sources = { { kind = "jsonl", path = "-" } },
  sinks = { cluster = { kind = "store", path = "never.db" }, out = { kind = "stdout" } },
  watchers = {
    { name = "record", script = "keys.lua", sinks = { "cluster" }, correlate = { burst_size = 2, max_events = 99 } },
    { name = "other", sinks = { "out" } },
    { name = "none", script = "keys.lua" },
  },
}]])
    end)

    local warnings, by_reason = 0, {}
    for line in io.lines(data) do
      local event = cjson.decode(line)
      if event.type == "Warning" then
        warnings = warnings + 1
        by_reason[event.reason] = (by_reason[event.reason] or 0) + 1
      end
    end

    -- How many are written when each reason has so many, and time brings none.
    local function within(burst)
      local n = 0
      for _, count in pairs(by_reason) do n = n + math.min(count, burst) end
      return n
    end

    it("begins with its watcher's setting, filter and keys", function()
      local r = place:run({ "simulate", "--watcher", "record", "--grid", "qps=1/h", "-o", "json", data })
      local row = cjson.decode(r.out).settings[1]
      assert.equal(warnings, row.writes + row.suppressed)
      assert.equal(within(2), row.writes)
      assert.matches("; " .. warnings .. " to the correlator of 'record'; ", r.err, 1, true)
      assert.is_nil(place:read("never.db"))
    end)

    it("puts grids over it", function()
      local r = place:run({ "simulate", "-c", "mooncrier.lua", "--grid", "burst=1,5", "--grid", "qps=1/h",
        "-o", "json", data })
      local rows = cjson.decode(r.out).settings
      assert.same({ within(1), within(5) }, { rows[1].writes, rows[2].writes })
    end)

    it("says which watcher it cannot simulate", function()
      for name, message in pairs({
        recrod = "has no watcher 'recrod'; did you mean 'record'?",
        something = "has no watcher 'something' (it has record, other, none)",
        none = "watcher 'none' has no sinks",
      }) do
        local r = place:run({ "simulate", "--watcher", name, data })
        assert.equal(2, r.code)
        assert.matches(message, r.err, 1, true)
      end
      place:write("keys.lua", "return { filter = 5 }")
      local r = place:run({ "simulate", "--watcher", "record", data })
      assert.equal(78, r.code)
      assert.matches("keys.lua", r.err, 1, true)
      place:shell("rm mooncrier.lua")
      assert.equal(78, place:run({ "simulate", "--watcher", "record", data }).code)
    end)
  end)

  -- Tags and what stands between them; fails where it is no XML.
  local function elements(text)
    local open, counts = {}, {}
    text = text:gsub("^<%?xml.-%?>", "")
    for between, slash, name, rest in text:gmatch("([^<]*)<(/?)([%w]+)([^<>]*)>") do
      assert.is_nil(between:gsub("&%a+;", ""):match("[&>]"))
      counts[name] = (counts[name] or 0) + (slash == "" and 1 or 0)
      if slash == "/" then
        assert.equal(table.remove(open), name)
      elseif rest:sub(-1) ~= "/" then
        open[#open + 1] = name
      end
    end
    assert.same({}, open)
    return counts
  end

  it("draws a line for each combination of the other grids", function()
    local r = place:run({ "simulate", "--grid", "burst=5,25,100", "--grid", "max_events=10,50",
      "--svg", "out.svg", data })
    assert.equal(0, r.code)
    local svg = place:read("out.svg")
    assert.equal("<?xml", svg:sub(1, 5))
    local n = elements(svg)
    assert.equal(4 * 2, n.polyline)
    assert.equal(4 * 2 * 3 + 2, n.circle) -- and the legend
    assert.matches("prefers-color-scheme: dark", svg, 1, true)
    for _, text in ipairs({ "API writes (creates and patches)", "Suppressed by the spam filter",
      "Combined with similar events", "First-seen latency", "346 events", "max_events=50",
      "burst_size=25, max_events=10: " }) do
      assert.matches(text, svg, 1, true)
    end
  end)

  it("draws a grid of many lines, one value, or none", function()
    for _, grid in ipairs({ { "qps=1/s", "burst=1,2,3,4,5,6,7,8,9" }, { "burst=3" }, {} }) do
      local args = { "simulate", "--svg", "out.svg", data }
      for _, text in ipairs(grid) do
        args[#args + 1] = "--grid"
        args[#args + 1] = text
      end
      assert.equal(0, place:run(args).code)
      assert.is_true(elements(place:read("out.svg")).svg == 1)
    end
  end)

  it("says what is wrong with a grid", function()
    for grid, message in pairs({
      ["burst"] = "--grid must be NAME=VALUE",
      ["max_event=5"] = "did you mean 'max_events'?",
      ["burst=x"] = "'burst_size' must be a whole number",
    }) do
      local r = place:run({ "simulate", "--grid", grid, data })
      assert.equal(2, r.code)
      assert.equal("", r.out)
      assert.matches(message, r.err, 1, true)
    end
  end)

  it("goes on behind what is no event, and fails", function()
    local r = place:run({ "simulate", "-o", "json" }, { stdin = "{]\n" .. storm(3) })
    assert.equal(1, r.code)
    assert.equal(3, cjson.decode(r.out).events)
    assert.matches("stdin:1: ", r.err, 1, true)
  end)

  it("reads nothing as no events", function()
    local r = place:run({ "simulate", "-o", "json", "--svg", "out.svg" }, { stdin = "" })
    assert.equal(0, r.code)
    assert.equal(0, cjson.decode(r.out).settings[1].writes)
    assert.equal(1, elements(place:read("out.svg")).svg)
  end)

  it("draws into files only", function()
    local r = place:run({ "simulate", "--svg", "-", data })
    assert.same({ 2, "" }, { r.code, r.out })
    assert.matches("--svg must be a file, not '-'", r.err, 1, true)
    assert.equal("", place:shell("ls"))
  end)

  it("says when the drawing cannot be written", function()
    local r = place:run({ "simulate", "--svg", "no/where.svg", data })
    assert.equal(1, r.code)
    assert.matches("no/where.svg: No such file or directory", r.err, 1, true)
  end)
end)
