-- Sinks whose servers are away: what is promised of the end, of other sinks and of the log.

local h = require("tests.e2e.harness")

-- Nobody listens there (discard).
local NOBODY = "http://127.0.0.1:9"

describe("with a server that is away", function()
  local place, running

  before_each(function() place = h.place() end)
  after_each(function()
    if running and running:running() then running:signal("KILL") end
    running = nil
    place:remove()
  end)

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
    place:shell([[sqlite3 events.db "CREATE TRIGGER full BEFORE INSERT ON events
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
end)
