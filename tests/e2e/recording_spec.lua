-- Events recorded by `run`: correlated, counted, patched, left out; at the API of `mooncrier serve`.

local h = require("tests.e2e.harness")
local served = require("tests.e2e.served")

local function event(name, message, object)
  return ('{"metadata":{"name":"%s","namespace":"prod"},"involvedObject":{"kind":"Pod",'
    .. '"namespace":"prod","name":"%s"},"type":"Warning","reason":"BackOff","message":"%s",'
    .. '"count":1,"source":{"component":"kubelet"}}'):format(name, object or "web-1", message)
end

describe("run with a kube sink", function()
  local place, server

  before_each(function()
    place = h.place()
    server = served.start(place)
  end)
  after_each(function()
    server:stop()
    place:remove()
  end)

  local function run(sink, watcher, events)
    place:write("mooncrier.lua", ([[
      return {
        sources = { { kind = "jsonl", path = "-" } },
        sinks = { api = { kind = "kube", server = "%s", %s } },
        watchers = { { name = "rec", sinks = { "api" }, %s } },
        limits = { drain_timeout = "20s" },
      }]]):format(server.url, sink, watcher))
    local r = place:run({ "run", "-o", "json" }, { stdin = table.concat(events, "\n") .. "\n" })
    local ledger = h.ledger(r)
    return r, ledger.watchers[1], ledger.watchers[1].sinks[1]
  end

  local function stored()
    local r = server:request("GET", "/api/v1/namespaces/prod/events")
    assert.equal(200, r.status)
    local found = {}
    for _, item in ipairs(r.json.items) do
      found[#found + 1] = item.metadata.name .. " " .. item.count .. " " .. item.message
    end
    table.sort(found)
    return found
  end

  -- client-go refuses them without a word; here nothing is lost, so nothing is said.
  it("records the same events twice, and the second time they are there already", function()
    local events = { event("a", "x"), event("b", "y"), event("c", "z") }
    local first = run("", "correlate = false", events)
    assert.equal(0, first.code, first.err)
    local r, _, sink = run("", "correlate = false", events)
    assert.equal(0, r.code, r.err)
    assert.same({ 3, 3, 0 }, { sink.delivered, sink.already_there, sink.rejected })
    assert.same({ "a 1 x", "b 1 y", "c 1 z" }, stored())
  end)

  for _, policy in ipairs({ "default", "client-go" }) do
    it("counts repeats into one event; policy " .. policy, function()
      local r, watcher, sink = run('policy = "' .. policy .. '"', "",
        { event("a", "x"), event("b", "y"), event("c", "x"), event("d", "x") })
      assert.equal(0, r.code, r.err)
      assert.same({ "a 3 x", "b 1 y" }, stored())
      assert.equal(2, watcher.counted)
      assert.equal(4, sink.assigned)
      assert.equal(4, sink.delivered + sink.merged)
    end)
  end

  for _, policy in ipairs({ "default", "client-go" }) do
    it("counts repeats of events without a name; policy " .. policy, function()
      local function nameless(message) return (event("a", message):gsub('"name":"a"', '"labels":{"k":"v"}', 1)) end
      local r, watcher, sink = run('policy = "' .. policy .. '"', "",
        { nameless("x"), nameless("x"), nameless("y"), nameless("x") })
      assert.equal(0, r.code, r.err)
      assert.equal(2, watcher.counted)
      assert.equal(4, sink.delivered + sink.merged)
      local all = stored()
      assert.equal(2, #all)
      table.sort(all, function(a, b) return a:sub(-1) < b:sub(-1) end)
      assert.matches("^web%-1%.%x+ 3 x$", all[1])
      assert.matches("^web%-1%.%x+ 1 y$", all[2])
    end)
  end

  -- What the server would refuse is made fit, and counted.
  for _, case in ipairs({
    { what = "a name that is none", patch = '"name":"Not_A.Name"', note = "names_replaced",
      name = "^%x+%-%x+%-8%x+%-[89ab]%x+%-%x+ " },
    { what = "no namespace", patch = '"name":"a"', homeless = true,
      note = "namespaces_filled_in", name = "^a " },
    { what = "a long message with eventTime", patch = '"name":"a"', long = true, time = true, note = "messages_cut",
      name = "^a ", length = 1023 },
    { what = "a long message without", patch = '"name":"a"', long = true, name = "^a ", length = 3000 },
  }) do
    it("makes fit " .. case.what, function()
      local message = case.long and ("\u{20ac}"):rep(1000) or "x"
      local text = event("a", message):gsub('"name":"a"', case.patch, 1)
      if case.homeless then text = text:gsub(',"namespace":"prod"', "", 1) end
      if case.time then
        text = text:gsub('"count":1', '"eventTime":"2024-01-02T03:04:05.000006Z","action":"A","count":1,'
          .. '"reportingComponent":"c","reportingInstance":"i"', 1)
      end
      local r, _, sink = run("", "", { text })
      assert.equal(0, r.code, r.err)
      assert.equal(1, sink.delivered)
      for _, note in ipairs({ "names_replaced", "namespaces_filled_in", "messages_cut" }) do
        assert.equal(note == case.note and 1 or 0, sink[note], note)
      end
      local all = stored()
      assert.equal(1, #all)
      assert.matches(case.name, all[1])
      if case.length then assert.equal(case.length, #all[1]:match("^%S+ %d+ (.*)$")) end
    end)
  end

  it("drops what the spam filter drops, by name", function()
    local r, watcher = run("", "correlate = { burst_size = 2 }",
      { event("a", "x"), event("b", "y"), event("c", "z") })
    assert.equal(0, r.code, r.err)
    assert.equal(1, watcher.spam_filtered)
    assert.same({ "a 1 x", "b 1 y" }, stored())
  end)

  it("tells the sink of first occurrences only", function()
    local r, _, sink = run('updates = "first"', "", { event("a", "x"), event("b", "x"), event("c", "y") })
    assert.equal(0, r.code, r.err)
    assert.equal(1, sink.suppressed)
    assert.same({ "a 1 x", "c 1 y" }, stored())
  end)

  it("takes keys from a script", function()
    place:write("keys.lua", 'return { spam_key = { "involvedObject.name", "message" } }')
    local r, watcher = run("", 'script = "keys.lua", correlate = { burst_size = 1 }',
      { event("a", "x"), event("b", "y"), event("c", "x") })
    assert.equal(0, r.code, r.err)
    assert.equal(1, watcher.spam_filtered)
    assert.same({ "a 1 x", "b 1 y" }, stored())
  end)

  it("ends with 3 and the number when a drain leaves events", function()
    place:write("mooncrier.lua", [[
      return {
        sources = { { kind = "jsonl", path = "-" } },
        sinks = { api = { kind = "kube", server = "http://127.0.0.1:1" } },
        watchers = { { name = "rec", sinks = { "api" } } },
        limits = { drain_timeout = "200ms" },
        dead_letters = "dead.jsonl",
      }]])
    local r = place:run({ "run" }, { stdin = event("a", "x") .. "\n" })
    assert.equal(3, r.code)
    assert.matches("1 events were left unfinished", r.err, 1, true)
    assert.matches('"stage":"sink"', place:read("dead.jsonl"), 1, true)
  end)

  it("logs what client-go logs, as klog does; policy client-go", function()
    assert.equal(200, server:request("PUT", "/-/faults", { body = "status=403:1" }).status)
    local r = run('policy = "client-go"', "", { event("a", "x") })
    assert.matches('\nE%d%d%d%d %d%d:%d%d:%d%d%.%d%d%d%d%d%d +%d+ mooncrier:1%] '
      .. '"Server rejected event %(will not retry!%)" err="', "\n" .. r.err)
  end)

  it("refuses a mix of sinks that does not say whether it correlates", function()
    place:write("mooncrier.lua", [[
      return {
        sources = { { kind = "jsonl", path = "-" } },
        sinks = { db = { kind = "store" }, out = { kind = "stdout" } },
        watchers = { { sinks = { "db", "out" } } },
      }]])
    local r = place:run({ "check" })
    assert.equal(78, r.code)
    assert.matches("'correlate' is missing", r.err, 1, true)
  end)
end)
