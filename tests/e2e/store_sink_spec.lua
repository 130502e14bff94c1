-- `run` with a sink of kind store, and `get` from the file it made.

local h = require("tests.e2e.harness")

describe("a sink of kind store", function()
  local place

  before_each(function()
    place = h.place()
    place:write("mooncrier.lua", [[
      return {
        sources = { { kind = "jsonl", path = "-" } },
        sinks = { db = { kind = "store", path = "events.db" } },
        watchers = { { name = "one", sinks = { "db" }, correlate = false },
          { name = "two", sinks = { "db" }, correlate = false } },
      }]])
  end)
  after_each(function() place:remove() end)

  local function run(input)
    local r = place:run({ "run", "-o", "json" }, { stdin = input })
    assert.equal(0, r.code, r.err)
    local made = 0
    for _, watcher in ipairs(h.ledger(r).watchers) do
      local sink = watcher.sinks[1]
      assert.equal(sink.assigned, sink.delivered)
      made = made + sink.created
    end
    return made
  end

  it("keeps each event once, whoever brings it, and get finds them", function()
    local input = h.event("a") .. "\n" .. h.event("b") .. "\n"
    assert.equal(2, run(input))
    assert.equal(0, run(input))
    local r = place:run({ "get", "events", "-A", "-o", "name", "--store", "events.db" })
    assert.equal(0, r.code, r.err)
    local _, lines = r.out:gsub("\n", "")
    assert.equal(2, lines)
  end)

  it("says what is wrong with the file", function()
    place:write("events.db", ("no database at all\n"):rep(20))
    local r = place:run({ "run" }, { stdin = "" })
    assert.not_equal(0, r.code)
    assert.matches("sink 'db' of watcher 'one': '.*events.db' is not an event store", r.err)
  end)
end)
