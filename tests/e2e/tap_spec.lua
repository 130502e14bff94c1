-- mooncrier tap: the events that pass a running program, at each stage, for as many as ask; what is left
-- out is counted; the program goes on as if nobody looked.
local h = require("tests.e2e.harness")

local script = [[return {
  filter = function(event)
    if event.reason == "Noise" then return false, "noise is for nobody" end
    if event.reason == "Broken" then error("cannot bear it") end
    return event.reason ~= "Quiet"
  end,
  route = function(event)
    if event.reason == "Nowhere" then return false end
    if event.reason == "Refused" then return "full" end
    return "out"
  end,
}]]

local config = [[return {
  sources = { { kind = "jsonl", path = "in.jsonl", follow = true, name = "input" } },
  sinks = { out = { kind = "file", path = "out.jsonl" }, full = { kind = "file", path = "/dev/full" } },
  watchers = { { name = "w", script = "s.lua", sinks = { "out", "full" }, correlate = true },
               { name = "other", sinks = { "out" } } },
  reload = { watch = false },
}]]

describe("mooncrier tap", function()
  local place, program
  before_each(function()
    place = h.place()
    place:write("mooncrier.lua", config)
    place:write("s.lua", script)
    place:write("in.jsonl", "")
    program = place:start({ "run", "-o", "json" })
    h.eventually("it answers", function() return place:run({ "status" }).code == 0 end)
  end)
  after_each(function() place:remove() end)

  -- Starts a tap and waits until it is shown what comes.
  local function tap(...)
    local p = place:start({ "tap", ... })
    h.eventually("it taps", function() return (p:err() or ""):find("Ctrl-C ends it", 1, true) end)
    return p
  end

  local function feed(...)
    local lines = {}
    for i, reason in ipairs({ ... }) do
      lines[i] = h.event("e" .. i, { reason = reason, involvedObject = { kind = "Pod", name = "p" .. i } })
    end
    place:append("in.jsonl", table.concat(lines, "\n") .. "\n")
  end

  -- "at outcome sink reason-of-the-event (why)" of each line, sorted.
  local function seen(text)
    local list = {}
    for i, line in ipairs(h.lines(text)) do
      local note = h.decode(line)
      list[i] = ("%s %s %s %s%s"):format(note.at, note.outcome, note.sink or "-", note.event.reason,
        note.reason and " (" .. note.reason .. ")" or "")
    end
    table.sort(list)
    return list
  end

  local ends = {
    "delivered delivered out Good",
    "dropped refused - Broken (filter of s.lua: s.lua:4: cannot bear it)",
    "dropped rejected full Refused (cannot write to '/dev/full': No space left on device)",
    "dropped routed_nowhere - Nowhere",
    "filtered filtered - Noise (noise is for nobody)",
    "filtered filtered - Quiet",
  }
  local reasons = { "Good", "Noise", "Quiet", "Broken", "Nowhere", "Refused" }

  it("shows where each event ends, and why", function()
    local p = tap("--watcher", "w", "-n", "6")
    feed(unpack(reasons))
    local r = p:wait()
    assert.equal(0, r.code)
    assert.same(ends, seen(r.out))
    assert.matches("6 of %d+ events shown", r.err)
    assert.is_nil(r.err:find("has ended", 1, true))
  end)

  it("shows the stages that are asked for", function()
    local p = tap("--watcher", "w", "--at", "source,recorded", "--at", "filtered", "-n", "11")
    feed(unpack(reasons))
    local r = p:wait()
    local expected = {
      "filtered filtered - Noise (noise is for nobody)",
      "filtered filtered - Quiet",
      "recorded recorded - Good (create, count 1)",
      "recorded recorded - Nowhere (create, count 1)",
      "recorded recorded - Refused (create, count 1)",
    }
    for _, reason in ipairs(reasons) do expected[#expected + 1] = "source decoded - " .. reason end
    p = tap("--at", "recorded", "-n", "1")
    feed("Good")
    assert.same({ "recorded recorded - Good (patch, count 2)" }, seen(p:wait().out))
    table.sort(expected)
    assert.same({ 0, expected }, { r.code, seen(r.out) })
  end)

  it("shows events as they are, with where they came from", function()
    local p = tap("--at", "source", "-n", "1")
    feed("Good")
    local line = p:wait().out
    local note = h.decode(line)
    assert.equal("input", note.source)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT[%d:.]+Z$", note.time)
    local sent = h.lines(place:read("in.jsonl"))[1]
    assert.equal(sent, line:match(',"event":(.*)}\n$'))
  end)

  it("a sink alone, and what an expression lets through", function()
    local p = tap("--sink", "out", "--at", "delivered", "--watcher", "w", "-n", "1", "--where",
      'event.involvedObject.name == "p3"')
    feed("Good", "Noise", "Good", "Good")
    local r = p:wait()
    assert.equal(0, r.code)
    assert.same({ "delivered delivered out Good" }, seen(r.out))
    assert.equal("e3", h.decode(r.out).event.metadata.name)
    assert.matches("1 of the %d events looked at shown", r.err)
  end)

  it("a table for people", function()
    local p = tap("--watcher", "w", "--at", "filtered", "-o", "wide", "-n", "1")
    feed("Noise")
    local lines = h.lines(p:wait().out)
    assert.equal(2, #lines)
    assert.matches("^AT +OUTCOME +WATCHER +SINK +WHY +LAST SEEN +TYPE +REASON +OBJECT +MESSAGE$", lines[1])
    assert.matches("^filtered +filtered +w +noise is for nobody +%S+ +Warning +Noise +pod/p1 +Back%-off", lines[2])
  end)

  it("ends by itself, by a signal, and with the program", function()
    assert.equal(0, place:run({ "tap", "--for", "50ms" }).code)
    local by_signal, by_end = tap(), tap("--at", "delivered", "--watcher", "other")
    by_signal:signal("TERM")
    local r = by_signal:wait()
    assert.same({ 0, "" }, { r.code, r.out })
    assert.matches("0 of 0 events shown\n$", r.err)
    feed("Good", "Good", "Good")
    h.eventually("all are out", function() return #h.lines(place:read("out.jsonl") or "") >= 6 end)
    program:signal("TERM")
    assert.equal(0, program:wait().code)
    r = by_end:wait()
    assert.same({ 0, 3 }, { r.code, #h.lines(r.out) })
    assert.matches("the program has ended\n.*3 of 3 events shown\n$", r.err)
    r = place:run({ "tap" })
    assert.equal(1, r.code)
    assert.matches("no mooncrier runs there", r.err)
  end)

  it("says when the program was killed", function()
    local p = tap()
    program:signal("KILL")
    local r = p:wait()
    assert.equal(0, r.code)
    assert.matches("the program has hung up: it was killed", r.err, 1, true)
  end)

  it("Ctrl-C ends it as it should be ended", function()
    local err = place:shell(("timeout -s INT --preserve-status 1 %s tap 2>&1; echo $?"):format(h.binary))
    assert.matches("0 of 0 events shown\n0\n$", err)
  end)

  it("a reload does not", function()
    local p = tap("--watcher", "w", "--at", "filtered", "-n", "2")
    feed("Noise")
    h.eventually("the first came", function() return #h.lines(p:out()) == 1 end)
    place:write("s.lua", [[return { filter = function() return false, "another script" end }]])
    assert.equal(0, place:run({ "reload" }).code)
    feed("Good")
    local r = p:wait()
    assert.equal("another script", h.decode(h.lines(r.out)[2]).reason)
  end)

  it("what comes faster than it samples is counted, and the program does not mind", function()
    local p = tap("--at", "delivered", "--watcher", "other", "--sample", "5")
    local lines = {}
    for i = 1, 2000 do lines[i] = h.event("many" .. i, { reason = "Good" }) end
    place:append("in.jsonl", table.concat(lines, "\n") .. "\n")
    h.eventually("all are out", function() return #h.lines(place:read("out.jsonl") or "") >= 2000 end)
    program:signal("TERM")
    local ended = program:wait()
    local r = p:wait()
    local shown, passed = r.err:match("(%d+) of (%d+) events shown %(%-%-sample%)")
    assert.equal("2000", passed)
    assert.equal(#h.lines(r.out), tonumber(shown))
    assert.is_true(#h.lines(r.out) >= 5 and #h.lines(r.out) < 2000)
    local other = h.ledger(ended).watchers[2]
    assert.equal(2000, other.sinks[1].assigned)
    assert.equal(2000, other.sinks[1].delivered)
  end)

  it("one that does not read what it is sent holds nobody up", function()
    local p = tap("--at", "delivered", "--watcher", "other", "--sample", "0")
    os.execute("kill -STOP " .. p:pid())
    local lines, text = {}, ("x"):rep(1000)
    for i = 1, 6000 do lines[i] = h.event("many" .. i, { message = text }) end
    place:append("in.jsonl", table.concat(lines, "\n") .. "\n")
    h.eventually("all are out", function()
      return h.decode(place:run({ "status", "-o", "json" }).out).ledger.watchers[2].sinks[1].delivered == 6000
    end)
    os.execute("kill -CONT " .. p:pid())
    h.eventually("it has caught up", function() return #h.lines(p:out()) >= 4096 end)
    p:signal("TERM")
    local r = p:wait()
    local shown, passed = r.err:match("(%d+) of (%d+) events shown")
    assert.equal("6000", passed)
    assert.equal(#h.lines(r.out), tonumber(shown))
    assert.is_true(tonumber(shown) < 6000)
    assert.matches("of the others came faster than they could be sent", r.err)
  end)

  it("at most eight at a time, and one makes room when it ends", function()
    local taps = {}
    for i = 1, 8 do taps[i] = tap() end
    local r = place:run({ "tap" })
    assert.equal(1, r.code)
    assert.matches("8 others tap it already", r.err)
    taps[3]:signal("KILL")
    taps[3]:wait()
    h.eventually("there is room", function() return place:run({ "tap", "--for", "1ms" }).code == 0 end)
  end)

  it("mistakes are told", function()
    local cases = {
      { { "--at", "delivred" }, 2, "did you mean 'delivered'?" },
      { { "-n", "none" }, 2, "-n must be a number of events, not 'none'" },
      { { "--for", "soon" }, 2, "--for must be a duration such as 10s, not 'soon'" },
      { { "--sample", "-1" }, 2, "--sample must be a number" },
      { { "-o", "yaml" }, 2, "-o must be json or wide, not 'yaml'" },
      { { "--where", "event.type ==" }, 2, "--where: " },
      { { "--watcher", "othr" }, 1, "there is no watcher 'othr', did you mean 'other'?" },
      { { "--sink", "nothing" }, 1, "there is no sink 'nothing'; there are: full, out" },
    }
    for _, case in ipairs(cases) do
      local args, code, text = unpack(case)
      local r = place:run({ "tap", unpack(args) })
      assert.equal(code, r.code, r.err)
      assert.matches(text, r.err, 1, true)
    end
    local p = tap("--watcher", "w", "--where", "event.nothing.at.all == 1")
    feed("Noise")
    h.eventually("it fails", function() return p:err():find("no field 'nothing'", 1, true) end)
    p:signal("TERM")
    local r = p:wait()
    assert.equal(1, r.code)
    assert.matches("--where failed on 1 events", r.err, 1, true)
  end)
end)
