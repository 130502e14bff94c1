-- Scripts that run away, in a program that goes on.
local h = require("tests.e2e.harness")

describe("a script that does not end", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local function run(config, args)
    place:write("mooncrier.lua", "return {\n" .. config .. "\n}\n")
    return place:run(args or { "run", "-o", "json" })
  end

  local runaway = [[
local function spin()
  local x = 0
  while true do
    pcall(function() while true do x = x + 1 end end)
  end
end
return {
  handle = function(event)
    if event.metadata.name == "bad" then spin() end
  end,
}
]]

  local two_watchers = [[
    sources = { { kind = "jsonl", path = "in.jsonl" } },
    sinks = { out = { kind = "file", path = "out.jsonl" }, other = { kind = "file", path = "other.jsonl" } },
    dead_letters = "dead.jsonl",
    watchers = {
      { name = "w", script = { "runaway.lua", deadline = "50ms" }, sinks = { "out" } },
      { name = "other", sinks = { "other" } },
    },]]

  local function events(names)
    local lines = {}
    for i, name in ipairs(names) do lines[i] = h.event(name) .. "\n" end
    return table.concat(lines)
  end

  it("costs its event, and no other", function()
    place:write("runaway.lua", runaway)
    place:write("in.jsonl", events({ "a", "b", "bad", "c", "d" }))
    local r = run(two_watchers)
    assert.equal(1, r.code)
    assert.same({ "a", "b", "c", "d" }, h.names(place:read("out.jsonl")))
    assert.same({ "a", "b", "bad", "c", "d" }, h.names(place:read("other.jsonl")))
    local w = h.ledger(r).watchers[1]
    assert.same({ 1, 1, 4, 0 }, { w.deadlines, w.refused, w.routed, w.script_errors })
    local letters = h.lines(place:read("dead.jsonl"))
    assert.equal(1, #letters)
    local letter = require("cjson").decode(letters[1])
    assert.same({ "w", "handle", "runaway.lua" }, { letter.watcher, letter.stage, letter.script })
    assert.equal("bad", letter.event.metadata.name)
    assert.truthy(letter.reason:find("runaway%.lua:4: deadline: stopped after 0%.05 s$"), letter.reason)
    assert.truthy(letter.traceback:find("runaway%.lua:4: in function 'spin'"), letter.traceback)
  end)

  it("is cut off in a library function, and its watcher goes on", function()
    place:write("runaway.lua", [[
local n = 0
return {
  handle = function(event)
    n = n + 1
    if event.metadata.name == "bad" then
      return ("a"):rep(3000):find((".-"):rep(9) .. "b")
    end
    return event:with{ message = "number " .. n }
  end,
}
]])
    place:write("in.jsonl", events({ "a", "b", "bad", "c", "d" }))
    local r = run(two_watchers)
    assert.equal(1, r.code)
    assert.same({ "a", "b", "c", "d" }, h.names(place:read("out.jsonl")))
    assert.same({ "a", "b", "bad", "c", "d" }, h.names(place:read("other.jsonl")))
    local w = h.ledger(r).watchers[1]
    assert.same({ 1, 1, 1, 4 }, { w.deadlines, w.discards, w.refused, w.routed })
    assert.truthy(place:read("out.jsonl"):find("number 2.*number 1.*number 2"))
    assert.truthy(place:read("dead.jsonl"):find("deadline: cut off after 0.05 s", 1, true))
    assert.truthy(r.err:find("all scripts of the watcher start anew", 1, true), r.err)
  end)

  it("is not called any more after three deadlines in a row", function()
    place:write("runaway.lua", runaway)
    place:write("in.jsonl", events({ "a", "bad", "bad", "bad", "b", "c" }))
    local r = run(two_watchers)
    assert.equal(1, r.code)
    assert.same({ "a" }, h.names(place:read("out.jsonl")))
    local w = h.ledger(r).watchers[1]
    assert.same({ 3, 5, 1, 2 }, { w.deadlines, w.refused, w.breaker_trips, w.breaker_skipped })
    assert.equal(5, #h.lines(place:read("dead.jsonl")))
    assert.truthy(r.err:find("handle of runaway.lua: 3 deadlines in a row: not called for 10 s", 1, true), r.err)
  end)

  it("is refused when it does so while it is loaded, or in init", function()
    for _, case in ipairs({
      { "\nwhile true do end", "runaway.lua:2: deadline: stopped after 1 s" },
      { "return { init = function()\n while true do end\nend }",
        "runaway.lua: init: runaway.lua:2: deadline: stopped after 1 s" },
    }) do
      place:write("runaway.lua", case[1])
      local r = run(two_watchers, { "check" })
      assert.equal(78, r.code)
      assert.truthy(r.err:find(case[2], 1, true), r.err)
    end
  end)

  it("has a deadline of a millisecond to a minute", function()
    place:write("runaway.lua", runaway)
    for _, case in ipairs({
      { 'limits = { deadline = "0.9ms" },', "'deadline' must be from 1ms to 60s in limits" },
      { 'limits = { deadline = "61s" },', "'deadline' must be from 1ms to 60s in limits" },
    }) do
      local r = run(case[1] .. two_watchers, { "check" })
      assert.equal(78, r.code)
      assert.truthy(r.err:find(case[2], 1, true), r.err)
    end
    local r = run('limits = { deadline = "60s" },' .. two_watchers, { "check" })
    assert.equal(0, r.code)
    assert.truthy(r.out:find("runaway.lua (handle; deadline 0.05 s)", 1, true), r.out)
  end)

  it("is named when it is slow, with its line, once a minute for each line", function()
    place:write("slow.lua", [[
local function burn()
  local enough = os.clock() + 0.15
  while os.clock() < enough do
  end
end
return {
  filter = function(event)
    if event.metadata.name == "a" then burn() end
    return true
  end,
  handle = function(event)
    if event.metadata.name ~= "b" then coroutine.wrap(burn)() end
  end,
}
]])
    place:write("in.jsonl", events({ "a", "b", "c", "d" }))
    local config = two_watchers:gsub('"runaway.lua", deadline = "50ms"', '"slow.lua", deadline = "1s"')
    local r = run(config)
    assert.equal(0, r.code, r.err)
    assert.equal(0, h.ledger(r).watchers[1].deadlines)
    local lines = {}
    for line in r.err:gmatch("warning: ([^\n]*)") do lines[#lines + 1] = line end
    assert.equal(2, #lines, r.err)
    for i, what in ipairs({ "filter of slow.lua on default/a", "handle of slow.lua on default/a" }) do
      assert.matches("^watcher 'w': " .. what .. " took 0%.%d+ s, for a while at slow%.lua:[234]; it may take 1 s",
        lines[i])
    end
    -- A tenth of its deadline is what counts.
    r = run((config:gsub('"1s"', '"20s"')))
    assert.equal(0, r.code, r.err)
    assert.not_matches("warning", r.err)
  end)
end)
