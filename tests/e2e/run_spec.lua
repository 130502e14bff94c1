local h = require("tests.e2e.harness")

-- mooncrier.lua around its interesting part.
local function config(place, text)
  place:write("mooncrier.lua", "return {\n" .. text .. "\n}\n")
end

-- The sums of the ledger (DESIGN §4.5), for whoever prints it.
local function assert_adds_up(ledger)
  for _, s in ipairs(ledger.sources) do
    assert.equal(s.received, s.decoded + s.malformed + s.control)
  end
  local b, decoded, emitted = ledger.broadcaster, 0, 0
  for _, s in ipairs(ledger.sources) do decoded = decoded + s.decoded end
  for _, w in ipairs(ledger.watchers) do emitted = emitted + w.emitted + w.emit_full end
  assert.equal(b.accepted, decoded + emitted)
  assert.equal(b.accepted, b.incoming_full + b.emit_full + b.queued + b.distributed)
  for _, w in ipairs(ledger.watchers) do
    assert.equal(w.offered, w.ring_full + w.queued + w.filtered + w.refused + w.handled_only
      + w.routed_nowhere + w.routed)
    for _, s in ipairs(w.sinks) do
      assert.equal(s.assigned, s.delivered + s.merged + s.rejected + s.gave_up + s.dead_lettered
        + s.spooled + s.in_flight)
    end
  end
end

