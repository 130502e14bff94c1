-- `mooncrier shadow`: other scripts beside the live ones of a running program.
local h = require("tests.e2e.harness")

local script = [[
local n = 0
return {
  filter = function(event) return event.count >= %d end,
  handle = function(event)
    n = n + 1
    shared.set("n", n)
    %s
    return event:with({ reason = "%s" .. n })
  end,
  route = function(event) return event.type == "Warning" and "%s" or "archive" end,
  save = function() return n end,
  restore = function(saved) n = saved end,
}
]]

describe("a shadow", function()
  local place, p
  before_each(function()
    place = h.place()
    place:write("mooncrier.lua", [[return {
      sources = { { kind = "jsonl", path = "in.jsonl", follow = true } },
      sinks = { archive = { kind = "file", path = "archive.jsonl" }, alarm = { kind = "file", path = "alarm.jsonl" } },
      watchers = { { name = "w", script = "s.lua", sinks = { "archive", "alarm" } } },
      reload = { watch = false },
    }]])
    place:write("in.jsonl", "")
    place:write("s.lua", script:format(1, "", "live", "alarm"))
    assert(os.execute("mkdir " .. place.dir .. "/new") == 0)
    place:write("new/s.lua", script:format(2, "emit(event, 'alarm')", "live", "archive"))
    p = place:start({ "run", "-o", "json" })
    h.eventually("it answers", function() return place:run({ "status" }).code == 0 end)
  end)
  after_each(function() place:remove() end)

  local function ask(...)
    local r = place:run({ "shadow", ... })
    return r.code, r.out, r.err
  end

  local function events(from, to)
    for i = from, to do
      place:append("in.jsonl", ('{"metadata":{"namespace":"a","name":"e%d"},"type":"%s","count":%d}\n'):format(
        i, i % 2 == 1 and "Warning" or "Normal", i))
    end
  end

  local function lines(name)
    return #h.lines(place:read(name) or "")
  end

  local function report()
    local code, out = ask("report", "-o", "json")
    assert.equal(0, code)
    local watcher = h.decode(out).watchers[1]
    local by_hook = {}
    for _, hook in ipairs(watcher.report.hooks) do by_hook[hook.hook] = hook end
    return by_hook, watcher.report
  end

  local function compared(n)
    h.eventually(n .. " are compared", function()
      local hooks = report()
      return hooks.handle and hooks.handle.compared == n
    end)
  end

  it("answers beside the live scripts, and only what differs is told", function()
    events(1, 4)
    h.eventually("four are through", function() return lines("archive.jsonl") + lines("alarm.jsonl") == 4 end)
    local code, out = ask("start", "new")
    assert.equal(0, code)
    assert.equal(("the shadow of %s/new runs beside generation 1\n"):format(place.dir), out)
    events(1, 6)
    compared(6)
    local hooks, whole = report()
    -- The first is dropped by the shadow, which has counted on from the live four.
    assert.equal(6, hooks.handle.differ)
    assert.equal("a/e1", hooks.handle.examples[1].event)
    assert.matches('"reason":"live5"', hooks.handle.examples[1].live, 1, true)
    assert.equal("drops it", hooks.handle.examples[1].shadow)
    assert.matches('"reason":"live6"', hooks.handle.examples[2].live, 1, true)
    assert.matches('"reason":"live5"', hooks.handle.examples[2].shadow, 1, true)
    assert.same({ 6, 3 }, { hooks.route.compared, hooks.route.differ })
    assert.same({ "alarm", "archive" }, { hooks.route.examples[1].live, hooks.route.examples[1].shadow })
    -- Nothing of it has happened.
    assert.same({ 5, 5, 0 }, { whole.emits, whole.shared_writes, whole.script_errors })
    assert.same({ 5, 5 }, { lines("archive.jsonl"), lines("alarm.jsonl") })
    code, out = ask("report")
    assert.equal(0, code)
    assert.matches("route             3 of 6 differ (50.00 %)", out, 1, true)
    assert.matches("left out: 5 emits, 5 writes to shared; failed: 0 errors, 0 deadlines", out, 1, true)
  end)

  it("becomes live as it is by promote, without a file being written", function()
    local before = place:read("s.lua")
    assert.equal(0, (ask("start", "new")))
    events(2, 5)
    compared(4)
    local code, out = ask("promote")
    assert.equal(0, code)
    assert.equal(("the shadow of %s/new is live: generation 2 runs, changed: s.lua\n"):format(place.dir), out)
    events(6, 6)
    -- e6 by the route of the new script, and once more by its emit.
    h.eventually("it came through", function() return lines("alarm.jsonl") == 3 end)
    assert.matches('"reason":"live5"', h.lines(place:read("archive.jsonl"))[3], 1, true)
    assert.equal(before, place:read("s.lua"))
    assert.equal(1, (ask("report")))
    local r = place:run({ "rollback" })
    assert.same({ 0, "" }, { r.code, r.err })
    p:signal("TERM")
    local ended = p:wait()
    assert.equal(0, ended.code)
  end)

  it("ends by drop, and by a reload", function()
    assert.equal(0, (ask("start", "new")))
    local code, out = ask("drop")
    assert.equal(0, code)
    assert.matches("has ended; generation 1 goes on", out, 1, true)
    assert.equal(0, (ask("start", "new")))
    local r = place:run({ "reload" })
    assert.equal(0, r.code)
    assert.matches("; the shadow of " .. place.dir .. "/new has ended", r.out, 1, true)
    assert.equal(1, (ask("promote")))
    events(1, 1)
    -- The event about the promote that failed is a Warning, too.
    h.eventually("both came through", function() return lines("alarm.jsonl") == 2 end)
  end)

  it("that cannot run changes nothing", function()
    local function refused(words, ...)
      local code, out, err = ask(...)
      assert.same({ 1, "" }, { code, out })
      assert.matches(words, err, 1, true)
    end
    refused("there is no shadow", "report")
    refused("there is no shadow", "drop")
    refused("there is no folder 'nowhere'", "start", "nowhere")
    assert(os.execute("mkdir " .. place.dir .. "/empty") == 0)
    refused("nothing in " .. place.dir .. "/empty has the name of a file of the configuration", "start", "empty")
    place:write("new/s.lua", "return {\n  filter = 5,\n}")
    refused("s.lua:2: ", "start", "new")
    place:write("new/s.lua", "return { restore = function() error('not that') end }")
    refused("not that", "start", "new")
    place:write("new/s.lua", script:format(2, "", "live", "archive"))
    assert.equal(0, (ask("start", "new")))
    refused("there is a shadow already: promote or drop it first", "start", "new")
    place:write("new/mooncrier.lua", (place:read("mooncrier.lua"):gsub('{ "archive", "alarm" }', '{ "alarm" }')))
    assert.equal(0, (ask("drop")))
    place:write("new/s.lua", "return { filter = function() return true end }")
    refused("watcher 'w' would have other sinks: a shadow compares scripts only", "start", "new")
    events(1, 2)
    h.eventually("they came through", function() return lines("archive.jsonl") + lines("alarm.jsonl") == 2 end)
  end)

  it("needs to be told what to do", function()
    for _, words in ipairs({ {}, { "begin" }, { "start" }, { "report", "new" } }) do
      assert.equal(2, (ask(unpack(words))))
    end
    local _, _, err = ask("promte")
    assert.matches("Did you mean promote?", err, 1, true)
  end)
end)
