-- What is said when a script fails: the place in the script first, then the stack without our frames.

local core = require("mooncrier.core")
local driver = require("mooncrier.driver")
local world = require("tests.lua.world")

local function failure(body)
  local results, _, failures = world.run("handle",
    "return {\nhandle = function(event)\n" .. body .. "\nend }", { '{"reason":"R"}' })
  assert.same({ "refused" }, results)
  assert.equal(1, #failures)
  return (failures[1]:gsub("[^%s'<]*/spec%.lua", "spec.lua"))
end

-- What advice.lua says of these scripts when they are loaded is not of interest here.
local warn = core.warn
setup(function() core.warn = function() end end)
teardown(function() core.warn = warn end)

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
    ["local x = event:get('a.b').c.d"] =
      "spec.lua:3: attempt to index a nil value: event:get(…) or event:get(…).c",
    ["return event.naem"] = "spec.lua:3: no field 'naem'",
    ["local x = event.raeson"] = "spec.lua:3: no field 'raeson'; did you mean 'reason'?",
    ["event.reason = 'x'"] = "spec.lua:3: events are immutable: event:with{ reason = … } makes",
    ["local x = event:with{ raeson = 'x' }"] =
      "spec.lua:3: event:with: no field 'raeson'; did you mean 'reason'?",
    ["local x = event:with{ x = print }"] = "spec.lua:3: event:with: JSON has no function",
    ["local x = event.with(5)"] = "spec.lua:3: call it as event:with(…)",
    ["local x = new_event{ reason = 'x' }"] = "spec.lua:3: new_event: involvedObject is missing",
    ["local x = emit{ reason = 'x' }"] = "spec.lua:3: new_event: involvedObject is missing",
    ["local x = json.decode('{')"] = "spec.lua:3: not JSON: ",
    ["local x = json.encode(print)"] = "spec.lua:3: JSON has no function",
    ["for _ in pairs(event) do end"] = "spec.lua:3: pairs works on labels, annotations and tables",
    ["log.info('%d', 'x')"] = "spec.lua:3: log.info: value 1 for the format: number expected, got string",
    ["return 5"] = "spec.lua:1: handle must return nil, true, false or an event, not a number",
    ["return event.metadata"] = "spec.lua:1: handle must return nil, true, false or an event, not metadata",
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

-- Mistakes that beginners make, and what teaches them better. `limits` is an empty table, `helper` nil.
describe("what is said of a mistake", function()
  local function said(body)
    local text = "local limits, helper = {}\nreturn {\nhandle = function(event)\n" .. body .. "\nend }"
    local _, _, failures = world.run("handle", text, { [[{"metadata":{"name":"web.1",
        "labels":{"app.kubernetes.io/name":"web"}},"reason":"Failed","message":"a,b","count":3,
        "lastTimestamp":"2026-11-23T05:01:40Z"}]] })
    return #failures > 0 and failures[1]:match("spec%.lua:[456]: ([^\n]*)") or failures[1]
  end

  for _, case in ipairs({
    -- Fields that there are not.
    { "local x = event.involvedobject", "no field 'involvedobject'; did you mean 'involvedObject'?" },
    { "local x = event.metadata.label", "no field 'label'; did you mean 'labels'?" },
    { "local x = event.involvedObject.Name", "no field 'Name'; did you mean 'name'?" },
    { "local x = event.name", "no field 'name'; did you mean 'metadata.name' or 'involvedObject.name'?" },
    { "local x = event.labels.app", "no field 'labels'; did you mean 'metadata.labels'?" },
    { "local x = event.metadata.reason", "no field 'reason'; did you mean 'event.reason'?" },
    { "local x = event.regarding.kind", "no field 'regarding'; did you mean 'involvedObject'?" },
    { "local x = event.note", "no field 'note'; did you mean 'message'?" },
    { "local x = event.xyz", "no field 'xyz' in an event; event:get(\"xyz\") gives what is no field of "
      .. "Kubernetes' events" },
    { "local x = event.source.xyz", "no field 'xyz' in source; there are component, host" },
    { "local x = event.involvedObject.labels.app", "no field 'labels' in an object reference: an event has nothing of "
      .. "its object but what names it; event.metadata.labels is that of the event" },
    { "local x = event:with{ metadata = { lables = {} } }",
      "event:with: no field 'lables' in metadata; did you mean 'labels'?" },
    -- nil.
    { "local x = event.metadata.labels.app.kubernetes.io/name",
      "attempt to index event.metadata.labels.app (a nil value); this event has no label 'app'; names with dots or "
      .. 'slashes are written event.metadata.labels["app.kubernetes.io/name"]' },
    { 'local x = event.metadata.labels["team"]:lower()', "attempt to index event.metadata.labels.team (a nil value); "
      .. "this event has no label 'team'; (event.metadata.labels.team or \"\") can be taken instead" },
    { "local x = event.metadata.annotations.a .. 'x'", "attempt to concatenate event.metadata.annotations.a (a nil "
      .. "value); this event has no annotation 'a'; (event.metadata.annotations.a or \"\") can be taken instead" },
    { 'local x = event:get("a.b").c', "attempt to index event:get(…) (a nil value); event:get gives nil for what the "
      .. "event does not have" },
    { "local x = event.metadata.ownerReferences[1].kind", "attempt to index event.metadata.ownerReferences[1] (a nil "
      .. "value); event.metadata.ownerReferences is empty" },
    { "local x = limits[event.reason].count", "attempt to index limits[event.reason] (a nil value)" },
    { "limits.x.y = 1", "attempt to index limits.x (a nil value)" },
    { "helper.x = 1", "attempt to index upvalue 'helper' (a nil value)" },
    { "local list = nil local x = list[1]", "attempt to index local 'list' (a nil value)" },
    { "local owners = event:get('metadata.ownerReferences')\nreturn owners[1].name",
      "attempt to index local 'owners' (a nil value), which is event:get(…); event:get gives nil for what the event "
      .. "does not have" },
    { "local app = event.metadata.labels.app\nlog.info(app:upper())",
      "attempt to index local 'app' (a nil value), which is event.metadata.labels.app; this event has no label 'app'; "
      .. "(event.metadata.labels.app or \"\") can be taken instead" },
    { "local n\nif event.count > 100 then n = 1 end\nreturn n + 1",
      "attempt to perform arithmetic on local 'n' (a nil value); (n or 0) can be taken instead" },
    { "local x = limits.max + 1", "attempt to perform arithmetic on limits.max (a nil value); (limits.max or 0) can "
      .. "be taken instead" },
    { "local x = 5 - time.parse(event.eventTime)", "attempt to perform arithmetic on time.parse(…) (a nil value); "
      .. "time.parse gives nil for what is no time" },
    { "for _, x in ipairs(event:get('a')) do end", "bad argument #1 to 'ipairs' (table expected, got nil), which is "
      .. "event:get(…)" },
    { "for _, x in pairs(limits.a) do end", "pairs takes a table, labels or annotations, not nil, which is limits.a" },
    { "table.insert(limits.a, 1)", "bad argument #1 to 'insert' (table expected, got nil), which is limits.a" },
    -- One of two calls: nobody can say which, but for those that never give nil.
    { "local x = tonumber('x') + tonumber('y')", "attempt to perform arithmetic on a nil value: tonumber(…)" },
    { "local x = time.now() + tonumber('y')", "attempt to perform arithmetic on tonumber(…) (a nil value); "
      .. "(tonumber(…) or 0) can be taken instead" },
    -- Calls.
    { "local x = event.message:split(',')", "attempt to call event.message:split (a nil value); strings have no method "
      .. "'split'; for part in s:gmatch(\"[^,]+\") do … goes through the parts" },
    { "local x = event.message:uper()", "attempt to call event.message:uper (a nil value); strings have no method "
      .. "'uper'; did you mean 'upper'?" },
    { "local x = math.flor(3)", "attempt to call math.flor (a nil value); did you mean 'math.floor'?" },
    { "local x = json.parse('x')",
      "attempt to call json.parse (a nil value); json has array, decode, encode, null" },
    { "os.execute('ls')", "attempt to call os.execute (a nil value); scripts have no os.execute, unless the "
      .. "configuration grants it: allow = { \"os\" }" },
    { "local x = event.reason()", "attempt to call event.reason (a string value); event.reason is no function; it is "
      .. "read without ()" },
    { "log('x')", "attempt to call log (a table value); log.info(\"…\") writes to the log" },
    { "local x = event.with{ reason = 'x' }", "call it as event:with(…)" },
    -- Types.
    { "return event.count > '3'", 'attempt to compare "3" (a string value) with event.count (a number value); '
      .. "tonumber(…) makes a number of a text" },
    { "return event.lastTimestamp > time.now()", "attempt to compare time.now() with event.lastTimestamp (a string "
      .. "value); event.lastTimestamp is a text; event.time and time.parse(event.lastTimestamp) are numbers, Unix "
      .. "seconds" },
    { "return time.now() - event.lastTimestamp", "attempt to perform arithmetic on event.lastTimestamp (a string "
      .. "value); event.lastTimestamp is a text; event.time and time.parse(event.lastTimestamp) are numbers, Unix "
      .. "seconds" },
    { "local x = 'n ' + event.count", 'attempt to perform arithmetic on "n " (a string value); texts are joined by .., '
      .. "and tonumber(…) makes a number of a text" },
    { "local x = 'of ' .. event.involvedObject", "attempt to concatenate event.involvedObject (an object reference); "
      .. "one of its fields can be joined, or tostring(…), which is its JSON" },
    { "local x = #event.count", "attempt to get length of event.count (a number value)" },
    { "for k in event.metadata.labels do end", "labels or annotations is not callable; for name, value in "
      .. "pairs(event.metadata.labels) do … goes through labels" },
    { "event.reason = 'x'",
      "events are immutable: event:with{ reason = … } makes a changed one, which handle can return" },
    { "event.metadata.labels['a.b/c'] = 'x'", "events are immutable: event:with{ metadata = { labels = { [\"a.b/c\"] = "
      .. "… } } } makes a changed one, which handle can return" },
    { "log.info('%d', event.reason)", "log.info: value 1 for the format: number expected, got string" },
    { "log.warn('%s and %s', event.reason)", "log.warn: value 2 for the format: value expected" },
    -- Globals.
    { "log.info(evnet.reason)", "undefined global 'evnet'; did you mean 'event'?" },
    { "prnt(event.reason)", "undefined global 'prnt'; did you mean 'print'?" },
    { "return reason == 'x'", "undefined global 'reason'; did you mean 'event.reason'?" },
    { "return event.reason == null", "undefined global 'null'; Lua writes nil, and json.null for JSON's null" },
    { "local f = io.open('x')", "undefined global 'io'; the configuration can grant it: allow = { \"io\" }" },
    { "local j = require('json')", "'json' is a global of all scripts: it needs no require" },
    { "n = 5", "assignment to global 'n'; make it local" },
    -- What a script raises itself stays what it is.
    { "error('attempt to index a nil value')", "attempt to index a nil value" },
  }) do
    it("helps with " .. case[1], function()
      assert.equal(case[2], said(case[1]))
    end)
  end

  for line, want in pairs({
    ["if event.type != 'x' then end"] = "'then' expected near '!'; Lua writes \"not equal\" as ~=",
    ["if event.type = 'x' then end"] = "'then' expected near '='; == compares, = assigns",
    ["if event.a && event.b then end"] = "'then' expected near '&'; Lua writes it as and",
    ["local n = 1 n += 1"] = "'=' expected near '+'; Lua has no such assignment: n = n + 1",
    ["local x = [1]"] = "unexpected symbol near '['; lists are written { 1, 2 }",
    ["local x = event:get"] = "function arguments expected near 'end'; a colon calls a method, event:get(…); fields "
      .. "have a dot",
    ["event.reason == 'x'"] = "'=' expected near '=='; a line that only computes does nothing: give it to a variable, "
      .. "or return it",
    ["local x = 'a != b' .. )"] = "unexpected symbol near ')'",
  }) do
    it("helps with " .. line, function()
      local ok, message = pcall(world.load, "return {\nhandle = function(event)\n" .. line .. "\nend }")
      assert.is_false(ok)
      assert.equal(want, message:match("spec%.lua:[34]: (.*)"))
    end)
  end

  it("helps with a missing comma, return or table", function()
    for text, want in pairs({
      ["return {\nfilter = function() end\nhandle = function() end }"] = "spec.lua:3: '}' expected (to close '{' at "
        .. "line 1) near 'handle'; a comma may be missing before it",
      ["local function filter() end"] = "spec.lua: a script must return a table of hooks, not nothing; end it with "
        .. "return { filter = …, handle = … }",
      ["function filter() end"] = "spec.lua:1: assignment to global 'filter'; hooks are members of the table that a "
        .. "script returns: return { filter = filter }, with local function filter",
    }) do
      local ok, message = pcall(world.load, text)
      assert.is_false(ok)
      assert.equal(want, message:match("(spec%.lua[^\n]*)"))
    end
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
