local cjson = require("cjson")
local h = require("tests.e2e.harness")

local data = h.root .. "/examples/data/events.jsonl"
local watch = h.root .. "/tests/data/watch-core.jsonl"

describe("mooncrier explain", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local function config(text)
    place:write("mooncrier.lua",
      "return {\n  sources = { { kind = \"jsonl\", path = \"in.jsonl\" } },\n" .. text .. "}\n")
  end

  -- The explanation of the last event of `lines`, decoded.
  local function explain(lines, ...)
    local r = place:run({ "explain", "-q", "-o", "json", ... }, { stdin = table.concat(lines, "\n") .. "\n" })
    assert.equal(0, r.code, r.err)
    assert.equal(1, #h.lines(r.out))
    return cjson.decode(r.out), r
  end

  local function stage(watcher, name)
    for _, found in ipairs(watcher.stages) do
      if found.stage == name then return found end
    end
    error("no stage " .. name)
  end

  local function event(name, fields)
    return h.event(name, fields)
  end

  it("prints every stage, as text", function()
    config([[
      sinks = {
        cluster = { kind = "kube", server = "http://127.0.0.1:9" },
        keep = { kind = "file", path = "kept.jsonl" },
        chat = { kind = "webhook", url = "http://127.0.0.1:9/secret", headers = { ["X-Key"] = "secret" } },
      },
      watchers = {
        { name = "all", sinks = { "keep" } },
        { name = "record", script = "record.lua", sinks = { "cluster", "keep", "chat" }, correlate = true },
      },
    ]])
    place:write("record.lua", [[
      return {
        filter = function(event) return event.type == "Warning", "no warning" end,
        handle = function(event)
          return event:with{ message = event.message:upper() }
        end,
        aggregate_key = function(event) return event.involvedObject.name end,
        route = function(event) return { "cluster", "chat" } end,
        render = function(event) return '{"text":"' .. event.reason .. '"}' end,
      }
    ]])
    place:write("in.jsonl", event("a") .. "\n" .. event("b", { message = "killed" }) .. "\n")
    local r = place:run({ "explain", "in.jsonl" })
    assert.equal(0, r.code, r.err)
    assert.equal("mooncrier: explained is event 2 of 2; --name picks another\n", r.err)
    local patched = cjson.decode(r.out:match('\n +({"kind":"Event"[^\n]*)'))
    assert.equal("KILLED", patched.message)
    local text = r.out:gsub('{"kind":"Event"[^\n]*', "THE EVENT"):gsub("%d+ bytes", "N bytes")
    assert.equal([[
event default/b
  about           Pod default/web-0
  Warning         BackOff: killed

decode
  event           of v1, N bytes
  time            2026-11-23T05:01:00Z, its lastTimestamp
  change          new, delta 1 of 1 occurrences

watcher all
  sink            keep (file): delivered
                  the event as it came in
  ledger          routed

watcher record
  filter          passed  (record.lua:2)
  handle          changed  (record.lua:3)
                  message: "killed" → "KILLED"
  correlate
    aggregate_key web-0  (record.lua:6)
    local_key     KILLED
    spam_key      kubelet |  | Pod | default | web-0 |  |  | Warning
    window        2 of 10 similar events, each at most 600 s after the one before: not combined
    bucket        23 of 25 tokens left; one more every 300 s
    count         1, recorded as b
  route           to cluster, chat  (record.lua:7)
  render          for chat: rendered  (record.lua:8)
  sink            cluster (kube): delivered
                  POST /api/v1/namespaces/default/events
                  THE EVENT
  sink            chat (webhook): delivered
                  POST http://127.0.0.1:9/…
                  Content-Type: application/json
                  X-Key: …
                  {"text":"BackOff"}
  ledger          routed
]], text)
  end)

  it("says how hooks end an event", function()
    config([[
      sinks = {
        keep = { kind = "file", path = "kept.jsonl" },
        chat = { kind = "webhook", url = "http://127.0.0.1:9" },
      },
      dead_letters = "dead.jsonl",
      watchers = { { name = "w", script = "w.lua", sinks = { "keep", "chat" } } },
    ]])
    for _, case in ipairs({
      { "filter = function(event) return false, 'quiet hours' end", "filter",
        { did = "dropped", reason = "quiet hours" }, { outcome = "filtered", why = "quiet hours" } },
      { "handle = function(event) return false end", "handle", { did = "dropped" }, { outcome = "filtered" } },
      { "handle = function(event)\nreturn event.involvedobject.name end", "handle", { did = "failed" },
        { outcome = "refused", deadLetters = "dead.jsonl" } },
      { "route = function(event) return {} end", "route", { did = "routed" }, { outcome = "routed_nowhere" } },
      { "route = function(event) return 'keep' end", "route", { did = "routed" }, { outcome = "routed" } },
    }) do
      place:write("w.lua", "return { " .. case[1] .. " }")
      local r = place:run({ "explain", "-qq", "-o", "json" }, { stdin = event("a") .. "\n" })
      assert.equal(0, r.code, r.err)
      local watcher = cjson.decode(r.out).watchers[1]
      local found = stage(watcher, case[2])
      assert.equal("w.lua:1", found.where)
      for key, value in pairs(case[3]) do assert.equal(value, found[key], case[1]) end
      for key, value in pairs(case[4]) do assert.equal(value, watcher[key], case[1]) end
      if case[3].did == "failed" then
        local message = "w.lua:2: no field 'involvedobject'; did you mean 'involvedObject'?"
        assert.equal(message, found.error:match("^[^\n]*"))
        assert.equal(message, watcher.why:match("^[^\n]*"))
      end
    end
  end)

  it("says what each sink makes of it", function()
    config([[
      sinks = {
        first = { kind = "file", path = "kept.jsonl", updates = "first" },
        chat = { kind = "webhook", url = "http://127.0.0.1:9", render = "chat.lua" },
        bad = { kind = "webhook", url = "http://127.0.0.1:9", render = "bad.lua" },
        record = { kind = "store", path = "events.db" },
      },
      watchers = { { name = "w", sinks = { "first", "chat", "bad", "record" }, correlate = true } },
    ]])
    place:write("chat.lua", "return { render = function(event) return false end }")
    place:write("bad.lua", "return { render = function(event) return event.message.x.y end }")
    local r = place:run({ "explain", "-qq", "-o", "json" }, { stdin = (event("a") .. "\n"):rep(2) })
    assert.equal(0, r.code, r.err)
    local sinks = cjson.decode(r.out).watchers[1].sinks
    local got = {}
    for i, sink in ipairs(sinks) do got[i] = ("%s %s %s %s"):format(sink.sink, sink.kind, sink.outcome, sink.form) end
    assert.same({ "first file suppressed nil", "chat webhook suppressed nil", "bad webhook rejected nil",
      "record store delivered patch" }, got)
    assert.equal("updates: it is a repeat that the sink is not told of", sinks[1].why)
    assert.equal("render", sinks[2].why)
    assert.matches("attempt to index event.message.x (a nil value)", sinks[3].why, 1, true)
    assert.equal('{"count":2,"lastTimestamp":"2026-11-23T05:01:00Z","message":"Back-off restarting failed container"}',
      sinks[4].body)
  end)

  it("knows what came before: counts, windows and tokens", function()
    config([[
      sinks = { record = { kind = "store", path = "events.db" } },
      watchers = { { name = "w", sinks = { "record" }, correlate = { burst_size = 12, max_events = 10 } } },
    ]])
    local lines = {}
    local function last()
      local found = stage(explain(lines).watchers[1], "correlate")
      return { similar = found.window.similar, combined = found.window.combined, passed = found.bucket.passed,
               tokens = math.floor(found.bucket.tokens), count = found.count, is_repeat = found["repeat"] }
    end
    for i = 1, 9 do lines[i] = event("e" .. i, { message = "m" .. i }) end
    assert.same({ similar = 9, combined = false, passed = true, tokens = 3, count = 1, is_repeat = false }, last())
    lines[10] = event("e10", { message = "m10" })
    assert.same({ similar = 10, combined = true, passed = true, tokens = 2, count = 1, is_repeat = false }, last())
    lines[11] = event("e11", { message = "m11" })
    assert.same({ similar = 10, combined = true, passed = true, tokens = 1, count = 2, is_repeat = true }, last())
    lines[12] = event("e9", { message = "m9" })
    assert.same({ similar = 9, combined = false, passed = true, tokens = 0, count = 2, is_repeat = true }, last())
    lines[13] = event("e9", { message = "m9" })
    assert.same({ similar = 9, combined = false, passed = false, tokens = 0 }, last())
    local r = place:run({ "explain", "-q" }, { stdin = table.concat(lines, "\n") .. "\n" })
    assert.matches("empty (0 of 12 tokens): dropped by the spam filter; one more every 300 s", r.out, 1, true)
    assert.matches("ledger          spam_filtered", r.out, 1, true)
  end)

  it("follows what is emitted", function()
    config([[
      sinks = { keep = { kind = "file", path = "kept.jsonl" }, other = { kind = "file", path = "other.jsonl" } },
      watchers = {
        { name = "first", script = "first.lua", sinks = { "keep" } },
        { name = "second", sinks = { "other" } },
      },
    ]])
    place:write("first.lua", [[
      return { handle = function(event)
        emit(event:with{ reason = "Emitted" })
        emit(event:with{ reason = "Straight" }, "keep")
        return false, "said elsewhere"
      end }
    ]])
    local explained = explain({ event("a") })
    local names = {}
    for i, watcher in ipairs(explained.watchers) do names[i] = watcher.watcher end
    assert.same({ "first", "second", "second" }, names)
    local first, second, emitted = unpack(explained.watchers)
    assert.equal("Emitted", first.stages[1].event.reason)
    assert.same({ "keep" }, first.stages[2].sinks)
    assert.equal("filtered", first.outcome)
    assert.is_true(first.sinks[1].direct)
    assert.equal("Straight", cjson.decode(first.sinks[1].body).reason)
    assert.is_nil(second.emittedBy)
    assert.same({ "first" }, emitted.emittedBy)
    assert.equal("Emitted", emitted.event.reason)
    local text = place:run({ "explain", "-q" }, { stdin = event("a") .. "\n" }).out
    assert.matches("watcher second, of the event default/a that was emitted by first\n", text, 1, true)
    assert.matches("handle          emits default/a to keep  (first.lua:1)\n", text, 1, true)
    assert.matches("sink            keep (file): delivered, sent to it alone\n", text, 1, true)
  end)

  it("picks an event by name, namespace, uid and number", function()
    config([[ watchers = { { name = "w" } }, ]])
    local lines = {}
    for i = 1, 3 do
      lines[#lines + 1] = event("a", { count = i })
      lines[#lines + 1] = event("b", { metadata = { name = "b", namespace = "prod", uid = "u-" .. i } })
    end
    local function which(...)
      local found = explain(lines, ...)
      return found.event.namespace .. "/" .. found.event.name .. " " .. (found.event.uid or found.decode.occurrences)
    end
    assert.equal("prod/b u-3", which())
    assert.equal("default/a 3", which("--name", "a"))
    assert.equal("default/a 2", which("--name", "default/a", "--nth", "2"))
    assert.equal("prod/b u-2", which("--name", "u-2"))
    assert.equal("handled_only", explain(lines).watchers[1].outcome)
    local input = { stdin = table.concat(lines, "\n") .. "\n" }
    for _, case in ipairs({
      { { "--name", "prod/a" }, "there is no event 'prod/a' among 6" },
      { { "--name", "web-0" },
        "there is no event 'web-0' among 6; of an object of this name there are default/a, prod/b" },
      { { "--name", "a", "--nth", "4" }, "there are 3 events 'a', not 4" },
      { { "--name", "u-1", "--nth", "2" }, "there is 1 event 'u-1', not 2" },
    }) do
      local r = place:run({ "explain", unpack(case[1]) }, input)
      assert.equal(1, r.code)
      assert.equal("", r.out)
      assert.equal("mooncrier: error: " .. case[2] .. "\n", r.err)
    end
  end)

  it("takes one script alone, with sinks of any name", function()
    place:write("s.lua", [[
      return {
        spam_key = { "reason" },
        route = function(event) return { pager = true, [event.reason:lower()] = true } end,
        render = function(event, sink) return sink .. ": " .. event.message end,
      }
    ]])
    local explained = explain({ event("a", { message = "m" }) }, "--script", "s.lua")
    local watcher = explained.watchers[1]
    local got = {}
    for _, sink in ipairs(watcher.sinks) do got[sink.sink] = sink.body end
    assert.same({ pager = "pager: m", backoff = "backoff: m" }, got)
    assert.is_true(stage(watcher, "correlate").keys.spam.byScript)
    assert.equal("BackOff", stage(watcher, "correlate").keys.spam.key)
    place:write("s.lua", "return { filter = function(event) return true end }")
    explained = explain({ event("a") }, "--script", "s.lua")
    assert.equal("default", explained.watchers[1].sinks[1].sink)
    assert.is_true(explained.watchers[1].sinks[1].unchanged)
  end)

  it("says what run would write, on the real events", function()
    config([[
      sinks = { keep = { kind = "file", path = "kept.jsonl" } },
      watchers = { { name = "w", script = "w.lua", sinks = { "keep" }, correlate = "client-go" } },
    ]])
    place:write("w.lua", [[
      local n = 0
      return { handle = function(event)
        n = n + 1
        if n % 3 == 0 then return false end
        return n % 2 == 0 and event:with{ seen = n } or nil
      end }
    ]])
    for _, recording in ipairs({ data, watch }) do
      place:shell("cp '" .. recording .. "' in.jsonl; rm -f kept.jsonl")
      assert.equal(0, place:run({ "run", "-q" }).code)
      local written = h.lines(place:read("kept.jsonl"))
      local last = cjson.decode(written[#written]).metadata
      local r = place:run({ "explain", "-q", "-o", "json", "--name", last.namespace .. "/" .. last.name, "in.jsonl" })
      assert.equal(written[#written] .. "\n", cjson.decode(r.out).watchers[1].sinks[1].body)
    end
  end)

  it("ends with 2, 78 or 1 for what is wrong", function()
    config([[ watchers = { { name = "w" } }, ]])
    for _, case in ipairs({
      { { "-o", "yaml" }, 2, "--output must be text or json, not 'yaml'" },
      { { "--nth", "1" }, 2, "--nth needs --name" },
      { { "--name", "a", "--nth", "0" }, 2, "--nth must be a number from 1 on, not '0'" },
      { { "-c", "a.lua", "--script", "b.lua" }, 2, "--config and --script exclude each other" },
      { { "-c", "none.lua" }, 78, "none.lua" },
      { { "--script", "none.lua" }, 78, "none.lua: No such file or directory" },
      { {}, 1, "there is no event" },
    }) do
      local r = place:run({ "explain", unpack(case[1]) })
      assert.equal(case[2], r.code, r.err)
      assert.matches(case[3], r.err, 1, true)
    end
    place:write("s.lua", "return { filtr = function(event) end }")
    local r = place:run({ "explain", "--script", "s.lua" }, { stdin = event("a") .. "\n" })
    assert.equal(78, r.code)
    assert.matches("s.lua:1: unknown hook 'filtr'; did you mean 'filter'?", r.err, 1, true)
    r = place:run({ "explain" }, { stdin = event("a") .. "\n{\"kind\":5}\n" })
    assert.equal(1, r.code)
    assert.matches("^event default/a\n", r.out)
  end)
end)
