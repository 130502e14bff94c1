-- mooncrier.test, what specs of scripts use.

local test = require("mooncrier.test")
local world = require("tests.lua.world")

local NOON = 1767268800 -- 2026-01-01T12:00:00Z

describe("mooncrier.test", function()
  local dir

  local function file(name, text)
    local path = dir .. "/" .. name
    local out = assert(io.open(path, "w"))
    out:write(text)
    out:close()
    return path
  end

  local function script(text)
    return file("s.lua", text)
  end

  local function fails(fragment, f, ...)
    local ok, message = pcall(f, ...)
    assert.is_false(ok)
    assert.truthy(message:gsub(dir:gsub("%p", "%%%0") .. "/", ""):find(fragment, 1, true), message)
  end

  before_each(function()
    dir = world.files({})
  end)

  after_each(function()
    os.execute(("rm -r '%s'"):format(dir))
  end)

  describe("event", function()
    it("fills in what a real event has", function()
      local event = test.event({ reason = "BackOff" })
      local object = event.involvedObject
      assert.same({ "Pod", "default", "web-1", "v1", "uid-of-web-1" },
        { object.kind, object.namespace, object.name, object.apiVersion, object.uid })
      assert.same({ "Warning", 1, "new", 1, NOON },
        { event.type, event.count, event.change, event.delta, event.time })
      assert.equal("Back-off restarting failed container app in pod web-1", event.message)
      assert.same({ "kubelet", "node-1", "kubelet", "node-1" },
        { event.source.component, event.source.host, event.reportingComponent, event.reportingInstance })
      assert.same({ "2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z", "2026-01-01T12:00:00Z" },
        { event.firstTimestamp, event.lastTimestamp, event.metadata.creationTimestamp })
      assert.truthy(event.metadata.name:find("^web%-1%.%x+$"))
      assert.not_equal(event.metadata.name, test.event({ reason = "BackOff" }).metadata.name)
    end)

    for reason, wanted in pairs({
      OOMKilling = { "Node", "", "node-1", "default", "Warning" },
      FailedScheduling = { "Pod", "default", "web-1", "default", "Warning" },
      BackoffLimitExceeded = { "Job", "default", "backup", "default", "Warning" },
      ["Made up"] = { "Pod", "default", "web-1", "default", "Normal" },
    }) do
      it("knows what " .. reason .. " is about", function()
        local event = test.event({ reason = reason })
        local object = event.involvedObject
        assert.same(wanted, { object.kind, object.namespace, object.name, event.metadata.namespace, event.type })
      end)
    end

    it("takes what it is given, also parts of other events", function()
      local first = test.event({ involvedObject = { kind = "Deployment", namespace = "prod" }, count = 7,
                                 metadata = { labels = { a = "b" } }, lastTimestamp = "2026-01-02T00:00:00Z",
                                 extra = { 1, 2 } })
      assert.same({ "apps/v1", "web", "prod", "b", 7, 2 }, { first.involvedObject.apiVersion,
        first.involvedObject.name, first.metadata.namespace, first.metadata.labels.a, first.delta,
        #first:get("extra") })
      local second = test.event({ involvedObject = first.involvedObject })
      assert.equal("prod", second.involvedObject.namespace)
    end)

    it("takes JSON as it is, and what a watch said", function()
      assert.equal("", test.event("{}").metadata.name)
      assert.same({ "deleted", 0 }, (function(e) return { e.change, e.delta } end)(test.event({ change = "deleted" })))
      assert.equal("repeat", test.event({ change = "repeat" }).change)
      fails('change is "new", "repeat" or "deleted", not gone', test.event, { change = "gone" })
      fails("did you mean 'reason'?", test.event, { reasn = "x" })
      fails("involvedObject must be a table", test.event, { involvedObject = "web" })
      fails("event takes a table", test.event, 7)
    end)

    it("happens again", function()
      local first = test.event({ reason = "BackOff" })
      test.advance("5m")
      local second = test.again(test.again(first), { message = "m" })
      assert.same({ 3, NOON, NOON + 300, "m" }, { second.count, test.event(first:get()).time, second.time,
        second.message })
      local deltas = {}
      for i, outcome in ipairs(test.run("handlers/warnings.lua", { first, second, second })) do
        deltas[i] = outcome.input.change .. outcome.input.delta
      end
      assert.same({ "new1", "repeat2", "repeat0" }, deltas)
    end)
  end)

  describe("events", function()
    it("reads lines, watch streams, lists and one event", function()
      assert.equal(346, #test.events("examples/data/events.jsonl"))
      assert.equal("deleted", test.events("examples/project/events.jsonl")[20].change)
      local list = test.events(file("l.json", '{\n"kind":"EventList","items":[{"reason":"A"},\n{"reason":"B"}]}'))
      assert.same({ 2, "B" }, { #list, list[2].reason })
      assert.equal("C", test.events(file("o.json", '{\n  "reason": "C"\n}\n'))[1].reason)
      assert.same({}, test.events(file("e.jsonl", "\n")))
    end)

    it("says where it is no event", function()
      fails("x.jsonl:3: not an event: ", test.events, file("x.jsonl", '{"reason":"A"}\n\n{"reason":\n'))
      fails("no file nowhere.jsonl, nor ", test.events, "nowhere.jsonl")
    end)

    it("says in which line of the spec", function()
      local here = "tests/lua/test_module_spec.lua:%d+: "
      local function message(call)
        local ok, said = pcall(call)
        assert.is_false(ok)
        return said
      end
      assert.matches("^" .. here .. "not an event: the text ends", message(function() test.event('{"kind":') end))
      assert.matches("^" .. here .. "no file nowhere.jsonl", message(function() test.events("nowhere.jsonl") end))
      local broken = file("x.jsonl", "{")
      assert.matches("^" .. here .. "%S+x.jsonl:1: not an event", message(function() test.events(broken) end))
    end)
  end)

  describe("between tests", function()
    local names, watcher = {}, nil

    for i = 1, 2 do
      it("has the same clock, names and no watchers: " .. i, function()
        assert.equal(NOON, test.clock())
        names[i] = test.event().metadata.name
        test.advance("1m")
        watcher = test.start(script("return { tick = function() error('ticks on') end, tick_every = '1h' }"))
        names.clock = test.clock("2026-01-01T13:00:00Z")
      end)
    end

    it("has seen so", function()
      assert.equal(names[1], names[2])
      assert.same({}, watcher.result.errors)
      test.advance("2h")
    end)
  end)

  it("has a clock", function()
    assert.equal(NOON, test.clock())
    assert.equal(NOON + 90, test.advance("90s"))
    assert.equal(5, test.clock(5))
    fails('a time is Unix seconds or a text such as "2026-01-01T12:00:00Z", not noon', test.clock, "noon")
    fails('advance takes a duration such as "5m" or seconds, not soon', test.advance, "soon")
  end)

  describe("run", function()
    local picky = [[return {
      filter = function(event) return event.type == "Warning", "not a warning" end,
      handle = function(event) if event.reason == "Failed" then error("oh") end end,
    }]]
    local three = { { reason = "BackOff" }, { reason = "Pulled" }, { reason = "Failed" } }

    it("tells of dropped and refused events", function()
      local result = test.run(script(picky), three, { errors = true })
      assert.same({ "passed", "dropped", "refused" }, { result[1].outcome, result[2].outcome, result[3].outcome })
      assert.same({ 1, 1, 1, 3 }, { result.passed, result.dropped, result.refused, #result })
      assert.same({ "not a warning", nil, false }, { result[2].reason, result[2].event, result[1].changed })
      assert.equal(dir .. "/s.lua:3: oh", result[3].error)
      assert.same({ ["not a warning"] = 1 }, result.reasons)
      assert.same({ "handle", dir .. "/s.lua:3: oh" }, { result.errors[1].hook, result.errors[1].message })
    end)

    it("raises what a hook raises", function()
      fails("handle of s.lua failed on Failed of Pod default/web-1: s.lua:3: oh", function()
        local ok, message = pcall(test.run, script(picky), three)
        error(ok or message:gsub("^handle of [^ ]*/", "handle of "), 0)
      end)
      for hook, text in pairs({ tick = "tick = function() error('oh') end, tick_every = 1", render =
        "render = function() error('oh') end", spam_key = "spam_key = function() return 1 end",
        route = "route = function() return 7 end", fini = "fini = function() error('oh') end" }) do
        fails(hook .. " of ", test.run, script("return {" .. text .. "}"), { {} }, { sinks = { "a" }, after = 1 })
      end
    end)

    it("does as on_error says", function()
      local passed = test.run(script(picky), three, { on_error = "pass", errors = true })
      assert.same({ "passed", dir .. "/s.lua:3: oh" }, { passed[3].outcome, passed[3].error })
      assert.equal("refused", test.run(script(picky), three, { on_error = "drop", errors = true })[3].outcome)
      fails('on_error is "dead_letter", "pass" or "drop"', test.run, script(picky), three, { on_error = "ignore" })
    end)

    it("runs a chain of scripts, each on what the one before left", function()
      local a = file("a.lua", [[return { handle = function(event)
        if event.reason == "Pulled" then return false, "a" end
        return event:with({ message = "a" })
      end }]])
      local b = file("b.lua", [[local given
        return { init = function(p) given = p end, handle = function(event)
          log.info(event.reason)
          return event:with({ message = event.message .. given.suffix })
        end }]])
      local result = test.run({ a, { b, suffix = "!" } }, three)
      assert.same({ "a!", true, "a" }, { result[1].event.message, result[1].changed, result[2].reason })
      assert.not_equal("a", result[1].input.message)
      assert.same({ "BackOff", "Failed" }, { result.log[1].text, result.log[2].text })
    end)

    it("takes parameters and grants in either way", function()
      local path = script([[local p
        return { init = function(g) p = g end, filter = function() return io ~= nil, p.x end }]])
      assert.equal("v", test.run({ path, x = "v" }, {}, {}).errors and "v")
      local function reason(given, options)
        local ok, result = pcall(test.run, given, { {} }, options)
        return ok and (result[1].reason or result[1].outcome) or result:match("global 'io'")
      end
      assert.equal("global 'io'", reason({ path, x = "v" }))
      assert.equal("passed", reason({ path, x = "v", allow = { "io" } }))
      assert.equal("passed", reason(path, { params = { x = "v" }, allow = { "io" } }))
      fails("did you mean 'params'?", test.run, path, {}, { parms = {} })
      fails("test_module_spec.lua:", function()
        test.run(path, {}, { still = true, fallbck = {} })
      end)
      fails('after is a duration such as "5m", not soon', test.run, path, {}, { after = "soon" })
      fails("fallback names 'b', which is not among the sinks", test.run, path, {},
        { sinks = { "a" }, fallback = { "b" } })
      fails("params and allow are for one script", test.run, { path, path }, {}, { params = {} })
      fails("did you mean 'threshold'?", test.run, { "handlers/crashloop.lua", treshold = 3 }, {})
    end)

    it("takes one event, a list, an iterator or a file", function()
      local path = "handlers/warnings.lua"
      local event = test.event({ reason = "BackOff" })
      local n = 0
      local function each()
        n = n + 1
        return n < 3 and event or nil
      end
      for i, source in ipairs({ event, { event }, { reason = "BackOff" }, { {} }, tostring(event), each,
                                "examples/project/events.jsonl", {} }) do
        assert.equal(({ 1, 1, 1, 1, 1, 2, 22, 0 })[i], #test.run(path, source))
      end
    end)

    it("gives no two runs anything in common", function()
      file("m.lua", "return { n = 0 }")
      local path = script([[local m = require("m")
        return { handle = function() m.n = m.n + 1
          return false, m.n .. " " .. shared.add("n", 1) .. " " .. math.random(1000) end }]])
      local first = test.run(path, { {}, {} })
      local second = test.run(path, { {} })
      assert.equal(first[1].reason, second[1].reason)
      assert.truthy(first[2].reason:find("^2 2 "))
      assert.truthy(test.run(path, { {} }, { keep_shared = true })[1].reason:find("^1 2 "))
      assert.not_equal(first[1].reason, test.run(path, { {} }, { seed = 2 })[1].reason)
    end)

    it("goes by the time of the events", function()
      local path = script([[local ticks = 0
        return { handle = function() return false, ticks .. " " .. time.format(time.now()) end,
                 tick = function(now) ticks = ticks + 1 log.info("%d", now - 1767268800) end, tick_every = "1m" }]])
      local times = { { lastTimestamp = "2026-01-01T13:00:00Z" }, { lastTimestamp = "2026-01-01T13:02:30Z" },
                      { lastTimestamp = "2026-01-01T13:01:00Z" } }
      local result = test.run(path, times, { after = "2m" })
      assert.same({ "0 2026-01-01T13:00:00Z", "2 2026-01-01T13:02:30Z", "2 2026-01-01T13:02:30Z" },
        { result[1].reason, result[2].reason, result[3].reason })
      assert.same({ 4, "3660", "3840" }, { result.ticks, result.log[1].text, result.log[4].text })
      assert.equal(NOON, test.clock())
      local still = test.run(path, times, { still = true })
      assert.same({ "0 2026-01-01T12:00:00Z", 0 }, { still[2].reason, still.ticks })
    end)

    it("stops a hook that does not end", function()
      local path = script("return { handle = function(event)\n  while event.count == 1 do end\nend }")
      local result = test.run({ path, deadline = "100ms" }, { {}, { count = 2 } }, { errors = true })
      assert.same({ "refused", "passed" }, { result[1].outcome, result[2].outcome })
      assert.equal(dir .. "/s.lua:2: deadline: stopped after 0.1 s", result[1].error)
      assert.is_true(jit.status())
      assert.is_nil((debug.gethook()))
    end)

    it("collects what is emitted and logged", function()
      local path = script([[return {
        handle = function(event)
          log.warn("saw %s", event.reason)
          emit({ reason = "All", involvedObject = { name = "x" } })
          emit(event:with({ message = "m" }), "pager")
        end,
        fini = function() emit({ reason = "End", involvedObject = { name = "x" } }) end,
      }]])
      local result = test.run(path, { { reason = "BackOff" } })
      assert.same({ "All", "BackOff", "End" },
        { result.emitted[1].event.reason, result.emitted[2].event.reason, result.emitted[3].event.reason })
      assert.same({ nil, "pager", NOON }, { result.emitted[1].sink, result.emitted[2].sink, result.emitted[2].at })
      assert.equal(2, #result[1].emitted)
      assert.same({ "m", 1 }, { result.sinks.pager[1].event.message, #result.sinks.pager })
      assert.same({ { level = "warn", text = "saw BackOff" } }, result.log)
    end)

    it("refuses what the program refuses", function()
      fails("emit: nothing runs yet", test.run,
        script("return { init = function() emit({ involvedObject = { name = 'x' } }) end }"), {})
      fails("emit: not from a hook that makes a key", test.run,
        script("return { local_key = function(event) emit(event) end }"), { {} })
      fails("unknown hook 'filtr'; did you mean 'filter'?", test.run, script("return { filtr = print }"), {})
      fails("init refused: no", test.run, script("return { init = function() return false, 'no' end }"), {})
      fails("self_test refused: no", test.run, script("return { self_test = function() return false, 'no' end }"), {})
      fails("no script nowhere.lua, nor ", test.run, "nowhere.lua", {})
    end)
  end)

  describe("sinks", function()
    local router = [[return { route = function(event)
      local r = event.reason
      return r == "A" and "a" or r == "B" and { "b", "a" } or r == "None" and {}
        or r == "Map" and { a = event:with({ message = "changed" }), b = true, c = false }
        or r == "Unknown" and ("d"):rep(2) or nil
    end }]]

    for reason, wanted in pairs({ A = { "a" }, B = { "a", "b" }, None = {}, Map = { "a", "b" },
                                  All = { "a", "b", "c" } }) do
      it("are chosen by route: " .. reason, function()
        local result = test.run(script(router), { { reason = reason } }, { sinks = { "a", "b", "c" } })
        assert.same(wanted, result[1].sinks)
        local got = {}
        for _, name in ipairs({ "a", "b", "c" }) do
          got[#got + 1] = result.sinks[name] and name
        end
        assert.same(wanted, got)
      end)
    end

    it("can be any when none are named", function()
      local result = test.run(script(router), { { reason = "B" }, { reason = "Map" }, { reason = "None" }, {} })
      assert.same({ "b", "a" }, result[1].sinks)
      assert.same({ "b", "a" }, result[2].sinks)
      assert.same({}, result[3].sinks)
      assert.equal("all", result[4].sinks)
      assert.same({ 2, "changed" }, { #result.sinks.a, result.sinks.a[2].event.message })
    end)

    it("are checked as the program does", function()
      fails("names sink 'pagr', which the watcher does not have; did you mean 'pager'?", test.run,
        script("return { route = function() return 'pagr' end }"), {}, { sinks = { "pager" } })
      local options = { sinks = { "a", "b" }, fallback = { "b" }, errors = true }
      local result = test.run(script(router), { { reason = "Unknown" } }, options)
      assert.same({ "b" }, result[1].sinks)
      assert.truthy(result[1].error:find("names sink 'dd', which the watcher does not have", 1, true))
      assert.same({ "b" }, test.run(script("return { route = function() error('x') end }"), { {} }, options)[1].sinks)
    end)

    it("send what is rendered", function()
      file("r.lua", "return { render = function(event, sink) return 'own ' .. sink end }")
      local path = script([[return { render = function(event, sink)
        if event.reason == "None" then return false elseif event.reason == "Usual" then return nil end
        return { reason = event.reason, sink = sink }, { url = "http://x", headers = { A = 1, B = "two" } }
      end }]])
      local result = test.run(path, { { reason = "R" }, { reason = "None" }, { reason = "Usual" } },
        { sinks = { "a", own = { render = dir .. "/r.lua" } } })
      local sent = result.sinks.a
      assert.same({ '{"reason":"R","sink":"a"}', "http://x", 2 }, { sent[1].body, sent[1].url, #sent })
      assert.same({ A = "1", B = "two" }, sent[1].headers)
      assert.same({ nil, "Usual" }, { sent[2].body, sent[2].event.reason })
      assert.same({ "own own", 3 }, { result.sinks.own[1].body, #result.sinks.own })
      assert.is_false(test.render(path, { reason = "None" }))
      assert.is_nil(test.render(path, { reason = "Usual" }).body)
      assert.same({ a = 1 }, test.render(script("return { render = function() return { a = 1 } end }"), {}).json)
      fails("render must return nil, false, a string or a table", test.render,
        script("return { render = function() return 7 end }"), {})
    end)
  end)

  it("gives the correlator's keys", function()
    local keys = test.run(script([[return {
      aggregate_key = { "involvedObject.name", "reason" },
      local_key = function(event) return #event.message > 9 and "long" or nil end,
      spam_key = function() return "s" end,
      aggregate_message = function(event) return "many: " .. event.message end,
    }]]), { { reason = "R", message = "m" } })[1].keys
    keys.aggregate_key = keys.aggregate_key:gsub("%c", "|")
    assert.same({ aggregate_key = "web-1|R", spam_key = "s", aggregate_message = "many: m" }, keys)
    assert.is_nil(test.run("handlers/warnings.lua", {})[1])
    assert.is_nil(test.run("handlers/warnings.lua", { {} })[1].keys)
  end)

  describe("start", function()
    local counter = [[local n, step = 0, 1
      return {
        init = function(given) step = given.step or 1 end,
        handle = function(event) n = n + event.delta * step log.info("%d", n) end,
        tick = function() log.info("tick") end, tick_every = "4m",
        save = function() return n end,
        restore = function(saved) if saved > 100 then return false, "too many" end n = saved end,
        fini = function() log.info("end") end,
      }]]

    local function texts(result)
      local list = {}
      for i, line in ipairs(result.log) do
        list[i] = line.text
      end
      return table.concat(list, " ")
    end

    it("makes a watcher for one event after the other, that reloads", function()
      local watcher = test.start(script(counter))
      local event = test.event()
      assert.equal("passed", watcher:send(event).outcome)
      test.advance("5m")
      watcher:reload({ params = { step = 10 } })
      event = test.again(event)
      watcher:send(event)
      watcher:send(test.again(event))
      assert.equal("1 tick 11 21", texts(watcher.result))
      assert.equal("1 tick 11 21 end", texts(watcher:stop()))
      test.advance("1h")
      assert.equal("1 tick 11 21 end", texts(watcher.result))
    end)

    it("never goes back in time", function()
      local watcher = test.start(script("return { handle = function() return false, time.format(time.now()) end }"))
      test.clock("2026-01-01T11:00:00Z")
      test.advance("1m")
      assert.equal("2026-01-01T12:00:00Z", watcher:send({}).reason)
    end)

    it("refuses a reload as the program does", function()
      local watcher = test.start({ script(counter), step = 1000 })
      watcher:send({})
      fails("restore refused: too many", watcher.reload, watcher)
    end)

    it("goes on to the time of a later event", function()
      local watcher = test.start(script(counter))
      watcher:send({ lastTimestamp = "2026-01-01T12:09:00Z" })
      assert.same({ "tick tick 1", NOON + 540 }, { texts(watcher.result), test.clock() })
    end)
  end)

  describe("run_sink", function()
    local sink = [[local n = 0
      return {
        open = function() log.info("open") end,
        write = function(event)
          n = n + 1
          if event.reason == "Bad" then return false, "bad" elseif event.reason == "Later" then return "retry" end
        end,
        FLUSH
        close = function() log.info("%d", n) end,
      }]]

    it("runs a script that is a sink", function()
      local result = test.run_sink(script((sink:gsub("FLUSH", ""))), { {}, { reason = "Bad" }, { reason = "Later" } })
      assert.same({ 1, 1, 1 }, { result.delivered, result.refused, result.retry })
      assert.same({ "delivered", "refused", "bad", "retry" },
        { result[1].outcome, result[2].outcome, result[2].reason, result[3].outcome })
      assert.same({ "open", "3" }, { result.log[1].text, result.log[2].text })
    end)

    it("goes by the answer of flush when there is one", function()
      local path = script((sink:gsub("FLUSH", "flush = function() return false, 'full' end,")))
      local result = test.run_sink(path, { {}, { reason = "Bad" }, {} })
      assert.same({ "full", "bad", "full", 3 },
        { result[1].reason, result[2].reason, result[3].reason, result.refused })
    end)

    it("raises what it raises", function()
      fails("s.lua:1: oh", test.run_sink, script("return { write = function() error('oh') end }"), { {} })
      fails("open: no", test.run_sink,
        script("return { open = function() return false, 'no' end, write = function() end }"), {})
      fails("a sink has a write hook", test.run_sink, script("return { open = print }"), {})
    end)
  end)
end)
