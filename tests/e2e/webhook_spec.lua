-- The webhook sink, from `mooncrier run` to somebody's server.

local h = require("tests.e2e.harness")
local received = require("tests.e2e.received")

local EVENTS = h.root .. "/examples/data/events.jsonl"

describe("a webhook sink", function()
  local place, server

  before_each(function() place = h.place() end)

  after_each(function()
    if server then server:stop() end
    server = nil
    place:remove()
  end)

  -- Runs the program against a server with these answers.
  local function run(answers, options, more)
    server = received.start(place, unpack(answers))
    return server:run(options, more)
  end

  local function write_events(...)
    place:write("events.jsonl", table.concat({ ... }, "\n") .. "\n")
  end

  local function names_of(body)
    local names = {}
    for i, event in ipairs(h.decode(body)) do names[i] = event.metadata.name end
    return names
  end

  it("sends each event as it came, one to a request", function()
    local one, two = h.event("one"), h.event("two")
    write_events(one, two)
    local result, sink = run({}, "max_in_flight = 1")
    assert.equal(0, result.code)
    assert.equal(2, sink.delivered)
    local got = server:requests()
    assert.equal(2, #got)
    assert.same({ one, two }, { got[1].body, got[2].body })
    assert.same({ "POST", "/in?x=1", "application/json" },
      { got[1].method, got[1].path, got[1].headers["content-type"] })
  end)

  it("joins events to batches, in their order", function()
    local result, sink = run({}, "batch = { events = 100, wait = '30s' }", { events = EVENTS })
    assert.equal(0, result.code)
    assert.same({ 346, 4 }, { sink.delivered, sink.batches })
    local names, sizes = {}, {}
    for i, request in ipairs(server:requests()) do
      local batch = names_of(request.body)
      sizes[i] = #batch
      for _, name in ipairs(batch) do names[#names + 1] = name end
    end
    assert.same({ 100, 100, 100, 46 }, sizes)
    local file = assert(io.open(EVENTS))
    assert.same(h.names(file:read("*a")), names)
    file:close()
  end)

  it("tries again what the server could not take", function()
    write_events(h.event("one"))
    local result, sink = run({ "503", "429", "200" }, [[retry = { wait = "10ms" }]])
    assert.equal(0, result.code)
    assert.same({ 1, 3, 2 }, { sink.delivered, sink.tries, sink.retries })
    local got = server:requests()
    assert.same({ 503, 429, 200 }, { got[1].status, got[2].status, got[3].status })
    assert.same({ got[1].body, got[1].body }, { got[2].body, got[3].body })
    assert.equal("", place:read("dead.jsonl"))
  end)

  it("keeps what was refused, with the server's words, and sends the rest", function()
    write_events(h.event("one"), h.event("two"), h.event("three"))
    local result, sink = run({ "200", "400=no such field: reason", "200" }, "max_in_flight = 1")
    assert.equal(1, result.code)
    assert.same({ 2, 1 }, { sink.delivered, sink.dead_lettered })
    assert.equal(3, #server:requests())
    local dead = h.lines(place:read("dead.jsonl"))
    assert.equal(1, #dead)
    assert.truthy(dead[1]:find("answered 400: no such field: reason", 1, true))
    assert.equal("two", h.decode(dead[1]).event.metadata.name)
  end)

  it("gives up after all tries, and keeps what it gave up", function()
    write_events(h.event("one"))
    local _, sink = run({ "500" }, [[retry = { wait = "1ms", attempts = 3 }]])
    assert.same({ 0, 1, 3 }, { sink.delivered, sink.dead_lettered, sink.tries })
    assert.equal(3, #server:requests())
  end)

  it("takes an answer of success without the expected text for a refusal", function()
    write_events(h.event("one"))
    local _, sink = run({ '200={"errors":true}' }, [[expect = '"errors":false']])
    assert.same({ 0, 1 }, { sink.delivered, sink.dead_lettered })
  end)
end)
