-- What is said when a script fails: the place in the script first, then the stack without our frames.

local driver = require("mooncrier.driver")
local world = require("tests.lua.world")

local function failure(body)
  local results, _, failures = world.run("handle",
    "return {\nhandle = function(event)\n" .. body .. "\nend }", { '{"reason":"R"}' })
  assert.same({ "refused" }, results)
  assert.equal(1, #failures)
  return (failures[1]:gsub("[^%s'<]*/spec%.lua", "spec.lua"))
end

describe("the message of a failed hook", function()
  for body, want in pairs({
    ["error('x')"] = "spec.lua:3: x",
    ["error('x', 0)"] = "spec.lua:3: x",
    ["error()"] = "spec.lua:3: nil",
    ["error(5)"] = "spec.lua:3: 5",
    ["error(true)"] = "spec.lua:3: true",
    ["error(setmetatable({}, { __tostring = function() return 'shown' end }))"] = "spec.lua:3: shown",
    ["error(setmetatable({}, { __tostring = function() error('no') end }))"] =
      "spec.lua:3: (an error that is a table)",
    ["error(setmetatable({}, { __tostring = function() return 5 end }))"] =
      "spec.lua:3: (an error that is a table)",
    ["local x = nil + 1"] = "spec.lua:3: attempt to perform arithmetic on a nil value",
    ["return event.naem"] = "spec.lua:3: no field 'naem' in an event",
    ["local x = event.raeson"] = "spec.lua:3: no field 'raeson' in an event; did you mean 'reason'?",
    ["event.reason = 'x'"] = "spec.lua:3: events are immutable: event:with{ … } makes a changed one",
    ["local x = event:with{ raeson = 'x' }"] =
      "spec.lua:3: event:with: no field 'raeson' in an event; did you mean 'reason'?",
    ["local x = event:with{ x = print }"] = "spec.lua:3: event:with: JSON has no function",
    ["local x = event.with(5)"] = "spec.lua:3: call it as event:with(…)",
    ["local x = new_event{ reason = 'x' }"] = "spec.lua:3: new_event: involvedObject is missing",
    ["local x = emit{ reason = 'x' }"] = "spec.lua:3: new_event: involvedObject is missing",
    ["local x = json.decode('{')"] = "spec.lua:3: not JSON: ",
    ["local x = json.encode(print)"] = "spec.lua:3: JSON has no function",
    ["for _ in pairs(event) do end"] = "spec.lua:3: pairs works on labels, annotations and tables",
    ["log.info('%d', 'x')"] = "spec.lua:3: bad argument #",
    ["return 5"] = "spec.lua:1: handle must return nil, true, false or an event, not a number",
    ["return event.metadata"] = "spec.lua:1: handle must return nil, true, false or an event, not a cdata",
    ["return new_event{ reason = 'x' }"] = "new_event: involvedObject is missing",
    ["assert(false, 'said so')"] = "spec.lua:3: said so",
    ["coroutine.yield()"] = "spec.lua:3: attempt to yield across C-call boundary",
    ["coroutine.wrap(function() error('in there') end)()"] = "spec.lua:3: spec.lua:3: in there",
  }) do
    it("is right for " .. body, function()
      local message = failure(body)
      local first = message:match("^[^\n]*")
      if want:sub(1, 5) ~= "spec." then
        want = "spec.lua:1: " .. want -- the place of the hook: the script's function was gone
      end
      assert.equal(want, first:sub(1, #want))
      assert.is_nil(message:find("mooncrier/", 1, true), message)
      assert.is_nil(message:find("xpcall", 1, true), message)
    end)
  end

  it("has the stack of the script", function()
    assert.equal("spec.lua:4: deep\nstack traceback:\n\tspec.lua:4: in function 'inner'\n" ..
      "\tspec.lua:7: in function 'outer'\n\tspec.lua:9: in function <spec.lua:2>",
      failure("local function inner()\nerror('deep')\nend\nlocal function outer()\ninner() return 1\nend\n" ..
        "outer()"))
  end)

  it("is there for recursion without end", function()
    local message = failure("local function f() return 1 + f() end return f()")
    assert.truthy(message:find("stack overflow", 1, true), message)
    assert.truthy(#message < 5000)
  end)
end)

describe("hooks", function()
  local events = { '{"reason":"A","count":1}', '{"reason":"B","count":2}', '{"reason":"C","count":3}' }

  it("are asked event by event, whatever one of them does", function()
    local results, left, failures = world.run("handle", [[return { handle = function(event)
      if event.count == 2 then error("no") end
      return event:with{ reason = event.reason .. "!" }
    end }]], events)
    assert.same({ "pass", "refused", "pass" }, results)
    assert.equal("A!", left[1].reason)
    assert.equal("B", left[2].reason)
    assert.equal("C!", left[3].reason)
    assert.equal(1, #failures, failures[1])
  end)

  it("filter by truth, with reasons that are counted", function()
    local before = driver.reasons["spec reason"] or 0
    local results = world.run("filter", [[return { filter = function(event)
      if event.count == 1 then return 0 end
      if event.count == 2 then return false, "spec reason" end
      return nil, "spec reason"
    end }]], events)
    assert.same({ "pass", "drop", "drop" }, results)
    assert.equal(before + 2, driver.reasons["spec reason"])
  end)

  it("may give any reason, even one that cannot be shown", function()
    local results = world.run("filter", [[
      local old
      return { filter = function(event)
        old = old or event
        if event.count == 1 then return false, event end
        if event.count == 2 then return false, old end
        return false, setmetatable({}, { __tostring = function() error("no") end })
      end }]], events)
    assert.same({ "drop", "drop", "drop" }, results)
    assert.truthy(driver.reasons["(a cdata as reason)"])
  end)

  it("get views that end with them", function()
    local _, _, failures = world.run("handle", [[
      local old, object, labels, later
      return { handle = function(event)
        if event.count == 1 then
          old, object, labels = event, event.involvedObject, event.metadata.labels
          later = coroutine.wrap(function() coroutine.yield() return event.reason end)
          later()
          return
        end
        local n = 0
        for _, use in ipairs({
          function() return old.reason end, function() return object.name end,
          function() return labels.a end, function() return #labels end, function() return tostring(labels) end,
          function() return old:with{ reason = "x" } end, function() return old:keep() end,
          function() return old:get("reason") end, function() return tostring(old) end,
          function() return json.encode{ old } end, function() return emit(old) end,
          function() return new_event{ involvedObject = old.involvedObject } end, later,
        }) do
          local ok, message = pcall(use)
          assert(not ok and message:find("used after its hook returned", 1, true)
            or not ok and message:find("cannot resume dead coroutine", 1, true), message)
          n = n + 1
        end
        assert(n == 13)
        return event.count == 3 and old or nil
      end }]], events)
    assert.equal(1, #failures, failures[1])
    assert.equal("spec.lua:1: handle returned an event that was used after its hook returned", failures[1])
  end)

  it("may keep and give back what they kept", function()
    local results, left = world.run("handle", [[
      local kept
      return { handle = function(event)
        kept = kept or event:with{ reason = "kept" }:keep()
        return kept
      end }]], events)
    assert.same({ "pass", "pass", "pass" }, results)
    collectgarbage()
    for i = 1, 3 do
      assert.equal("kept", left[i].reason)
    end
  end)
end)
