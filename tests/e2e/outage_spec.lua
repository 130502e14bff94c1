-- Sinks whose servers are away: what is promised of the end, of other sinks and of the log.

local h = require("tests.e2e.harness")

-- Nobody listens there (discard).
local NOBODY = "http://127.0.0.1:9"

describe("with a server that is away", function()
  local place, running

  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local function write_events(n)
    local lines = {}
    for i = 1, n do lines[i] = h.event("e" .. i) .. "\n" end
    place:write("events.jsonl", table.concat(lines))
  end

  local function config(parts)
    place:write("mooncrier.lua", ([[return {
      sources = { { kind = "jsonl", path = "events.jsonl", follow = %s } },
      sinks = { %s },
      limits = { drain_timeout = "500ms" },
      dead_letters = "dead.jsonl",
      watchers = { %s },
    }]]):format(parts.follow and "true" or "false", parts.sinks,
      parts.watchers or [[{ name = "w", sinks = { "out" }, correlate = false, queue = 20 }]]))
  end

  -- Every event is in exactly one place: refused with a reason, none of them lost without a word.
  local function check_end(result, n, sink)
    assert.equal(3, result.code, result.err)
    assert.equal(n, sink.assigned, result.err)
    assert.equal(n, sink.dead_lettered)
    assert.equal(0, sink.in_flight)
    assert.matches(n .. " events were left unfinished", result.err, 1, true)
    local letters = h.lines(place:read("dead.jsonl"))
    assert.equal(n, #letters)
    for _, letter in ipairs(letters) do
      assert.matches("not delivered before the end", h.decode(letter).reason, 1, true)
    end
  end

  local kinds = {
    ["kube"] = [[out = { kind = "kube", server = "]] .. NOBODY .. [[", queue = 1 }]],
    ["kube as client-go"] = [[out = { kind = "kube", server = "]] .. NOBODY ..
      [[", policy = "client-go", queue = 1 }]],
    ["webhook"] = [[out = { kind = "webhook", url = "]] .. NOBODY .. [[/in", queue = 1 }]],
    ["store"] = [[out = { kind = "store", path = "events.db", queue = 1 }]],
  }

  -- A store that is there and takes nothing.
  local function make_full_store(sink)
    write_events(0)
    config({ sinks = sink })
    assert.equal(0, place:run({ "run" }).code)
    place:shell([[sqlite3 -cmd ".timeout 60000" events.db "CREATE TRIGGER full BEFORE INSERT ON events
      BEGIN SELECT RAISE(ABORT, 'no space'); END"]])
  end

  -- SIGTERM comes with more waiting than rings and queues have room for; the end of input, when it
  -- has all been read.
  local ends = { ["SIGTERM"] = { 300, signal = true }, ["the end of input"] = { 20 } }
  for name, sink in pairs(kinds) do
    for how, case in pairs(ends) do
      it(name .. " gives up what is left when drain_timeout is over after " .. how, function()
        if name == "store" then make_full_store(sink) end
        write_events(case[1])
        config({ sinks = sink, follow = case.signal })
        running = place:start({ "run", "-o", "json" })
        if case.signal then
          h.eventually("it says that the server is away", function()
            return (running:err() or "") ~= ""
          end)
          running:signal("TERM")
        end
        local result = running:wait()
        local ledger = h.ledger(result)
        check_end(result, ledger.sources[1].decoded, ledger.watchers[1].sinks[1])
      end)
    end
  end

  -- What is tried again for hundreds of events is one message, and leaves room for a refusal.
  it("is told once a minute, and what is refused meanwhile as well", function()
    write_events(300)
    place:append("events.jsonl", h.event("UPPER CASE", { metadata = { name = "x", namespace = "No_Label" } }) .. "\n")
    config({ sinks = [[out = { kind = "kube", server = "]] .. NOBODY .. [[", retry = { wait = "1ms" } }]] })
    running = place:start({ "run", "-o", "json" })
    local result = running:wait()
    local _, again = result.err:gsub("will try again", "")
    assert.equal(1, again, result.err)
    assert.matches("error: sink 'out': an event is refused: the namespace 'No_Label'", result.err, 1, true)
  end)

  it("tells a script that emits to a sink without room", function()
    write_events(1)
    place:write("emits.lua", [[
      local refused = 0
      return {
        tick_every = "10ms",
        tick = function()
          for i = 1, 2000 do
            if not emit(new_event { reason = "R", involvedObject = { kind = "Pod", name = "p" .. i } }, "out") then
              refused = refused + 1
            end
          end
          log.info("refused %d", refused)
        end,
      }]])
    config({
      follow = true,
      sinks = [[out = { kind = "kube", server = "]] .. NOBODY .. [[", queue = 10 }]],
      watchers = [[{ name = "w", sinks = { "out" }, script = "emits.lua", correlate = false }]],
    })
    running = place:start({ "run", "-o", "json" })
    h.eventually("it has emitted for the fifth time", function()
      return select(2, (running:err() or ""):gsub("refused %d+", "")) >= 5
    end)
    running:signal("TERM")
    local result = running:wait()
    local watcher = h.ledger(result).watchers[1]
    local refused = tonumber(result.err:match(".*refused (%d+)"))
    assert.equal(refused, watcher.emit_full, result.err)
    assert.is_true(refused >= 5 * 2000 - 11, refused)
    assert.is_true(watcher.sinks[1].assigned <= 11, watcher.sinks[1].assigned)
    assert.matches("watcher 'w': emit: not taken: the sink has no room for it", result.err, 1, true)
  end)

  local both = [[{ name = "both", sinks = { "out", "file" }, correlate = false, queue = 20 }]]

  it("keeps the events of its watcher waiting, and says so", function()
    write_events(100)
    config({
      follow = true,
      sinks = [[out = { kind = "webhook", url = "]] .. NOBODY .. [[", queue = 10, max_in_flight = 1 },
        file = { kind = "file", path = "out.jsonl" }]],
      watchers = both,
    })
    running = place:start({ "run", "-o", "json" })
    h.eventually("it says for which sink it waits", function()
      return (running:err() or ""):find("watcher 'both' waits for its sink 'out', which has no room: 10", 1, true)
    end)
    assert.equal(10, #h.lines(place:read("out.jsonl")))
    running:signal("TERM")
    local ledger = h.ledger(running:wait())
    -- The end waits for nobody: the file gets the rest.
    assert.equal(ledger.sources[1].decoded, ledger.watchers[1].sinks[2].delivered)
  end)

  it("costs only its own events with on_full = 'drop'", function()
    write_events(100)
    config({
      sinks = [[out = { kind = "webhook", url = "]] .. NOBODY .. [[", queue = 10, on_full = "drop" },
        file = { kind = "file", path = "out.jsonl" }]],
      watchers = both,
    })
    running = place:start({ "run", "-o", "json" })
    local result = running:wait()
    assert.equal(3, result.code) -- those in the queue
    local sinks = h.ledger(result).watchers[1].sinks
    assert.same({ "file", 100 }, { sinks[2].name, sinks[2].delivered })
    assert.same({ "out", 90, 100 }, { sinks[1].name, sinks[1].turned_away, sinks[1].dead_lettered })
    local reason = h.decode(h.lines(place:read("dead.jsonl"))[1]).reason
    assert.equal("the sink's queue is full: 10 events wait", reason)
  end)

  it("refuses on_full where there is nothing that could be full", function()
    config({ sinks = [[out = { kind = "stdout", on_full = "drop" }]] })
    local r = place:run({ "check" })
    assert.equal(78, r.code)
    assert.matches("a sink of kind 'stdout' has no queue that could be full", r.err, 1, true)
    config({ sinks = [[out = { kind = "store", path = "x.db", on_full = "drops" }]] })
    assert.matches("'on_full' is \"wait\" or \"drop\"", place:run({ "check" }).err, 1, true)
  end)

  it("is told again of an event that was lost, with updates = 'first'", function()
    local twice = {}
    for i = 1, 3 do twice[i] = h.event("same", { count = i }) .. "\n" end
    place:write("events.jsonl", table.concat(twice))
    config({ sinks = [[out = { kind = "webhook", url = "]] .. NOBODY .. [[", queue = 1, updates = "first",
      retry = { deadline = "1ms", wait = "1s" } }]] })
    local sink = h.ledger(place:run({ "run", "-o", "json" })).watchers[1].sinks[1]
    assert.is_true(sink.suppressed < 2 and sink.dead_lettered >= 2, sink.suppressed)
  end)
end)
