---What specs of scripts use, under `mooncrier test` or plain busted: events, a clock and sinks that are
---not real, and scripts called as the program calls them.
---
---    local test = require("mooncrier.test")
---
---    it("finds a crash loop", function()
---      local loops = {}
---      for i = 1, 3 do
---        loops[i] = test.event({ reason = "BackOff" })
---        test.advance("1m")
---      end
---      local result = test.run({ "handlers/crashloop.lua", threshold = 3 }, loops)
---      assert.equal(3, result.passed)
---      assert.equal("CrashLoop", result.emitted[1].event.reason)
---    end)
---
---Needs `mooncrier/core.so` (build/<preset>/lua) in package.cpath and `lua/?.lua` in package.path under
---busted, nothing under `mooncrier test`.
---@class mooncrier.test
local test = {}

local core = require("mooncrier.core")
local duration = require("mooncrier.duration")
local event = require("mooncrier.event")
local rfc3339 = require("mooncrier.rfc3339")
local test_events = require("mooncrier.test_events")
local test_golden = require("mooncrier.test_golden")
local test_place = require("mooncrier.test_place")
local test_setup = require("mooncrier.test_setup")
local test_watcher = require("mooncrier.test_watcher")

--------------------------------------------------------------------------------------------------------
-- The clock

local START = rfc3339.parse("2026-01-01T12:00:00Z")

local now = START

-- Watchers that time passes for, with their order.
local started = setmetatable({}, { __mode = "k" })

-- Where the clock is outside of tests, and whether one is running: each begins where the one before did, not
-- where it ended, and with its own watchers.
local usual, in_test, started_before = START, false, {}

local function begin_test()
  in_test, started_before = true, {}
  for watcher in pairs(started) do
    started_before[watcher] = true
  end
  test_events.begin_test(true)
end

local function end_test()
  in_test, now = false, usual
  core.set_now(now)
  for watcher in pairs(started) do
    started[watcher] = started_before[watcher] and started[watcher] or nil
  end
  test_events.begin_test(false)
end

-- Has busted tell of tests, once in a Lua state however often this file is loaded.
local function follow_tests()
  local busted, registry = package.loaded.busted, debug.getregistry()
  local there, subscribe = pcall(function()
    return busted.subscribe
  end)
  if not there or type(subscribe) ~= "function" then
    return
  end
  local latest = registry["mooncrier.test"]
  if not latest then
    latest = {}
    registry["mooncrier.test"] = latest
    for _, moment in ipairs({ "start", "end" }) do
      subscribe({ "test", moment }, function()
        latest[moment]()
        return nil, true
      end)
    end
  end
  latest["start"], latest["end"] = begin_test, end_test
end

follow_tests()

local function seconds_of(t)
  local seconds = type(t) == "string" and rfc3339.parse(t) or t
  if type(seconds) ~= "number" then
    error(("a time is Unix seconds or a text such as \"2026-01-01T12:00:00Z\", not %s"):format(tostring(t)), 3)
  end
  return seconds
end

---Sets the clock that events and scripts go by, to Unix seconds or an RFC 3339 time; without one, tells
---what it says. It begins at 2026-01-01T12:00:00Z in each test and stands still; set outside of tests, it
---begins there. No ticks run: see `advance`.
---@param t? number|string
---@return number seconds
function test.clock(t)
  if t ~= nil then
    now = seconds_of(t)
    usual = in_test and usual or now
    core.set_now(now)
  end
  return now
end

