-- `mooncrier run` against an API server (`mooncrier serve`) that fails, dies and comes back. Each time
-- the sums of the ledger hold, and the server has in the end what was counted as delivered.

local h = require("tests.e2e.harness")
local served = require("tests.e2e.served")

describe("run, while the API server has troubles", function()
  local place, server, running
  before_each(function() place = h.place() end)
  after_each(function()
    if server then server:stop() end
    server = nil
    place:remove()
  end)

  local function event(name, object)
    return h.event(name, {
      metadata = { name = name, namespace = "prod" },
      involvedObject = { kind = "Pod", namespace = "prod", name = object },
    }) .. "\n"
  end

  -- Events of `objects` objects, each `times` times: one event with a count at the server.
  local function events(objects, times)
    local lines = {}
    for time = 1, times do
      for object = 1, objects do
        lines[#lines + 1] = event(("web-%d.%d"):format(object, time), "web-" .. object)
      end
    end
    return table.concat(lines)
  end

  local function start(sink, limits)
    place:write("mooncrier.lua", ([[
      return {
        sources = { { kind = "jsonl", path = "in.jsonl", follow = true } },
        sinks = { api = { kind = "kube", server = "%s", retry = { wait = "20ms", max_wait = "200ms" }, %s } },
        watchers = { { name = "rec", sinks = { "api" }, correlate = { burst_size = 1000 } } },
        limits = { %s },
        dead_letters = "dead.jsonl",
      }]]):format(server.url, sink, limits or 'drain_timeout = "20s"'))
    running = place:start({ "run", "-o", "json" })
    return running
  end

  local function stored()
    local r = server:request("GET", "/api/v1/namespaces/prod/events")
    local counts, n = {}, 0
    for _, item in ipairs(r.json and r.json.items or {}) do
      counts[item.involvedObject.name] = item.count
      n = n + 1
    end
    return counts, n
  end

  local function all_have(objects, times)
    local counts = stored()
    for object = 1, objects do
      if counts["web-" .. object] ~= times then return false end
    end
    return true
  end

  local function sink_of(result)
    local sink = h.ledger(result).watchers[1].sinks[1]
    assert.equal(sink.assigned, sink.delivered + sink.merged + sink.suppressed + sink.rejected + sink.gave_up
      + sink.dead_lettered + sink.spooled + sink.in_flight)
    return sink
  end

  local function finish(code)
    running:signal("TERM")
    local r = running:wait()
    local sink = sink_of(r)
    -- Without one: 1 when something was refused.
    assert.equal(code or (sink.dead_lettered > 0 and 1 or 0), r.code, r.err)
    return sink, r
  end

  -- The server again, on the port and with the file it had.
  local function serve_again(args)
    local all = { "serve", "--listen", server.url:match("//(.*)"), "--store", "events.db" }
    for _, arg in ipairs(args or {}) do all[#all + 1] = arg end
    server.process = place:start(all)
    h.eventually("the server is back", function()
      return (server.process:err() or ""):find("on http://", 1, true)
    end)
  end

  for _, faults in ipairs({
    "status=503:0.3", "status=429:0.3:0 status=500:0.1", "reset=0.2 close=0.1", "lost=0.3", "half=0.3",
    "latency=20ms:0.3 status=504:0.1 reset=0.1 lost=0.1 half=0.1",
  }) do
    it("brings every count to a server with " .. faults, function()
      server = served.start(place, { "--fault", faults .. " methods=POST+PATCH" })
      place:write("in.jsonl", events(20, 10))
      start("")
      h.eventually("all counts are there", function() return all_have(20, 10) end)
      local sink = finish(0)
      assert.equal(200, sink.delivered + sink.merged)
      assert.equal(20, select(2, stored()))
    end)
  end

  it("goes on where it was when the server was killed and comes back", function()
    server = served.start(place, { "--fault", "latency=5ms" })
    place:write("in.jsonl", events(20, 5))
    start("retry = { wait = '20ms', max_wait = '200ms', attempts = 0 }")
    h.eventually("some are there", function() return select(2, stored()) > 5 end)
    server.process:signal("KILL")
    server.process:wait()
    place:append("in.jsonl", events(20, 5):gsub('%.(%d)"', '.1%1"'))
    serve_again()
    h.eventually("all counts are there", function() return all_have(20, 10) end)
    local sink = finish(0)
    assert.equal(200, sink.delivered + sink.merged)
    assert.equal(20, select(2, stored()))
  end)

  it("under policy client-go too, but for what a status loses", function()
    server = served.start(place, { "--fault", "reset=0.1 half=0.1 lost=0.1 methods=POST+PATCH" })
    place:write("in.jsonl", events(5, 8))
    start('policy = "client-go", retry = { wait = "20ms" }')
    h.eventually("all have been tried", function() return all_have(5, 8) end)
    local sink = finish()
    assert.equal(40, sink.assigned)
    -- A POST whose answer was lost exists already when it is tried again.
    assert.equal(40, sink.delivered + sink.dead_lettered)
  end)

  it("ends with 3 and the number when it is told to end in an outage", function()
    server = served.start(place)
    place:write("in.jsonl", events(5, 1))
    start("", 'drain_timeout = "300ms"')
    h.eventually("they are there", function() return all_have(5, 1) end)
    server.process:signal("KILL")
    server.process:wait()
    place:append("in.jsonl", event("late.1", "late-1") .. event("late.2", "late-2"))
    h.eventually("it has tried", function() return (running:err() or ""):find("will try again", 1, true) end)
    local sink, r = finish(3)
    assert.same({ 5, 2 }, { sink.delivered, sink.dead_lettered })
    assert.matches("2 events were left unfinished", r.err, 1, true)
    assert.same(2, #h.lines(place:read("dead.jsonl")))
    serve_again()
    assert.equal(5, select(2, stored()))
  end)

  it("ends at once at the second signal in an outage", function()
    server = served.start(place)
    place:write("in.jsonl", "")
    start("", 'drain_timeout = "600s"')
    server.process:signal("KILL")
    server.process:wait()
    place:append("in.jsonl", events(3, 1))
    h.eventually("it has tried", function() return (running:err() or ""):find("will try again", 1, true) end)
    running:signal("TERM")
    h.eventually("it drains", function() return running:err():find("reading stops", 1, true) end)
    assert.is_true(running:running())
    running:signal("TERM")
    local r = running:wait()
    assert.equal(3, r.code, r.err)
    assert.equal(3, sink_of(r).dead_lettered)
    serve_again()
  end)

  it("delivers in the drain what comes back in time", function()
    server = served.start(place)
    place:write("in.jsonl", "")
    start("")
    server.process:signal("KILL")
    server.process:wait()
    place:append("in.jsonl", events(10, 1))
    h.eventually("it has tried", function() return (running:err() or ""):find("will try again", 1, true) end)
    running:signal("TERM")
    h.eventually("it drains", function() return running:err():find("reading stops", 1, true) end)
    serve_again()
    local r = running:wait()
    assert.equal(0, r.code, r.err)
    assert.equal(10, sink_of(r).delivered)
    assert.equal(10, select(2, stored()))
  end)
end)