describe("mooncrier run", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  -- Runs with a JSON ledger that adds up; gives the result and the ledger.
  local function run(stdin)
    local r = place:run({ "run", "-o", "json" }, { stdin = stdin })
    local ledger = h.ledger(r)
    assert_adds_up(ledger)
    return r, ledger
  end

  local three = h.event("a") .. "\n" .. h.event("b", { type = "Normal", reason = "Pulled" }) .. "\n"
    .. h.event("c", { reason = "FailedScheduling" }) .. "\n"

  it("passes everything through without a script", function()
    config(place, [[
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { out = { kind = "stdout" } },
      watchers = { { name = "all", sinks = { "out" } } },]])
    local r, ledger = run(three)
    assert.same({ 0, three }, { r.code, r.out })
    assert.equal(3, ledger.sources[1].decoded)
    assert.equal(3, ledger.watchers[1].routed)
    assert.equal(3, ledger.watchers[1].sinks[1].delivered)
  end)

  it("filters with a script, and gives the reasons in the ledger", function()
    place:write("warnings.lua", [[
      return {
        filter = function(event)
          if event.type ~= "Warning" then return false, "not a warning" end
          return true
        end,
      }]])
    config(place, [[
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { out = { kind = "file", path = "out.jsonl" } },
      watchers = { { name = "w", script = "warnings.lua", sinks = { "out" } } },]])
    local r, ledger = run(three)
    assert.same({ 0, "" }, { r.code, r.out })
    assert.same({ "a", "c" }, h.names(place:read("out.jsonl")))
    assert.equal(1, ledger.watchers[1].filtered)
    assert.same({ ["not a warning"] = 1 }, ledger.watchers[1].reasons)
  end)

  it("hands parameters to init, and runs a chain in order", function()
    place:write("a.lua", [[
      local suffix
      return {
        init = function(params) suffix = params.suffix end,
        handle = function(event) return event:with{ message = event.message .. suffix } end,
      }]])
    place:write("b.lua", [[return { filter = function(event) return event.message == "m-x" end }]])
    config(place, [[
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { out = { kind = "stdout" } },
      watchers = { { name = "w", scripts = { { "a.lua", suffix = "-x" }, "b.lua" }, sinks = { "out" } } },]])
    local r = run(h.event("a", { message = "m" }) .. "\n" .. h.event("b", { message = "n" }) .. "\n")
    assert.equal(0, r.code)
    assert.same({ "a" }, h.names(r.out))
    assert.equal("m-x", h.decode(r.out).message)
  end)

  it("routes to several sinks, to some, to none, and changed", function()
    place:write("route.lua", [[
      return {
        route = function(event)
          if event.reason == "Pulled" then return false end
          if event.reason == "BackOff" then return "one" end
          return { one = true, two = event:with{ message = "changed" } }
        end,
      }]])
    config(place, [[
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { one = { kind = "file", path = "one" }, two = { kind = "file", path = "two" } },
      watchers = { { name = "w", script = "route.lua", sinks = { "one", "two" } } },]])
    local r, ledger = run(three)
    assert.equal(0, r.code)
    assert.same({ "a", "c" }, h.names(place:read("one")))
    assert.same({ "c" }, h.names(place:read("two")))
    assert.equal("changed", h.decode(place:read("two")).message)
    local w = ledger.watchers[1]
    assert.same({ 2, 1 }, { w.routed, w.routed_nowhere })
  end)

  it("gives every watcher every event", function()
    place:write("none.lua", "return { filter = function() return false end }")
    config(place, [[
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { one = { kind = "file", path = "one" }, two = { kind = "file", path = "two" } },
      watchers = {
        { name = "1", sinks = { "one" } },
        { name = "2", sinks = { "two" } },
        { name = "3", script = "none.lua", sinks = { "two" } },
        { name = "4" },
      },]])
    local lines = {}
    for i = 1, 5000 do lines[i] = h.event("e" .. i) end
    local input = table.concat(lines, "\n") .. "\n"
    local r, ledger = run(input)
    assert.equal(0, r.code)
    assert.equal(input, place:read("one"))
    assert.equal(input, place:read("two"))
    assert.same({ 5000, 5000 }, { ledger.watchers[3].filtered, ledger.watchers[4].handled_only })
  end)

  it("ends although two watchers answer each other, at the hop limit", function()
    place:write("echo.lua", [[
      return { handle = function(event)
        emit{ involvedObject = event.involvedObject, reason = "Echo" }
      end }]])
    config(place, [[
      sources = { { kind = "jsonl", path = "-" } },
      watchers = { { name = "a", script = "echo.lua" }, { name = "b", script = "echo.lua" } },]])
    local r, ledger = run(h.event("x") .. "\n")
    assert.equal(0, r.code)
    for i = 1, 2 do
      local w = ledger.watchers[i]
      assert.same({ 8, 1 }, { w.emitted, w.emit_full })
    end
  end)

  it("publishes what a script emits to the other watchers", function()
    place:write("emit.lua", [[
      return {
        filter = function(event)
          if event.metadata.name == "a" then
            emit(event:with{ metadata = { name = "emitted" } })
          end
          return true
        end,
      }]])
    config(place, [[
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { one = { kind = "file", path = "one" }, two = { kind = "file", path = "two" } },
      watchers = {
        { name = "1", script = "emit.lua", sinks = { "one" } },
        { name = "2", sinks = { "two" } },
      },]])
    local r, ledger = run(three)
    assert.equal(0, r.code)
    assert.same({ "a", "b", "c" }, h.names(place:read("one")))
    local names = h.names(place:read("two"))
    table.sort(names)
    assert.same({ "a", "b", "c", "emitted" }, names)
    assert.equal(1, ledger.watchers[1].emitted)
  end)

  it("keeps what a script failed on as dead letters", function()
    place:write("fails.lua", [[
      return {
        filter = function(event)
          if event.metadata.name == "b" then
            local missing = nil
            return missing.field
          end
          return true
        end,
      }]])
    config(place, [[
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { out = { kind = "stdout" } },
      dead_letters = "dead.jsonl",
      watchers = { { name = "w", script = "fails.lua", sinks = { "out" } } },]])
    local r, ledger = run(three)
    assert.equal(1, r.code)
    assert.same({ "a", "c" }, h.names(r.out))
    assert.same({ 1, 1, 1 }, { ledger.watchers[1].refused, ledger.watchers[1].script_errors,
      ledger.dead_letters })
    local letters = h.lines(place:read("dead.jsonl"))
    assert.equal(1, #letters)
    local letter = h.decode(letters[1])
    assert.same({ "w", "filter", "b" }, { letter.watcher, letter.stage, letter.event.metadata.name })
    assert.matches("fails.lua:5:", letter.reason, 1, true)
    assert.matches("stack traceback", letter.traceback, 1, true)
    assert.is_truthy(letters[1]:find(h.event("b", { type = "Normal", reason = "Pulled" }), 1, true))
    assert.matches("fails.lua:5:", r.err, 1, true)
  end)

  for policy, names in pairs({ pass = { "a", "b", "c" }, drop = { "a", "c" } }) do
    it("follows on_error = " .. policy, function()
      place:write("fails.lua", [[
        return { filter = function(event) if event.metadata.name == "b" then error("no") end return true end }]])
      config(place, ([[
        sources = { { kind = "jsonl", path = "-" } },
        sinks = { out = { kind = "stdout" } },
        watchers = { { name = "w", script = "fails.lua", on_error = "%s", sinks = { "out" } } },]]):format(policy))
      local r, ledger = run(three)
      assert.same({ 1, names }, { r.code, h.names(r.out) })
      assert.same({ 1, 3 - #names }, { ledger.watchers[1].script_errors, ledger.watchers[1].refused })
    end)
  end

  it("counts malformed documents and bookmarks, and says where they are", function()
    config(place, [[
      sources = { { kind = "jsonl", path = "in.jsonl" } },
      sinks = { out = { kind = "stdout" } },
      watchers = { { name = "w", sinks = { "out" } } },]])
    place:write("in.jsonl", h.event("a") .. "\n{broken\n"
      .. '{"type":"BOOKMARK","object":{"kind":"Event","apiVersion":"v1","metadata":{"resourceVersion":"9"}}}\n'
      .. h.event("b") .. "\n")
    local r, ledger = run()
    assert.same({ 1, { "a", "b" } }, { r.code, h.names(r.out) })
    local s = ledger.sources[1]
    assert.same({ 4, 2, 1, 1 }, { s.received, s.decoded, s.malformed, s.control })
    assert.matches("in%.jsonl:2: byte %d+: ", r.err)
  end)

  it("prints the ledger for people without -o json, and none with -q", function()
    config(place, [[
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { out = { kind = "stdout" } },
      watchers = { { name = "all", sinks = { "out" } } },]])
    local r = place:run({ "run" }, { stdin = three })
    assert.equal(0, r.code)
    assert.matches("ledger\n", r.err, 1, true)
    assert.matches("source stdin +3 received += 3 decoded", r.err)
    assert.matches("watcher all +3 offered += 3 routed", r.err)
    r = place:run({ "run", "-q" }, { stdin = three })
    assert.same({ 0, three, "" }, { r.code, r.out, r.err })
  end)

  it("logs events as client-go does", function()
    config(place, [[
      sources = { { kind = "jsonl", path = "-" } },
      watchers = { { name = "log", log = "structured" } },]])
    local r = place:run({ "run", "-q" }, { stdin = h.event("a") .. "\n" })
    assert.same({ 0, "" }, { r.code, r.out })
    assert.matches('^I1123 [%d:.]+ +%d+ [%w_.]+:%d+%] "Event occurred" object="default/web%-0" fieldPath="" '
      .. 'kind="Pod" apiVersion="" type="Warning" reason="BackOff" message="Back%-off restarting failed container"\n$',
      (r.err:gsub("^I%d%d%d%d", "I1123")))
  end)

  it("appends whole lines to the file that is there", function()
    config(place, [[
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { out = { kind = "file", path = "out" } },
      watchers = { { name = "all", sinks = { "out" } } },]])
    run(h.event("a") .. "\n")
    run(h.event("b") .. "\n")
    assert.same({ "a", "b" }, h.names(place:read("out")))
  end)

  it("fails at start when a sink cannot be opened", function()
    config(place, [[
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { out = { kind = "file", path = "absent/out" } },
      watchers = { { name = "all", sinks = { "out" } } },]])
    local r = place:run({ "run" }, { stdin = three })
    assert.is_true(r.code == 1 or r.code == 78)
    assert.matches("absent/out", r.err, 1, true)
    assert.matches("does not exist", r.err, 1, true)
  end)

  it("fails when a sink could not write, and loses no count", function()
    config(place, [[
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { out = { kind = "file", path = "/dev/full" } },
      dead_letters = "dead.jsonl",
      watchers = { { name = "all", sinks = { "out" } } },]])
    local r, ledger = run(three)
    assert.equal(1, r.code)
    assert.equal(3, ledger.watchers[1].sinks[1].dead_lettered)
    assert.equal(3, select(2, place:read("dead.jsonl"):gsub("\n", "")))
  end)

  it("fails when a route names a sink that is not there, and the events go to the fallback", function()
    place:write("r.lua", 'return { route = function(e) return e.type .. "s" end }')
    config(place, [[
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { out = { kind = "stdout" } },
      watchers = { { name = "all", script = "r.lua", sinks = { "out" } } },]])
    local r, ledger = run(three)
    local w = ledger.watchers[1]
    assert.same({ 1, 0, 3 }, { r.code, w.routed_nowhere, w.sinks[1].delivered })
  end)

  -- A closed descriptor would be the next file that is opened: the loop's, or the dead letters.
  for what, case in pairs({
    ["closed standard output"] = { ">&- 2>err", 3 },
    ["closed standard input"] = { "<&- 2>err", 0 },
    ["closed standard error"] = { "2>&- >out", 3 },
  }) do
    it("survives a " .. what, function()
      config(place, [[
        sources = { { kind = "jsonl", path = "-" } },
        sinks = { out = { kind = "stdout" } },
        dead_letters = "dead.jsonl",
        watchers = { { name = "all", sinks = { "out" } } },]])
      place:write("in.jsonl", three)
      local code = what:find("error") and 0 or 1
      assert.equal(code .. "\n",
        place:shell(("exec 3>&1; { %s run -o json <in.jsonl %s; echo $? >&3; }"):format(h.binary, case[1])))
      if place:read("err") then
        local ledger = h.ledger({ err = place:read("err") })
        assert.equal(case[2], ledger.sources[1].received)
        assert.equal(case[2], select(2, (place:read("dead.jsonl") or ""):gsub('"stage":"sink"', "")))
      else
        assert.equal(three, place:read("out"))
      end
    end)
  end

  it("is left by an event whose hook returned", function()
    place:write("keeps.lua", [[
      local last
      return {
        filter = function(event)
          if last then return last.type == "Warning" end
          last = event
          return true
        end,
      }]])
    config(place, [[
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { out = { kind = "stdout" } },
      watchers = { { name = "w", script = "keeps.lua", sinks = { "out" } } },]])
    local r, ledger = run(three)
    assert.same({ 1, { "a" } }, { r.code, h.names(r.out) })
    assert.equal(2, ledger.watchers[1].script_errors)
    assert.matches("event used after its hook returned", r.err, 1, true)
  end)
end)