---Lets time pass: moves the clock, and runs the ticks that become due in the watchers made by `start`.
---@param by number|string seconds, or a duration such as "5m"
---@return number seconds what the clock says then
function test.advance(by)
  local seconds = duration.parse(by)
  if not seconds then
    error(("advance takes a duration such as \"5m\" or seconds, not %s"):format(tostring(by)), 2)
  end
  now = now + seconds
  core.set_now(now)
  local list = {}
  for watcher, order in pairs(started) do
    list[#list + 1] = { watcher, order }
  end
  table.sort(list, function(a, b)
    return a[2] < b[2]
  end)
  for _, item in ipairs(list) do
    item[1]:advance_to(now)
    item[1]:raise()
  end
  return now
end

--------------------------------------------------------------------------------------------------------
-- Events

-- what(…), whose errors are those of the line of the spec that called us.
local function for_spec(what, ...)
  local ok, result = pcall(what, ...)
  if not ok then
    error(type(result) == "string" and result:gsub("^%S*mooncrier/[%w_]+%.lua:%d+: ", "") or result, 3)
  end
  return result
end

---Makes an event as it could come from a cluster: what is not given is filled in. `reason` (default
---"Started") decides the kind of object, the type, the component and the message where it is a usual one;
---the object is the Pod default/web-1; the times are those of the clock. `change = "deleted"` (or "new",
---"repeat") makes it one that a watch told as such. A text is taken as the JSON of an event, as it is.
---@param fields? table|string
---@return mooncrier.Event
function test.event(fields)
  local view
  if type(fields) == "string" then
    view = for_spec(test_events.decode, fields)
    if not view then
      error("event: this is a control line of a watch, no event", 2)
    end
  elseif fields == nil or type(fields) == "table" then
    view = test_events.build(fields or {}, now)
  else
    error("event takes a table of fields or JSON text, not a " .. type(fields), 2)
  end
  return test_events.note({}, view)
end

---The same event once more: count one higher, last seen now. `fields` change it further.
---@param before mooncrier.Event
---@param fields? table
---@return mooncrier.Event
function test.again(before, fields)
  local whole = before:get()
  whole.count = before.occurrences + 1
  whole.lastTimestamp = core.time_text(math.floor(now), 0)
  local view = test_events.note({}, test_events.decode(core.json_encode(whole)))
  if fields then
    view = test_events.decode(tostring(view:with(fields)))
  end
  return view
end

---The events of a file: JSON Lines, a watch stream, a List or one event. The path is looked for from
---the current folder, then beside the spec.
---@param path string
---@return mooncrier.Event[]
function test.events(path)
  local found = for_spec(test_place.find, path, "file")
  local list = for_spec(test_events.read, found) -- no tail call, which has no line
  return list
end

--------------------------------------------------------------------------------------------------------
-- Watchers

---A script as a configuration names it: a path, or { path, parameters…, allow = { "io" } }. The path is
---looked for from the current folder, beside the spec, in the folder "scripts", and under `mooncrier test`
---among the scripts that come with it.
---@alias mooncrier.test.Script string|{ [1]: string, allow: string[]?, [string]: any }

---@class mooncrier.test.Options
---@field params? table parameters, when there is one script
---@field allow? string[] what it may use beyond the sandbox
---@field sinks? table names in order, and name = { render = script }; without it every name is a sink
---@field fallback? string[] where events go whose route failed; default: all sinks
---@field on_error? "dead_letter"|"drop"|"pass" what becomes of events whose hook raised; default: refused
---@field errors? boolean hooks may fail: errors are left in the result, and not raised
---@field still? boolean the clock stays where it is; else it goes by the events' times
---@field after? string|number how much time passes after the last event, with its ticks
---@field keep_shared? boolean leave in `shared` what earlier watchers put there
---@field seed? number of math.random, default 1
---@field scripts_dir? string where scripts find modules besides their own folder; default "scripts"

---What became of one event.
---@class mooncrier.test.Outcome
---@field outcome "passed"|"dropped"|"refused"
---@field input mooncrier.Event
---@field event mooncrier.Event? as it left; nil unless it passed
---@field changed boolean? another event left than came in
---@field reason string? of filter or handle, when it dropped the event
---@field error string? of the hook that failed, with file:line
---@field sinks string[]|"all"|nil where it went; "all": route said nothing, and no sinks are named
---@field keys table<string, string>? what the correlator's hooks said, by hook
---@field emitted mooncrier.test.Emitted[] what the hooks emitted on this event
---@field at number the clock

---@class mooncrier.test.Emitted
---@field event mooncrier.Event
---@field sink string? nil: to the other watchers
---@field at number the clock

---What a sink got.
---@class mooncrier.test.Delivery
---@field event mooncrier.Event
---@field sink string
---@field at number
---@field body string? what a render hook made of it
---@field url string?
---@field method string?
---@field headers table<string, string>?

---A hook that failed.
---@class mooncrier.test.Failure
---@field hook string
---@field script string
---@field message string with file:line
---@field traceback string
---@field event mooncrier.Event? that it was about

---The outcomes, one for each event, and what happened besides.
---@class mooncrier.test.Result
---@field [integer] mooncrier.test.Outcome
---@field passed integer
---@field dropped integer
---@field refused integer
---@field reasons table<string, integer> why events were dropped
---@field emitted mooncrier.test.Emitted[] all of it, also by ticks
---@field sinks table<string, mooncrier.test.Delivery[]> what each sink got, routed or emitted
---@field ticks integer how many ran
---@field log { level: string, text: string }[] what scripts logged
---@field errors mooncrier.test.Failure[]

local function new_result(is_sink)
  if is_sink then
    return { delivered = 0, refused = 0, retry = 0, ticks = 0, log = {}, errors = {} }
  end
  return { passed = 0, dropped = 0, refused = 0, reasons = {}, emitted = {}, sinks = {}, ticks = 0, log = {},
           errors = {} }
end

---A watcher that was started: given events one by one, until it is stopped.
---@class mooncrier.test.Watcher
---@field result mooncrier.test.Result what happened so far
---@field now number its clock
local Watcher = test_watcher.Watcher

-- " on BackOff of Pod default/web-1"
local function on_event(view)
  if not view then
    return ""
  end
  local object = view.involvedObject
  local name = object.namespace ~= "" and object.namespace .. "/" .. object.name or object.name
  return (" on %s of %s %s"):format(view.reason, object.kind, name)
end

-- A failed hook fails the test, unless it was said that they may.
function Watcher:raise()
  local first = self.result.errors[self.raised + 1]
  self.raised = #self.result.errors
  if first and not self.options.errors then
    local trace = first.traceback ~= "" and "\n" .. first.traceback or ""
    error(("%s of %s failed%s: %s%s\n(with the option errors = true it is left in the result)"):format(
      first.hook, first.script, on_event(first.event), first.message, trace), 0)
  end
end

-- Errors of loading have their place; those of wrong arguments are the caller's.
local function watcher_of(given, options, at, is_sink)
  options = options or {}
  local ok, setup = pcall(test_setup.of, given, options)
  if not ok then
    error(setup, 3)
  end
  setup.is_sink = is_sink
  if not options.keep_shared then
    core.forget()
  end
  math.randomseed(options.seed or 1)
  local watcher = test_watcher.new(setup, at, new_result(is_sink))
  watcher.given, watcher.options, watcher.raised, watcher.seen = given, options, 0, {}
  return watcher
end

-- An event, or what makes one.
local function event_of(source)
  if event.is(source) then
    return source
  end
  return test.event(source)
end

-- The events of run: one, a list, an iterator, or the path of a file.
local function list_of(source)
  if event.is(source) then
    return { source }
  elseif type(source) == "string" and not source:find("^%s*{") then
    return test.events(source)
  elseif type(source) == "string" then
    return { event_of(source) }
  elseif type(source) == "function" then
    local list = {}
    for view in source do
      list[#list + 1] = event_of(view)
    end
    return list
  elseif type(source) == "table" and (source[1] ~= nil or next(source) == nil) then
    local list = {}
    for i, item in ipairs(source) do
      list[i] = event_of(item)
    end
    return list
  end
  return { event_of(source) }
end

---Gives the watcher one event: what became of it. When the event is from later than the clock, time passes
---until then.
---@param source mooncrier.Event|table|string
---@return mooncrier.test.Outcome
function Watcher:send(source)
  local view = test_events.note(self.seen, event_of(source))
  if not self.options.still and view.time > self.now then
    self:advance_to(view.time)
    if started[self] then
      now = math.max(now, self.now)
    end
  end
  local outcome = self:take(view)
  self:raise()
  return outcome
end

---Reloads the scripts as a changed file would: save of the old ones, restore of the new ones. `options`
---can have other `params`; counters and the result go on.
---@param options? { params: table }
---@return mooncrier.test.Watcher
function Watcher:reload(options)
  local changed = {}
  for name, value in pairs(self.options) do
    changed[name] = value
  end
  changed.params = options and options.params or changed.params
  self:change_to(test_setup.of(self.given, changed))
  self:raise()
  return self
end

---Ends it: fini of the scripts. All that happened since `start`.
---@return mooncrier.test.Result
function Watcher:stop()
  started[self] = nil
  self:finish()
  self:raise()
  return self.result
end

local order = 0

---Starts a watcher with these scripts, to be given events one by one: `watcher:send(event)`,
---`test.advance("5m")`, `watcher:reload()`, `watcher:stop()`; `watcher.result` is what happened so far.
---@param scripts mooncrier.test.Script|mooncrier.test.Script[]
---@param options? mooncrier.test.Options
---@return mooncrier.test.Watcher
function test.start(scripts, options)
  local watcher = watcher_of(scripts, options, now)
  order = order + 1
  started[watcher] = order
  watcher:raise()
  return watcher
end

-- How much time passes after the last event.
local function after_of(options)
  local seconds = duration.parse(options.after or 0)
  if not seconds then
    error(("after is a duration such as \"5m\", not %s"):format(tostring(options.after)), 3)
  end
  return seconds
end

---Runs scripts over events as a watcher of the program does: filter and handle of each in order, the
---correlator's keys, route, render; ticks as time passes; fini. The clock begins at the first event's time
---and goes by the events' times (option `still`: it stays). An error in a hook is raised, unless `errors`.
---@param scripts mooncrier.test.Script|mooncrier.test.Script[]
---@param events mooncrier.Event|table|string|fun():mooncrier.Event? an event, a list, an iterator, a file
---@param options? mooncrier.test.Options
---@return mooncrier.test.Result
function test.run(scripts, events, options)
  options = options or {}
  local list = list_of(events)
  local first = list[1] and list[1].time or 0
  local after = after_of(options)
  local watcher = watcher_of(scripts, options, (options.still or first == 0) and now or first)
  for _, view in ipairs(list) do
    watcher:send(view)
  end
  watcher:advance_to(watcher.now + after)
  return watcher:stop()
end

---What a script's render hook makes of an event for `sink` (default "sink"): the body and how it is sent,
---`json` the body decoded; `body` is nil when it leaves that to the sink, and the result false when it
---suppresses the event.
---@param script mooncrier.test.Script
---@param source mooncrier.Event|table|string
---@param sink? string
---@param options? mooncrier.test.Options
---@return { body: string?, json: any, url: string?, method: string?, headers: table<string, string> }|false
function test.render(script, source, sink, options)
  sink = sink or "sink"
  local all = {}
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  all.sinks = { sink }
  local result = test.run(script, event_of(source), all)
  local delivery = (result.sinks[sink] or {})[1]
  if not delivery then
    return false
  end
  local ok, json = pcall(core.json_decode, delivery.body or "")
  delivery.json = ok and json or nil
  return delivery
end

---What became of an event in a sink script.
---@class mooncrier.test.Written
---@field outcome "delivered"|"refused"|"retry"
---@field reason string? why it was refused, or should be tried again
---@field input mooncrier.Event
---@field at number the clock

---The outcomes, one for each event, and what happened besides.
---@class mooncrier.test.SinkResult
---@field [integer] mooncrier.test.Written
---@field delivered integer
---@field refused integer
---@field retry integer
---@field ticks integer how many ran
---@field log { level: string, text: string }[] what the script logged
---@field errors mooncrier.test.Failure[]

---Runs a script that is a sink over events: open, write of each, ticks as time passes, flush, close. With a
---flush hook its answer is for all events that were written before it. What asks to be tried again is not.
---@param script mooncrier.test.Script
---@param events mooncrier.Event|table|string|fun():mooncrier.Event? as for run
---@param options? mooncrier.test.Options params, allow, errors, still, after
---@return mooncrier.test.SinkResult
function test.run_sink(script, events, options)
  options = options or {}
  local list = list_of(events)
  local first = list[1] and list[1].time or 0
  local after = after_of(options)
  local watcher = watcher_of(script, options, (options.still or first == 0) and now or first, true)
  for _, view in ipairs(list) do
    if not options.still and view.time > watcher.now then
      watcher:advance_to(view.time)
    end
    watcher:write(test_events.note(watcher.seen, view))
    watcher:raise()
  end
  watcher:flush()
  watcher:advance_to(watcher.now + after)
  watcher:close_sink()
  watcher:raise()
  return watcher.result
end

---Compares a value with the file `golden/<name>` beside the spec, and raises an error with the first line
---that differs. Texts are compared as they are, anything else as JSON with one member a line; events too. With
---MOONCRIER_BLESS=1, or under `mooncrier test --bless`, it writes the file instead.
---@param name string
---@param value any
function test.golden(name, value)
  test_golden.compare(name, value)
end

core.set_now(now)

return test
