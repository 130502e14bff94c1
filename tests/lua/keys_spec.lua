-- The hooks that make texts of an event: the correlator's keys and messages.

local ffi = require("ffi")
local core = require("mooncrier.core")
local event = require("mooncrier.event")
local mooncrier = require("mooncrier")
local texts = require("mooncrier.texts")
local world = require("tests.lua.world")

-- Calls what `make` compiles of `handler` on an event as C does: its results, and the failures.
local function call(make, handler, fields, ...)
  local failures, on_failed = {}, core.script_failed
  core.script_failed = function(stage, script, text)
    failures[#failures + 1] = ("%s of %s: %s"):format(stage, script, text:match("^[^\n]*"))
  end
  local entry = make(handler)
  local ev = mooncrier.event(fields)
  local slot = ffi.new("mcr_slot[1]")
  slot[0].handle = ev.handle
  event.run.slot = slot
  event.run.in_hook, event.run.answers = 1, 1
  local results = { pcall(entry, ...) }
  event.run.in_hook, event.run.answers = 0, 0
  event.run.slot = nil
  core.script_failed = on_failed
  assert(results[1], results[2])
  return failures, unpack(results, 2, 6)
end

local function key(handler)
  return texts.new("local_key", handler, "spec", "spec.lua:1: ")
end

local pod = { involvedObject = { kind = "Pod", name = "web-7d4b9c6f5-x2x7p" }, reason = "R", message = "3 times" }

describe("a key hook", function()
  it("gives a string, or nil for client-go's", function()
    local failures, text = call(key, function(ev) return ev.reason .. "/" .. ev.message end, pod)
    assert.same({}, failures)
    assert.equal("R/3 times", text)
    failures, text = call(key, function() end, pod)
    assert.same({}, failures)
    assert.is_nil(text)
  end)

  it("that fails is client-go's, and says so", function()
    local failures, text = call(key, function() return 5 end, pod)
    assert.is_nil(text)
    assert.same({ "local_key of spec: spec.lua:1: local_key must return a string or nil, not a number" }, failures)
    failures, text = call(key, function(ev) return ev end, pod)
    assert.is_nil(text)
    assert.same({ "local_key of spec: spec.lua:1: local_key must return a string or nil, not an event" }, failures)
    failures, text = call(key, function(ev) return ev.resaon end, pod)
    assert.is_nil(text)
    assert.truthy(failures[1]:find("no field 'resaon'; did you mean 'reason'?", 1, true))
  end)

  it("cannot keep the event, and leaves nothing of what it made of it", function()
    local kept, made
    local _, text = call(key, function(ev)
      kept, made = ev, ev:with({ reason = "X" })
      return made.reason
    end, pod)
    assert.equal("X", text)
    assert.error_matches(function() return kept.reason end, "used after its hook returned")
    assert.error_matches(function() return made.reason end, "used after its hook returned")
    assert.equal(0, event.run.scoped)
  end)

  it("cannot emit", function()
    local emit = require("mooncrier.sandbox").globals.emit
    for _, sink in ipairs({ "", "slack" }) do
      local failures, text = call(key, function(ev)
        emit(ev, sink ~= "" and sink or nil)
        return "never"
      end, pod)
      assert.is_nil(text)
      assert.truthy(failures[1]:find("keys_spec.lua:%d+: emit: not from a hook that makes a key, a text or a body"))
    end
    assert.same({}, mooncrier.emitted())
  end)

  it("has the time of the batch", function()
    local time = require("mooncrier.sandbox").globals.time
    mooncrier.clock(1795410100.25)
    local _, text = call(key, function() return tostring(time.now()) end, pod)
    assert.equal("1795410100.25", text)
  end)

  it("is the same when compiled", function()
    local handler = function(ev) return ev.involvedObject.kind .. ev.reason end
    local entry = key(handler)
    for i = 1, 300 do
      local fields = { reason = "R" .. i, involvedObject = { kind = "P" } }
      local failures, text = call(function() return entry end, nil, fields)
      assert.equal("PR" .. i, text)
      assert.same({}, failures)
    end
  end)
end)

describe("a hook of a loaded script", function()
  it("that makes a text cannot emit, and the next hook can", function()
    local dir = world.files({ ["spec.lua"] = [[return {
      local_key = function(ev) emit(ev) return "never" end,
      handle = function(ev) emit(ev) end,
    }]] })
    local script = mooncrier.load(dir .. "/spec.lua")
    os.execute(("rm -r '%s'"):format(dir))
    assert.error_matches(function() script:local_key(mooncrier.event(pod)) end,
      "emit: not from a hook that makes a key")
    assert.same({}, mooncrier.emitted())
    script:handle(mooncrier.event(pod))
    assert.equal(1, #mooncrier.emitted())
  end)
end)

describe("a declared key", function()
  local function declared(text)
    local dir = world.files({ ["spec.lua"] = "return { spam_key = " .. text .. " }" })
    local ok, script = pcall(mooncrier.load, dir .. "/spec.lua")
    os.execute(("rm -r '%s'"):format(dir))
    return ok and script or error((script:gsub(dir:gsub("%p", "%%%0") .. "/", "")), 0)
  end

  it("is the fields one after the other", function()
    assert.equal("Pod\31R", declared("{ 'involvedObject.kind', 'reason' }"):spam_key(mooncrier.event(pod)))
    assert.equal("# times\31web-*",
      declared("{ 'message', 'involvedObject.name', normalize = true }"):spam_key(mooncrier.event(pod)))
  end)

  for text, message in pairs({
    ["{}"] = "spec.lua:1: spam_key: a key needs at least one field",
    ["{ 'raeson' }"] = "spec.lua:1: spam_key: no field 'raeson' for a key; did you mean 'reason'?",
    ["{ 'reason', normalise = true }"] =
      "spec.lua:1: spam_key: unknown option 'normalise' of a key; did you mean 'normalize'?",
    ["'reason'"] = "spec.lua:1: hook 'spam_key' must be a function or table, not a string",
  }) do
    it("is refused: " .. text, function()
      local ok, found = pcall(declared, text)
      assert.is_false(ok)
      assert.equal(message, found)
    end)
  end

  it("takes nothing but events", function()
    assert.error_matches(function() declared("{ 'reason' }"):spam_key({}) end, "spam_key takes an event, not a table")
  end)
end)

describe("a render hook", function()
  local function render(handler)
    return texts.new_render(handler, "spec", "spec.lua:1: ")
  end

  local NONE, DONE, SUPPRESS, FAILED = 0, 1, 2, 3

  local function results(handler)
    local failures, result, body, url, method, headers = call(render, handler, pod, "slack")
    return { result, body or false, url or false, method or false, headers or false }, failures
  end

  it("says what a sink sends", function()
    assert.same({ NONE, false, false, false, false }, (results(function() end)))
    assert.same({ SUPPRESS, false, false, false, false }, (results(function() return false end)))
    assert.same({ DONE, "R slack", false, false, false },
      (results(function(ev, sink) return ev.reason .. " " .. sink end)))
    assert.same({ DONE, '{"text":"R"}', false, false, false },
      (results(function(ev) return { text = ev.reason } end)))
    assert.same({ DONE, "b", "http://a/", "PUT", "A: 1\nB: x\n" }, (results(function()
      return "b", { url = "http://a/", method = "PUT", headers = { B = "x", A = 1 } }
    end)))
    assert.same({ DONE, false, "http://a/", false, false },
      (results(function() return nil, { url = "http://a/" } end)))
  end)

  it("may send an event that it made", function()
    local found = results(function(ev) return ev:with({ reason = "X" }) end)
    assert.equal(DONE, found[1])
    assert.equal("X", mooncrier.json.decode(found[2]).reason)
  end)

  it("cannot emit", function()
    local emit = require("mooncrier.sandbox").globals.emit
    local found, failures = results(function(ev) return tostring(emit(ev)) end)
    assert.equal(FAILED, found[1])
    assert.truthy(found[2]:find("emit: not from a hook that makes a key", 1, true))
    assert.equal(1, #failures)
    assert.same({}, mooncrier.emitted())
  end)

  it("that fails has the reason as its result", function()
    local found, failures = results(function() return "b", { headers = { ["X-A"] = "1\r\nX-B: 2" } } end)
    assert.equal(FAILED, found[1])
    assert.equal("spec.lua:1: render: header X-A has a line break or another control character", found[2])
    assert.same({ "render of spec: " .. found[2] }, failures)
    found = results(function() error("no") end)
    assert.equal(FAILED, found[1])
    assert.truthy(found[2]:find("keys_spec.lua:%d+: no"))
  end)
end)
