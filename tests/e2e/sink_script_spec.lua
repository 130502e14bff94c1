-- Sinks that are scripts, from the configuration to what they leave behind.

local h = require("tests.e2e.harness")

describe("a sink in Lua", function()
  local place

  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  -- `sink`: its keys; `script`: the hooks of sink.lua.
  local function configure(sink, script, more)
    place:write("sink.lua", script)
    place:write("mooncrier.lua", ([[return {
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { mine = { kind = "script", %s } },
      watchers = { { name = "w", sinks = { "mine" } } },
      dead_letters = "dead.jsonl",
      %s
    }]]):format(sink, more or ""))
  end

  local function run(...)
    local result = place:run({ "run", "-o", "json" }, { stdin = table.concat({ ... }, "\n") .. "\n" })
    local ledger = result.code ~= 78 and h.ledger(result)
    return result, ledger and ledger.watchers[1].sinks[1]
  end

  local lines = [[
    local out
    return {
      open = function() out = io.open("out.txt", "a") end,
      write = function(event) out:write(event.metadata.name, "\n") end,
      flush = function() out:flush() end,
      close = function() out:write("closed\n") out:close() end,
    }]]

  it("writes what the configuration lets it write", function()
    configure([[script = { "sink.lua", allow = { "io" } }]], lines)
    local result, sink = run(h.event("one"), h.event("two"))
    assert.same({ 0, 2, 2 }, { result.code, sink.assigned, sink.delivered })
    assert.equal("one\ntwo\nclosed\n", place:read("out.txt"))
  end)

  it("has no io unless it is granted", function()
    configure([[script = "sink.lua"]], lines)
    local result = place:run({ "run" })
    assert.equal(1, result.code)
    assert.matches("open of sink.lua: sink.lua:3: undefined global 'io'", result.err, 1, true)
    assert.is_nil(place:read("out.txt"))
  end)

  it("is described by check, which opens nothing", function()
    configure([[script = { "sink.lua", allow = { "io" }, dir = "d" }, retry = { attempts = 2 } ]], lines)
    local result = place:run({ "check" })
    assert.same({ 0, "" }, { result.code, result.err })
    assert.matches("sink mine (script)\n  retry.attempts 2\n", result.out, 1, true)
    assert.matches("  sink      mine\n    script  sink.lua (open, write, flush, close; allowed: io)\n",
      result.out, 1, true)
    assert.is_nil(place:read("out.txt"))
  end)

  it("keeps what it refuses and what it fails on", function()
    configure([[script = "sink.lua"]], [[return { write = function(event)
      if event.reason == "No" then return false, "not this one" end
      if event.reason == "Oops" then return event.raeson end
    end }]])
    local result, sink = run(h.event("one"), h.event("two", { reason = "No" }), h.event("three", { reason = "Oops" }))
    assert.same({ 1, 3, 1, 2, 1 },
      { result.code, sink.assigned, sink.delivered, sink.dead_lettered, sink.script_errors })
    local letters = h.lines(place:read("dead.jsonl"))
    local refused, failed = h.decode(letters[1]), h.decode(letters[2])
    assert.same({ "sink", "mine", "not this one", "two" },
      { refused.stage, refused.sink, refused.reason, refused.event.metadata.name })
    assert.same({ "sink.lua", "sink.lua:3: no field 'raeson'; did you mean 'reason'?", "three" },
      { failed.script, failed.reason, failed.event.metadata.name })
    assert.matches("stack traceback:", failed.traceback, 1, true)
  end)

  it("gets another try when it asks for it", function()
    configure([[script = "sink.lua", retry = { wait = "10ms" }]], [[
      local calls = {}
      return { write = function(event)
        local name = event.metadata.name
        calls[name] = (calls[name] or 0) + 1
        if calls[name] < 3 then return "retry", "busy" end
        log.info("%s: %d", name, calls[name])
      end }]])
    local result, sink = run(h.event("one"), h.event("two"))
    assert.same({ 0, 2, 4 }, { result.code, sink.delivered, sink.retries })
    assert.matches("one: 3\n.*two: 3\n", result.err)
    assert.matches("write of sink.lua wants another try: busy", result.err, 1, true)
  end)

  it("that does not return is stopped", function()
    configure([[script = "sink.lua"]], [[return { write = function(event)
      while event.reason == "Endless" do end
    end }]])
    local result, sink = run(h.event("one", { reason = "Endless" }), h.event("two"))
    assert.same({ 1, 1, 1, 1 }, { result.code, sink.delivered, sink.dead_lettered, sink.script_errors })
    local letter = h.decode(h.lines(place:read("dead.jsonl"))[1])
    assert.matches("sink.lua:2: deadline: stopped after", letter.reason, 1, true)
  end)

  it("gives up in time at the end", function()
    configure([[script = "sink.lua", retry = { wait = "1h" }]],
      [[return { write = function() return "retry", "never" end }]], [[limits = { drain_timeout = "50ms" }]])
    local result, sink = run(h.event("one"), h.event("two"))
    assert.same({ 3, 2, 2 }, { result.code, sink.assigned, sink.dead_lettered })
    assert.matches("2 events were left unfinished", result.err, 1, true)
    assert.equal(2, #h.lines(place:read("dead.jsonl")))
  end)

  it("is run once for each watcher that has it, with a clock and shared values", function()
    place:write("sink.lua", [[
      local n = 0
      return {
        write = function() n = n + 1 shared.add("all") end,
        close = function() log.info("%d of %d", n, shared.get("all")) end,
        tick = function(now) assert(now == time.now()) end,
        tick_every = "1ms",
      }]])
    place:write("mooncrier.lua", [[return {
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { mine = { kind = "script", script = "sink.lua" } },
      watchers = {
        { name = "a", sinks = { "mine" }, group = "g" },
        { name = "b", sinks = { "mine" }, group = "g" },
      },
    }]])
    local result = place:run({ "run" }, { stdin = h.event("one") .. "\n" .. h.event("two") .. "\n" })
    assert.equal(0, result.code, result.err)
    local _, n = result.err:gsub("2 of 4", "")
    assert.equal(2, n)
  end)

  it("reopens its files", function()
    configure([[script = { "sink.lua", allow = { "io" } }]], [[
      local out = io.open("out.txt", "a")
      return {
        write = function(event) out:write(event.metadata.name, "\n") out:flush() end,
        reopen = function() out:close() out = io.open("out.txt", "a") end,
      }]])
    place:write("in.jsonl", h.event("one") .. "\n")
    place:write("mooncrier.lua", (place:read("mooncrier.lua"):gsub('path = "%-"', 'path = "in.jsonl", follow = true')))
    local running = place:start({ "run" })
    h.eventually("the event is written", function() return place:read("out.txt") == "one\n" end)
    place:shell("mv out.txt old.txt")
    running:signal("USR1")
    h.eventually("it has a new file", function() return place:read("out.txt") end)
    place:append("in.jsonl", h.event("two") .. "\n")
    h.eventually("the new file has the event", function() return place:read("out.txt") == "two\n" end)
    running:signal("TERM")
    assert.equal(0, running:wait().code)
    assert.equal("one\n", place:read("old.txt"))
  end)

  it("is exchanged when its script has changed, unless the new one fails", function()
    local function script(mark, more)
      return ([[
        local out
        return {
          open = function() out = io.open("out.txt", "a") %s end,
          -- Not the event about the reload that failed.
          write = function(event)
            if event.reason ~= "ReloadFailed" then out:write(event.metadata.name, " %s\n") out:flush() end
          end,
          close = function() out:write("closed %s\n") out:close() end,
        }]]):format(more or "", mark, mark)
    end
    configure([[script = { "sink.lua", allow = { "io" } }]], script("first"))
    place:write("in.jsonl", h.event("one") .. "\n")
    place:write("mooncrier.lua", (place:read("mooncrier.lua"):gsub('path = "%-"', 'path = "in.jsonl", follow = true')))
    local running = place:start({ "run", "-o", "json" })
    local function written(text)
      h.eventually("out.txt is " .. text, function() return place:read("out.txt") == text end)
    end
    local function said(text)
      h.eventually("it says " .. text, function() return running:err():find(text, 1, true) end)
    end
    written("one first\n")
    place:write("sink.lua", script("second", "return false, 'not yet'"))
    running:signal("HUP")
    said("not yet")
    place:append("in.jsonl", h.event("two") .. "\n")
    written("one first\ntwo first\n")
    place:write("sink.lua", script("third"))
    running:signal("HUP")
    said("changed: sink.lua")
    place:append("in.jsonl", h.event("three") .. "\n")
    written("one first\ntwo first\nclosed first\nthree third\n")
    running:signal("TERM")
    local result = running:wait()
    assert.equal(0, result.code, result.err)
    written("one first\ntwo first\nclosed first\nthree third\nclosed third\n")
    local sinks = h.ledger(result).watchers[1].sinks
    assert.same({ "mine", 1, "mine (ended)", 3 }, -- with that event
      { sinks[1].name, sinks[1].delivered, sinks[2].name, sinks[2].delivered })
  end)

  for what, case in pairs({
    ["without a script"] = { "", "a script sink needs a 'script'" },
    ["whose script is not there"] = { [[script = "snik.lua"]], "no script 'snik.lua'" },
    ["with a grant that is none"] = { [[script = { "sink.lua", allow = { "iso" } }]],
      "allow: unknown grant 'iso'; did you mean 'io'?" },
    ["with an unknown key"] = { [[script = "sink.lua", pth = "x"]], "unknown key 'pth'" },
    ["that is never tried"] = { [[script = "sink.lua", retry = { attempts = 0 }]],
      "'retry.attempts' must be 1 or more" },
    ["whose script is a watcher's"] = { [[script = "watcher.lua"]],
      "unknown hook 'filter': it is one of watchers; a sink has write" },
    ["with a hook that is none"] = { [[script = "typo.lua"]], "unknown hook 'wirte'; did you mean 'write'?" },
    ["that refuses its parameters"] = { [[script = { "sink.lua", dir = 5 }]], "init refused: dir is 5" },
    ["of another kind with a script"] = { [[kind = "stdout", script = "sink.lua"]],
      "only a sink of kind 'script' has a script, not 'stdout'" },
  }) do
    it("is refused " .. what, function()
      configure(case[1], [[return {
        init = function(params) if params.dir then return false, "dir is " .. params.dir end end,
        write = function() end,
      }]])
      place:write("watcher.lua", "return { filter = function() end }")
      place:write("typo.lua", "return { wirte = function() end }")
      local result = place:run({ "check" })
      assert.same({ 78, "" }, { result.code, result.out })
      assert.matches(case[2], result.err, 1, true)
    end)
  end
end)
