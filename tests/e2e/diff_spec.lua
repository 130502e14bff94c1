local cjson = require("cjson")
local h = require("tests.e2e.harness")

local data = h.root .. "/examples/data/events.jsonl"

local events = {}
for line in io.lines(data) do events[#events + 1] = cjson.decode(line) end

-- How many events of the data the condition holds for.
local function count(condition)
  local n = 0
  for _, event in ipairs(events) do
    if condition(event) then n = n + 1 end
  end
  return n
end

describe("mooncrier diff", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local function diff(old, new, ...)
    return place:run({ "diff", old, new, "-o", "json", ... })
  end

  -- The groups as "hook: decision × times", with the watcher in front when there is one.
  local function groups(r)
    local result, list = cjson.decode(r.out), {}
    for i, group in ipairs(result.groups) do
      list[i] = (group.watcher and group.watcher .. " " or "") .. group.hook .. ": " .. group.decision
        .. (group.times and " × " .. group.times or "")
    end
    return list, result
  end

  local old = [[
return {
  filter = function(event)
    if event.type == "Normal" then return false, "normal" end
    return true
  end,
  handle = function(event)
    return event:with{ metadata = { labels = { team = "a" } } }
  end,
  route = function(event)
    return event.involvedObject.kind == "Pod" and "pods" or { "others", "archive" }
  end,
}
]]

  -- Replaces a part that must be there.
  local function change(text, from, to)
    local at, till = text:find(from, 1, true)
    assert(at, from)
    return text:sub(1, at - 1) .. to .. text:sub(till + 1)
  end

  it("finds nothing between a script and itself", function()
    place:write("old.lua", old)
    local r = place:run({ "diff", "old.lua", "old.lua", data })
    assert.same({ 0, "none of 346 events changes\n", "" }, { r.code, r.out, r.err })
    local list, result = groups(diff("old.lua", "old.lua", data))
    assert.same({ {}, 346, 0, false }, { list, result.events, result.changed, result.differs })
  end)

  it("finds nothing where only the code differs", function()
    place:write("old.lua", old)
    place:write("new.lua", change(change(old, '{ "others", "archive" }', '{ archive = true, others = true }'),
      'return false, "normal"', 'local no = false; return no, "nor" .. "mal"'))
    assert.equal(0, diff("old.lua", "new.lua", data).code)
  end)

  it("finds exactly what was planted", function()
    local function warning(event) return event.type ~= "Normal" end
    local new = change(old, "return true", [[
    if event.reason == "BackOff" then return false, "boring" end
    return true]])
    new = change(new, "return event:with", [[
    if event.reason == "FailedScheduling" then
      return event:with{ message = event.message .. "!", metadata = { labels = { team = "b" } } }
    end
    return event:with]])
    new = change(new, "return event.inv", [[
    if event.reason == "FailedMount" then error("ouch") end
    if event.reason == "Unhealthy" then emit(event:with{ reason = "Seen" }) end
    if event.reason == "FailedCreate" then emit(event, "copies") end
    if event.reason == "Failed" then return { pods = event:with{ reason = "Own" } } end
    return event.inv]])
    place:write("old.lua", old)
    place:write("new.lua", new)
    local r = diff("old.lua", "new.lua", data)
    assert.equal(1, r.code)
    local list, result = groups(r)
    local n = setmetatable({}, { __index = function(_, reason)
      return count(function(event) return warning(event) and event.reason == reason end)
    end })
    local expected = {
      "filter: passed → dropped (boring) × " .. n.BackOff,
      "handle: metadata.labels.team, message × " .. n.FailedScheduling,
      "route: pods → default, failed: new.lua:14: ouch × " .. n.FailedMount,
      "route: to pods: reason × " .. n.Failed,
      "emit: nothing → an event to copies × " .. n.FailedCreate,
      "emit: nothing → an event × " .. n.Unhealthy,
      "errors: 0 → " .. n.FailedMount .. " in all",
    }
    table.sort(expected)
    table.sort(list)
    assert.same(expected, list)
    assert.equal(n.BackOff + n.FailedScheduling + n.FailedMount + n.Failed + n.FailedCreate + n.Unhealthy,
      result.changed)
    assert.is_true(math.abs(result.percent - 100 * result.changed / 346) < 1e-9)
  end)

  it("shows examples with the event, where it stands, and both sides", function()
    place:write("old.lua", old)
    place:write("new.lua", change(old, "return true", 'return event.reason ~= "BackOff"'))
    local n = count(function(event) return event.reason == "BackOff" and event.type ~= "Normal" end)
    local first
    for i, event in ipairs(events) do
      if not first and event.reason == "BackOff" and event.type ~= "Normal" then first = { i, event } end
    end
    local _, result = groups(diff("old.lua", "new.lua", data, "--examples", "2"))
    assert.equal(2, #result.groups[1].examples)
    assert.same({
      event = first[2].metadata.namespace .. "/" .. first[2].metadata.name,
      source = data, record = first[1], old = "passed", new = "dropped, filter at new.lua:2",
    }, result.groups[1].examples[1])
    local r = place:run({ "diff", "old.lua", "new.lua", data, "--examples", "1" })
    assert.equal(table.concat({
      ("%.1f %% of 346 events change: %d"):format(100 * n / 346, n),
      "  filter: passed → dropped  × " .. n,
      ("    %s/%s  (%s, event %d)"):format(first[2].metadata.namespace, first[2].metadata.name, data, first[1]),
      "      old  passed",
      "      new  dropped, filter at new.lua:2",
    }, "\n") .. "\n", r.out)
    assert.equal(2, #h.lines(place:run({ "diff", "old.lua", "new.lua", data, "--examples", "0" }).out))
  end)

  it("accepts any name as a sink, computed ones too", function()
    place:write("old.lua", 'return { route = function(event) return "to-" .. event.reason end }')
    place:write("new.lua", [[
local seen = {}
return { route = function(event)
  if event.reason == "Pulled" then return "elsewhere" end
  return "to-" .. event.reason
end }]])
    local list = groups(diff("old.lua", "new.lua", data))
    assert.same({ "route: to-Pulled → elsewhere × 4" }, list)
  end)

  it("compares keys, and what the correlator makes of them", function()
    place:write("old.lua", 'return { aggregate_key = { "involvedObject.uid", "reason" } }')
    place:write("new.lua", "return { aggregate_key = function(event) return event.reason end }")
    local list, result = groups(diff("old.lua", "new.lua", data))
    assert.equal("aggregate_key: another text × 346", list[1])
    assert.matches("^correlate: new → one more of a combined event × %d+$", list[2])
    assert.equal(346, result.changed)
  end)

  it("compares what is rendered", function()
    place:write("old.lua", "return { render = function(event) return { text = event.message } end }")
    place:write("new.lua", [[
return { render = function(event)
  if event.reason == "Killing" then return false end
  return { text = event.reason == "Pulled" and "pulled" or event.message }
end }]])
    assert.same({ "sink: default: sent → suppressed (render) × 3", "render: default: another body × 4" },
      (groups(diff("old.lua", "new.lua", data))))
  end)

  it("compares what ticks emit, which is no event's change", function()
    local text = [[
return {
  tick_every = "5m",
  tick = function()
    emit(new_event{ reason = "Tick", message = "a", involvedObject = { kind = "Pod", name = "x" } })
  end,
}]]
    place:write("old.lua", text)
    place:write("new.lua", change(text, '"a"', '"b"'))
    local r = diff("old.lua", "new.lua", data)
    local list, result = groups(r)
    assert.same({ 1, 0 }, { r.code, result.changed })
    assert.equal(1, #list)
    assert.matches("^emit: message × %d$", list[1])
    assert.equal("(a tick)", result.groups[1].examples[1].event)
  end)

  it("knows what scripts remember", function()
    local text = [[
local seen = {}
return { filter = function(event)
  local key = event.reason
  seen[key] = (seen[key] or 0) + 1
  return seen[key] <= 5
end }]]
    place:write("old.lua", text)
    place:write("new.lua", change(text, "5", "6"))
    local more = 0
    local seen = {}
    for _, event in ipairs(events) do
      local reason = event.reason or ""
      seen[reason] = (seen[reason] or 0) + 1
      if seen[reason] == 6 then more = more + 1 end
    end
    assert.same({ "filter: dropped → passed × " .. more }, (groups(diff("old.lua", "new.lua", data))))
  end)

  describe("of configurations", function()
    local config = [[
return {
  sources = { { kind = "jsonl", path = "-" } },
  sinks = {
    out = { kind = "file", path = "out.jsonl" },
    hook = { kind = "webhook", url = "http://127.0.0.1:1/secret", body = "{{ reason }}" },
  },
  watchers = {
    { name = "all", sinks = { "out", "hook" } },
    { name = "some", scripts = { { "some.lua", reason = "Pulled" } }, sinks = { "out" } },
  },
}
]]
    before_each(function()
      place:write("some.lua", [[
local wanted
return {
  init = function(params) wanted = params.reason end,
  filter = function(event) return event.reason == wanted end,
}]])
      place:write("old.lua", config)
    end)

    -- The groups when `from` becomes `to`.
    local function changed(from, to)
      place:write("new.lua", change(config, from, to))
      return groups(diff("old.lua", "new.lua", data))
    end

    it("finds nothing between one and itself, and writes nothing", function()
      local r = diff("old.lua", "old.lua", data)
      assert.same({ 0, "" }, { r.code, r.err })
      assert.is_nil(place:read("out.jsonl"))
    end)

    it("compares watchers of the same name", function()
      assert.same({
        "some filter: dropped → passed × 3",
        "some filter: passed → dropped × 4",
      }, (function(list) table.sort(list) return list end)((changed('"Pulled"', '"Killing"'))))
    end)

    it("compares templates, and does not show where requests go", function()
      local n = count(function(event)
        local reason, type = event.reason or cjson.null, event.type or cjson.null
        return reason ~= type
      end)
      assert.same({ "all render: hook: another body × " .. n }, (changed("{{ reason }}", "{{ type }}")))
      local list, result = changed("/secret", "/hidden")
      assert.same({ "all request: hook: another URL, method or headers × 346" }, list)
      assert.is_nil(cjson.encode(result):find("secret", 1, true))
    end)

    it("compares sinks", function()
      assert.same({ "all route: hook, out → out × 346" }, (changed('{ "out", "hook" }', '{ "out" }')))
    end)

    it("compares the format of files and logs", function()
      local list = changed('path = "out.jsonl" }', 'path = "out.jsonl", format = "wide" }')
      assert.same({ "all render: out: another body × 346", "some render: out: another body × 4" }, list)
      local log = change(config, '{ "out" } }', '{ "out" }, log = "structured" }')
      place:write("old.lua", log)
      place:write("new.lua", change(log, "structured", "json"))
      assert.same({ "some render: log: another body × 4" }, (groups(diff("old.lua", "new.lua", data))))
    end)

    it("compares how events are correlated", function()
      local list = changed('sinks = { "out" }', 'correlate = { burst_size = 1 }, sinks = { "out" }')
      assert.same({ "some correlate: not correlated → new × 4" }, list)
    end)

    it("says what a watcher does that only one has", function()
      assert.same({
        "some watcher: dropped by filter → no such watcher × 342",
        "some watcher: to out → no such watcher × 4",
        "few watcher: no such watcher → dropped by filter × 342",
        "few watcher: no such watcher → to out × 4",
      }, (changed('"some"', '"few"')))
    end)

    it("takes a folder with a mooncrier.lua for its configuration", function()
      place:shell("mkdir a b && cp some.lua a && cp some.lua b && cp old.lua a/mooncrier.lua")
      place:write("b/mooncrier.lua", change(config, '"Pulled"', '"Nothing"'))
      local list = groups(diff("a", "b", data))
      assert.same({ "some filter: passed → dropped × 4" }, list)
    end)

    it("says what is wrong with it", function()
      place:write("new.lua", change(config, "watchers", "wathcers"))
      local r = diff("old.lua", "new.lua", data)
      assert.equal(78, r.code)
      assert.matches("did you mean 'watchers'?", r.err, 1, true)
      place:write("new.lua", config)
      place:write("some.lua", "return { filter = }")
      r = diff("old.lua", "new.lua", data)
      assert.equal(78, r.code)
      assert.matches("some.lua:1: ", r.err, 1, true)
    end)
  end)

  describe("of folders", function()
    before_each(function()
      place:shell("mkdir -p old/routes new/routes")
      for _, folder in ipairs({ "old/", "new/" }) do
        place:write(folder .. "pass.lua", "return { filter = function() return true end }")
        place:write(folder .. "routes/kind.lua", "return { route = function(event) return event.type end }")
        place:write(folder .. "words.lua", "return 'a module'")
        place:write(folder .. "pass_spec.lua", "error('a spec')")
      end
    end)

    it("compares scripts by their names below them", function()
      assert.equal(0, diff("old", "new", data).code)
      place:write("new/routes/kind.lua", "return { route = function(event) return event.reason end }")
      local r = diff("old", "new/", data)
      assert.equal(1, r.code)
      for _, group in ipairs((groups(r))) do assert.matches("^routes/kind.lua route: %w+ → ", group) end
    end)

    it("says which script only one has", function()
      place:shell("mv new/pass.lua new/all.lua")
      assert.same({ "all.lua script: only in NEW", "pass.lua script: only in OLD" },
        (groups(diff("old", "new", data))))
    end)

    it("warns of what it leaves out although it has changed", function()
      local function said()
        local r = place:run({ "diff", "-q", "old", "new", data })
        assert.same({ 0, "none of 346 events changes\n" }, { r.code, r.out })
        return r.err
      end
      place:shell("rm -r old/routes new/routes")
      assert.equal("", said())
      place:write("new/words.lua", "return 'another module'")
      assert.matches("warning: words.lua has changed, but is left out: ", said(), 1, true)
      place:shell("rm new/words.lua")
      assert.matches("warning: words.lua is only in OLD, and left out: ", said(), 1, true)
      place:shell("rm old/words.lua")
      place:write("new/added.lua", "return { filter = }")
      assert.matches("warning: added.lua is only in NEW, and left out: new/added.lua:1: unexpected symbol", said(),
        1, true)
    end)

    it("finds nothing between the shipped scripts and themselves", function()
      local r = place:run({ "diff", "-q", h.root .. "/scripts", h.root .. "/scripts", data })
      assert.same({ 0, "none of 346 events changes\n" }, { r.code, r.out })
    end)

    it("refuses a script that no longer loads", function()
      place:write("new/pass.lua", "return { filter = }")
      local r = diff("old", "new", data)
      assert.equal(78, r.code)
      assert.matches("new/pass.lua:1: ", r.err, 1, true)
    end)

    it("refuses folders without scripts", function()
      place:shell("mkdir nothing")
      local r = diff("nothing", "nothing", data)
      assert.equal(2, r.code)
      assert.matches("there is no script to compare", r.err, 1, true)
    end)
  end)

  it("compares two of a kind only", function()
    place:write("script.lua", old)
    place:shell("mkdir folder")
    local r = diff("script.lua", "folder", data)
    assert.equal(2, r.code)
    assert.matches("script.lua is a script, but folder is a folder of scripts", r.err, 1, true)
  end)

  it("reads standard input, and says so", function()
    place:write("old.lua", old)
    place:write("new.lua", change(old, '"normal"', '"usual"'))
    local r = place:run({ "diff", "old.lua", "new.lua" },
      { stdin = h.event("a", { type = "Normal" }) .. "\n{]\n" .. h.event("b") .. "\n" })
    assert.equal(1, r.code)
    assert.equal([[
50.0 % of 2 events change: 1
  filter: dropped (normal) → dropped (usual)  × 1
    default/a  (stdin, event 1)
      old  dropped (normal), filter at old.lua:2
      new  dropped (usual), filter at new.lua:2
]], r.out)
    assert.matches("stdin:2: ", r.err, 1, true)
  end)

  it("shows what cannot be printed as escapes", function()
    place:write("old.lua", "return {}")
    place:write("new.lua", "return { filter = function(event) return false, event.message end }")
    local r = place:run({ "diff", "old.lua", "new.lua" },
      { stdin = h.event("a", { message = "red \27[31m\226\128\174\7 line\nbreak" }) .. "\n" })
    assert.matches("× 1\n", r.out, 1, true)
    assert.matches("dropped (red \\x1b[31m\\u202e\\a line)", r.out, 1, true)
    assert.is_nil(r.out:find("[\27\7]"))
  end)

  it("needs no event", function()
    place:write("old.lua", old)
    local r = place:run({ "diff", "old.lua", "old.lua" }, { stdin = "" })
    assert.same({ 0, "none of 0 events changes\n", "" }, { r.code, r.out, r.err })
  end)

  it("says that a script by itself gets no parameters", function()
    place:write("old.lua", old)
    place:write("new.lua", 'return { init = function(params) assert(params.limit, "limit is missing") end }')
    local r = diff("old.lua", "new.lua", data)
    assert.equal(78, r.code)
    assert.matches("limit is missing (a script by itself gets no parameters", r.err, 1, true)
    assert.is_nil(r.err:find("traceback", 1, true))
  end)

  it("says what is wrong with its arguments", function()
    place:write("old.lua", old)
    for _, case in ipairs({
      { {}, 2, "OLD and NEW are missing" },
      { { "old.lua" }, 2, "NEW is missing" },
      { { "old.lua", "old.lua", "-o", "yaml" }, 2, "--output must be text or json, not 'yaml'" },
      { { "old.lua", "old.lua", "--examples", "many" }, 2, "--examples must be a number up to 1000" },
      { { "old.lua", "none.lua" }, 78, "none.lua: No such file or directory" },
      { { "old.lua", "old.lua", "none.jsonl" }, 1, "none.jsonl: cannot be opened: No such file or directory" },
    }) do
      local r = place:run({ "diff", unpack(case[1]) })
      assert.equal(case[2], r.code)
      assert.matches(case[3], r.err, 1, true)
    end
  end)
end)
