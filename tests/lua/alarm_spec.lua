local alarm = require("mooncrier.alarm")
local mooncrier = require("mooncrier")

describe("mooncrier.alarm", function()
  local function event(seconds, fields)
    local all = { reason = "R", involvedObject = { kind = "Pod", namespace = "prod", name = "web-0" },
                  lastTimestamp = os.date("!%Y-%m-%dT%H:%M:%SZ", 1795410000 + seconds) }
    for name, value in pairs(fields or {}) do
      all[name] = value
    end
    return mooncrier.event(all)
  end

  before_each(function()
    mooncrier.clock(1000)
    mooncrier.emitted()
  end)

  it("is due when there are enough within the window, once in it", function()
    local a = alarm.new({ reason = "Bad", threshold = 3, window = "1m" })
    local seen = {}
    for i, case in ipairs({ { 0, 1 }, { 10, 1 }, { 20, 1 }, { 30, 5 }, { 79, 1 }, { 80, 1 }, { 200, 3 } }) do
      local due, n = a:due("k", event(case[1], { count = case[2] }))
      seen[i] = (due and "due " or "") .. n
    end
    assert.same({ "1", "2", "due 3", "8", "7", "due 7", "due 3" }, seen)
    assert.same({ false, 1 }, { a:due("other", event(200)) })
    assert.same({ true, 2 }, { a:due("other", event(200), 1, 2) })
  end)

  it("counts occurrences that are news only", function()
    local a = alarm.new({ reason = "Bad" })
    local deleted = mooncrier.event([[{"type":"DELETED","object":{"kind":"Event","metadata":{"name":"e"},
      "involvedObject":{"kind":"Pod","name":"p"}}}]])
    assert.same({ false, 0 }, { a:due("k", deleted) })
    assert.same({ false, 0, false }, { a:due_of("k", "m", deleted) })
  end)

  it("counts each member once", function()
    local a = alarm.new({ reason = "Bad", threshold = 2, window = "1m" })
    assert.same({ false, 1, true }, { a:due_of("k", "m", event(0)) })
    assert.same({ false, 1, false }, { a:due_of("k", "m", event(1)) })
    assert.same({ true, 2, true }, { a:due_of("k", "n", event(2)) })
    assert.same({ true, 1, true }, { a:due_of("k", "m", event(70), 1) }) -- a window later it counts again
  end)

  it("raises a warning about what the event is about, at its time", function()
    local a = alarm.new({ reason = "Bad", window = "90s" })
    assert.equal("1.5 min", a.within)
    assert.is_true(a:raise(event(5), { message = "so it is" }))
    local list = mooncrier.emitted()
    local made = list[1].event
    assert.same({ "Bad", "Warning", "so it is", "web-0", "prod", "2026-11-23T05:00:05Z", "2026-11-23T05:00:05Z" },
      { made.reason, made.type, made.message, made.involvedObject.name, made.metadata.namespace, made.firstTimestamp,
        made.lastTimestamp })
    assert.is_nil(list[1].sink)
    a = alarm.new({ reason = "Bad", sink = { "x", "y" } })
    a:raise(event(0), { message = "m", type = "Normal", reason = "Other",
                        involvedObject = { kind = "Node", name = "n" } })
    list = mooncrier.emitted()
    assert.same({ "x", "y", "Normal", "Other", "n" },
      { list[1].sink, list[2].sink, list[2].event.type, list[2].event.reason, list[2].event.involvedObject.name })
  end)

  it("takes the clock for an event without a time", function()
    assert.equal(1000, alarm.time(mooncrier.event([[{"involvedObject":{"kind":"Pod","name":"p"}}]])))
    assert.equal(1795410005, alarm.time(event(5)))
  end)

  it("hands over what it knows, and forgets what it is told to", function()
    local a = alarm.new({ reason = "Bad", threshold = 2 })
    a:due("k", event(0))
    local b = alarm.new({ reason = "Bad", threshold = 2 })
    b:restore(a:save())
    assert.is_true((b:due("k", event(1))))
    local c = alarm.new({ reason = "Bad", threshold = 2 })
    c:restore(b:save())
    assert.same({ false, 3 }, { c:due("k", event(2)) })
    c:reset("k")
    assert.same({ false, 1 }, { c:due("k", event(3)) })
    assert.is_true((c:due("k", event(3))))
    c:restore(nil)
  end)

  it("says spans in words", function()
    local words = {}
    for i, seconds in ipairs({ 0.5, 45, 60, 600, 5400, 7200, 9000, 86400, 172800, 216000 }) do
      words[i] = alarm.span(seconds)
    end
    assert.same({ "0.5 s", "45 s", "1 min", "10 min", "90 min", "2 h", "2.5 h", "24 h", "2 days", "2.5 days" }, words)
  end)

  it("says what is wrong", function()
    assert.error_matches(function() alarm.new({}) end, "'reason' is missing")
    assert.error_matches(function() alarm.new({ reason = "A", window = 0 }) end, "window must be more than 0")
    assert.error_matches(function() alarm.new({ reason = "A", treshold = 1 }) end, "did you mean 'threshold'")
    local a = alarm.new({ reason = "A" })
    assert.error_matches(function() a:raise(event(0), {}) end, "raise takes a table with a message")
  end)
end)
