-- What a running program does when it is told to, and when its files change under it.
local h = require("tests.e2e.harness")

describe("a running mooncrier", function()
  local place, running
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local function start(config)
    place:write("mooncrier.lua", "return {\n" .. config .. "\n}\n")
    running = place:start({ "run", "-o", "json" })
    return running
  end

  local follow = [[
    sources = { { kind = "jsonl", path = "in.jsonl", follow = true } },
    sinks = { out = { kind = "file", path = "out.jsonl" } },
    watchers = { { name = "w", sinks = { "out" } } },]]

  local function line(name) return h.event(name) .. "\n" end

  local function eventually_names(file, names)
    h.eventually(file .. " has " .. table.concat(names, " "), function()
      local text = place:read(file)
      return text and #h.lines(text) >= #names
    end)
    assert.same(names, h.names(place:read(file)))
  end

  it("follows a file that grows, and drains at SIGTERM", function()
    place:write("in.jsonl", line("a"))
    local p = start(follow)
    eventually_names("out.jsonl", { "a" })
    place:append("in.jsonl", line("b"))
    eventually_names("out.jsonl", { "a", "b" })
    -- A line that comes in two pieces is one event.
    local c = line("c")
    place:append("in.jsonl", c:sub(1, 30))
    place:append("in.jsonl", c:sub(31))
    eventually_names("out.jsonl", { "a", "b", "c" })
    p:signal("TERM")
    local r = p:wait()
    assert.equal(0, r.code)
    local ledger = h.ledger(r)
    assert.same({ 3, 3 }, { ledger.sources[1].decoded, ledger.watchers[1].sinks[1].delivered })
  end)

  it("follows over rotation", function()
    place:write("in.jsonl", line("a"))
    local p = start(follow)
    eventually_names("out.jsonl", { "a" })
    place:shell("mv in.jsonl in.jsonl.1")
    place:append("in.jsonl.1", line("late"))
    place:write("in.jsonl", line("b"))
    eventually_names("out.jsonl", { "a", "late", "b" })
    place:append("in.jsonl", line("c"))
    eventually_names("out.jsonl", { "a", "late", "b", "c" })
    p:signal("INT")
    assert.equal(0, p:wait().code)
  end)

  it("starts again when the file was truncated", function()
    place:write("in.jsonl", line("a") .. line("b"))
    local p = start(follow)
    eventually_names("out.jsonl", { "a", "b" })
    place:write("in.jsonl", line("c"))
    eventually_names("out.jsonl", { "a", "b", "c" })
    p:signal("TERM")
    assert.equal(0, p:wait().code)
  end)

  it("waits for a file that is not there yet", function()
    local p = start(follow)
    h.eventually("it runs", function() return place:read("out.jsonl") end)
    place:write("in.jsonl", line("a"))
    eventually_names("out.jsonl", { "a" })
    p:signal("TERM")
    assert.equal(0, p:wait().code)
  end)

  it("opens its files anew at SIGUSR1", function()
    place:write("fails.lua",
      [[return { filter = function(event) assert(event.reason ~= "bad") return true end }]])
    place:write("in.jsonl", line("a"))
    local p = start([[
      sources = { { kind = "jsonl", path = "in.jsonl", follow = true } },
      sinks = { out = { kind = "file", path = "out.jsonl" } },
      dead_letters = "dead.jsonl",
      watchers = { { name = "w", script = "fails.lua", sinks = { "out" } } },]])
    eventually_names("out.jsonl", { "a" })
    place:shell("mv out.jsonl out.1; mv dead.jsonl dead.1")
    p:signal("USR1")
    h.eventually("the files are there again", function()
      return place:read("out.jsonl") and place:read("dead.jsonl")
    end)
    place:append("in.jsonl", line("b") .. h.event("x", { reason = "bad" }) .. "\n")
    eventually_names("out.jsonl", { "b" })
    h.eventually("the dead letter is there", function() return place:read("dead.jsonl") ~= "" end)
    assert.same({ "a" }, h.names(place:read("out.1")))
    assert.equal("", place:read("dead.1"))
    p:signal("TERM")
    p:wait()
  end)

  it("prints where every event is at SIGUSR2, and goes on", function()
    place:write("in.jsonl", line("a"))
    local p = start(follow)
    eventually_names("out.jsonl", { "a" })
    p:signal("USR2")
    h.eventually("the ledger is there", function() return p:err():find("delivered", 1, true) end)
    place:append("in.jsonl", line("b"))
    eventually_names("out.jsonl", { "a", "b" })
    p:signal("TERM")
    assert.equal(0, p:wait().code)
  end)

  it("goes on after SIGHUP, which a daemon gets when its terminal goes away", function()
    place:write("in.jsonl", line("a"))
    local p = start(follow)
    eventually_names("out.jsonl", { "a" })
    p:signal("HUP")
    place:append("in.jsonl", line("b"))
    eventually_names("out.jsonl", { "a", "b" })
    p:signal("TERM")
    assert.equal(0, p:wait().code)
  end)

  it("finishes what it has read when standard input stays open", function()
    place:shell("mkfifo pipe")
    place:write("mooncrier.lua", [[return {
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { out = { kind = "file", path = "out.jsonl" } },
      watchers = { { name = "w", sinks = { "out" } } },
    }]])
    -- Opened for both directions: neither side waits, and it never ends.
    running = place:start({ "run", "-o", "json" }, { before = "exec <>pipe" })
    place:write("pipe", line("a") .. line("b"))
    eventually_names("out.jsonl", { "a", "b" })
    running:signal("TERM")
    local r = running:wait()
    assert.equal(0, r.code)
    assert.equal(2, h.ledger(r).watchers[1].sinks[1].delivered)
  end)

  -- SIGINT is ignored by what a shell starts in the background.
  it("eval prints its ledger when it is stopped, and dies by the signal", function()
    place:shell("mkfifo pipe")
    running = place:start({ "eval", "-v", "true" }, { before = "exec <>pipe" })
    place:write("pipe", line("a") .. line("b"))
    h.eventually("both came out", function() return #h.lines(running:out() or "") == 2 end)
    running:signal("TERM")
    local r = running:wait()
    assert.same({ 143, { "a", "b" } }, { r.code, h.names(r.out) })
    assert.matches("2 received = 2 decoded", r.err, 1, true)
  end)

  it("eval ends at the second signal although its code is stuck", function()
    place:write("in.jsonl", line("a"))
    running = place:start({ "eval", "log.info('%s', 'stuck') while true do end", "in.jsonl" })
    h.eventually("it is stuck", function() return (running:err() or ""):find("stuck") end)
    running:signal("TERM")
    h.eventually("the second one counts", function()
      return not running:running() or not pcall(running.signal, running, "TERM")
    end)
    assert.equal(143, running:wait().code)
  end)

  -- In a handler while it drains, and in fini when all else is done.
  for where, hook in pairs({
    handle = "return { handle = function() log.info('%s', 'stuck') while true do end end }",
    fini = "return { fini = function() log.info('%s', 'stuck') while true do end end }",
  }) do
    it("ends at the second signal although a script is stuck in " .. where, function()
      place:write("stuck.lua", hook)
      place:write("in.jsonl", line("a") .. line("b"))
      start([[
        sources = { { kind = "jsonl", path = "in.jsonl" } },
        sinks = { out = { kind = "file", path = "out.jsonl" } },
        limits = { deadline = "60s" },
        watchers = { { name = "w", script = "stuck.lua" }, { name = "free", sinks = { "out" } } },]])
      local function said(text)
        h.eventually("it says " .. text, function() return (running:err() or ""):find(text, 1, true) end)
      end
      said("stuck")
      running:signal("TERM")
      said("reading stops")
      running:signal("TERM")
      local r = running:wait()
      assert.equal(3, r.code)
      assert.matches("watcher 'w' is left behind", r.err, 1, true)
      local ledger = h.ledger(r)
      assert.equal(2, ledger.sources[1].decoded)
      assert.same({ "free", 2 }, { ledger.watchers[1].name, ledger.watchers[1].sinks[1].delivered })
    end)
  end

  it("does not die when nobody reads its output", function()
    place:write("mooncrier.lua", [[return {
      sources = { { kind = "jsonl", path = "in.jsonl" } },
      sinks = { out = { kind = "stdout" } },
      watchers = { { name = "w", sinks = { "out" } } },
    }]])
    local lines = {}
    for i = 1, 2000 do lines[i] = h.event("e" .. i) end
    place:write("in.jsonl", table.concat(lines, "\n") .. "\n")
    local said = place:shell(("{ %s run -o json 2>err; echo $? >code; } | head -n 1"):format(h.binary))
    assert.equal(lines[1] .. "\n", said)
    h.eventually("it has ended", function() return place:read("code") and place:read("code") ~= "" end)
    assert.equal("1\n", place:read("code"))
    local sink = h.ledger({ err = place:read("err") }).watchers[1].sinks[1]
    assert.equal(2000, sink.assigned)
    assert.equal(2000, sink.delivered + sink.gave_up + sink.rejected)
  end)
end)
