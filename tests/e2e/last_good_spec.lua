-- A start with broken files comes up on those that ran last; a reload that fails is an event.
local h = require("tests.e2e.harness")

local good = "return { handle = function(event) return event:with({ reason = '%s' }) end }"

describe("the last good set", function()
  local place, running
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local function config(more)
    place:write("mooncrier.lua", ([[return {
      sources = { { kind = "jsonl", path = "in.jsonl", follow = true } },
      sinks = { out = { kind = "file", path = "out.jsonl" } },
      watchers = { { name = "w", script = "s.lua", sinks = { "out" } } },
      %s
    }]]):format(more))
  end

  local function start(options, flags)
    running = place:start(flags or { "run", "-o", "json" }, options)
    h.eventually("it answers", function()
      assert(running:running(), running:err())
      return place:run({ "status" }, options).code == 0
    end)
    return running
  end

  local function finish()
    running:signal("TERM")
    local r = running:wait()
    assert.equal(0, r.code)
    return h.ledger(r)
  end

  local function prepare(more)
    config(more or 'state_dir = "state",')
    place:write("s.lua", good:format("good"))
    place:write("in.jsonl", "")
    start()
    finish()
  end

  local function events() return place:read("out.jsonl") and h.lines(place:read("out.jsonl")) or {} end

  it("runs when a script is broken at the start, says so, and makes way for the repaired one", function()
    prepare()
    place:write("s.lua", "return {\n  handle = 5 5,\n}")
    start()
    assert.matches("error: s.lua:2: ", running:err(), 1, true)
    assert.matches("running on the last good set instead", running:err(), 1, true)
    local s = h.decode(place:run({ "status", "-o", "json" }).out)
    assert.matches("^s.lua:2: ", s.last_good)
    assert.matches("running on the last good set: s.lua:2: ", place:run({ "status" }).out, 1, true)
    h.eventually("it is an event", function() return #events() == 1 end)
    local event = h.decode(events()[1])
    -- The old script works: it has changed the reason of this event, too.
    assert.same({ "good", "Warning", "mooncrier" }, { event.reason, event.type, event.reportingComponent })
    assert.matches("^s.lua:2: ", event.message)

    place:write("s.lua", good:format("new"))
    h.eventually("the new one runs", function()
      return h.decode(place:run({ "status", "-o", "json" }).out).generation.number == 2
    end)
    assert.equal(h.null, h.decode(place:run({ "status", "-o", "json" }).out).last_good)
    place:append("in.jsonl", h.event("a") .. "\n")
    h.eventually("it worked on an event", function() return #events() == 2 end)
    assert.equal("new", h.decode(events()[2]).reason)
    local ledger = finish()
    assert.same({ 1, 2 }, { ledger.recorded, ledger.broadcaster.accepted })
  end)

  it("does not try the broken files again and again, though they are compared often", function()
    prepare('state_dir = "state", reload = { poll = "10ms" },')
    place:write("s.lua", "broken")
    start()
    place:shell("sleep 0.5")
    assert.equal(0, h.decode(place:run({ "status", "-o", "json" }).out).reload.failed)
    assert.equal(1, finish().recorded)
  end)

  it("is that of the last reload that succeeded", function()
    config('state_dir = "state", reload = { watch = false },')
    place:write("s.lua", good:format("one"))
    place:write("in.jsonl", "")
    start()
    place:write("s.lua", good:format("two"))
    assert.equal(0, place:run({ "reload" }).code)
    place:write("s.lua", "broken")
    assert.equal(1, place:run({ "reload" }).code)
    finish()
    start()
    place:append("in.jsonl", h.event("a") .. "\n")
    h.eventually("it came through", function() return #events() == 3 end)
    assert.equal("two", h.decode(events()[3]).reason)
    finish()
  end)

  it("is whole: modules, and files that were not there", function()
    place:shell("mkdir lib")
    place:write("lib/m.lua", "return { reason = 'module' }")
    config('state_dir = "state",')
    place:write("s.lua", "local m = require('lib.m')\n" ..
      "return { handle = function(event) return event:with({ reason = m.reason }) end }")
    place:write("in.jsonl", "")
    start()
    finish()
    place:shell("rm lib/m.lua s.lua")
    start()
    place:append("in.jsonl", h.event("a") .. "\n")
    h.eventually("it came through", function() return #events() == 2 end)
    assert.equal("module", h.decode(events()[2]).reason)
    finish()
  end)

  it("is found when only another part of the configuration is broken", function()
    prepare()
    place:write("mooncrier.lua",
      "return { state_dir = 'state', sources = {\n  { kind = 'jsonl', pth = 'in.jsonl' } } }")
    start()
    assert.matches("error: mooncrier.lua:2: unknown key 'pth'", running:err(), 1, true)
    finish()
  end)

  for how, run in pairs({
    ["--state-dir"] = { flags = { "run", "-o", "json", "--state-dir", "state" } },
    MOONCRIER_STATE_DIR = { env = "MOONCRIER_STATE_DIR=state" },
  }) do
    it("is found by " .. how .. " when the configuration itself is broken", function()
      prepare()
      place:write("mooncrier.lua", "return {\n  sources = = 5,\n}")
      local r = place:run({ "run" })
      assert.equal(78, r.code)
      assert.matches("mooncrier.lua:2: ", r.err, 1, true)
      start({ env = run.env }, run.flags)
      assert.matches("mooncrier.lua:2: .*running on the last good set", running:err())
      finish()
    end)
  end

  it("holds no secrets, and is its owner's alone", function()
    place:write("secret", "s3cr3t-v4lue")
    config('state_dir = "state", dead_letters = file "secret" .. ".jsonl",')
    place:write("s.lua", good:format("good"))
    place:write("in.jsonl", "")
    start({ before = "umask 0" })
    finish()
    assert.equal("", place:shell("grep -rl s3cr3t state"))
    assert.equal("700 600\n", place:shell("echo $(stat -c %a state/last_good state/last_good/*.lua | sort -ru)"))
  end)

  it("is not taken with reload.last_good = false", function()
    prepare('state_dir = "state", reload = { last_good = false },')
    place:write("s.lua", "broken")
    local r = place:run({ "run" })
    assert.same({ 78, nil }, { r.code, place:read("state/last_good/index.json") })
  end)

  it("that is damaged, of another configuration, or not there, is not taken", function()
    prepare()
    place:write("s.lua", "broken")
    place:shell("cp -R state kept; cp mooncrier.lua other.lua")
    local r = place:run({ "run", "-c", "other.lua" })
    assert.equal(78, r.code)
    assert.matches("is that of another configuration, mooncrier.lua in ", r.err, 1, true)
    place:append("state/last_good/2-s.lua", "\n-- more")
    r = place:run({ "run" })
    assert.equal(78, r.code)
    assert.matches("state/last_good is damaged", r.err, 1, true)
    place:shell("rm -r state")
    r = place:run({ "run" })
    assert.equal(78, r.code)
    assert.matches("there is no last good set to run instead", r.err, 1, true)
    assert.matches("error: s.lua:1: ", r.err, 1, true)
    -- A crash in the middle of an exchange leaves the new one beside its place.
    place:shell("mkdir state && mv kept/last_good state/last_good.new")
    start()
    finish()
  end)

  it("is not needed without state_dir: a broken start fails", function()
    config("")
    place:write("s.lua", "broken")
    assert.equal(78, place:run({ "run" }).code)
  end)
end)

describe("a reload that fails", function()
  local place, running
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local function start(more, options)
    place:write("mooncrier.lua", ([[return {
      sources = { { kind = "jsonl", path = "in.jsonl", follow = true } },
      sinks = { a = { kind = "file", path = "a.jsonl" }, b = { kind = "file", path = "b.jsonl" } },
      watchers = { { name = "w", script = "s.lua", sinks = { "a" } }, { name = "v", sinks = { "b" } } },
      %s
    }]]):format(more or "reload = { watch = false },"))
    place:write("s.lua", "return { handle = function(event) return event end }")
    place:write("in.jsonl", "")
    running = place:start({ "run", "-o", "json" }, options)
    h.eventually("it answers", function() return place:run({ "status" }).code == 0 end)
  end

  local function finish()
    running:signal("TERM")
    local r = running:wait()
    assert.equal(0, r.code)
    return h.ledger(r)
  end

  it("is one event in every watcher, about the host", function()
    start()
    place:write("s.lua", "return {\n  handle = 5 5,\n}")
    assert.equal(1, place:run({ "reload" }).code)
    local ledger = finish()
    assert.same({ 1, 1 }, { ledger.recorded, ledger.broadcaster.accepted })
    local host = place:shell("uname -n"):sub(1, -2)
    for _, file in ipairs({ "a.jsonl", "b.jsonl" }) do
      assert.equal(1, #h.lines(place:read(file)))
      local e = h.decode(place:read(file))
      assert.same({ "Warning", "ReloadFailed", "Process", host, "mooncrier", host },
        { e.type, e.reason, e.involvedObject.kind, e.involvedObject.name, e.source.component, e.source.host })
      assert.matches("^s.lua:2: .*; generation 1 goes on$", e.message)
    end
  end)

  it("is about the pod that it runs in", function()
    start(nil, { env = "POD_NAME=mooncrier-0 POD_NAMESPACE=monitoring POD_UID=u-1" })
    place:write("s.lua", "broken")
    assert.equal(1, place:run({ "reload" }).code)
    finish()
    local e = h.decode(place:read("b.jsonl"))
    assert.same({ kind = "Pod", apiVersion = "v1", namespace = "monitoring", name = "mooncrier-0", uid = "u-1" },
      e.involvedObject)
    assert.equal("monitoring", e.metadata.namespace)
  end)

  it("makes no storm: 3 events at once, the others are withheld", function()
    start()
    place:write("s.lua", "broken")
    for _ = 1, 6 do assert.equal(1, place:run({ "reload" }).code) end
    local ledger = finish()
    assert.is_true(ledger.recorded >= 3 and ledger.recorded <= 4, ledger.recorded)
    assert.equal(ledger.recorded, #h.lines(place:read("b.jsonl")))
  end)

  it("is none with reload.events = false", function()
    start("reload = { watch = false, events = false },")
    place:write("s.lua", "broken")
    assert.equal(1, place:run({ "reload" }).code)
    assert.is_nil(finish().recorded)
    assert.equal("", place:read("b.jsonl"))
  end)
end)
