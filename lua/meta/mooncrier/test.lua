---@meta mooncrier.test
-- Written by lua/reference/write.lua from lua/mooncrier/test.lua: change that.

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

---Sets the clock that events and scripts go by, to Unix seconds or an RFC 3339 time; without one, tells
---what it says. It begins at 2026-01-01T12:00:00Z in each test and stands still; set outside of tests, it
---begins there. No ticks run: see `advance`.
---@param t? number|string
---@return number seconds
function test.clock(t) end

---Lets time pass: moves the clock, and runs the ticks that become due in the watchers made by `start`.
---@param by number|string seconds, or a duration such as "5m"
---@return number seconds what the clock says then
function test.advance(by) end

---Makes an event as it could come from a cluster: what is not given is filled in. `reason` (default
---"Started") decides the kind of object, the type, the component and the message where it is a usual one;
---the object is the Pod default/web-1; the times are those of the clock. `change = "deleted"` (or "new",
---"repeat") makes it one that a watch told as such. A text is taken as the JSON of an event, as it is.
---@param fields? table|string
---@return mooncrier.Event
function test.event(fields) end

---The same event once more: count one higher, last seen now. `fields` change it further.
---@param before mooncrier.Event
---@param fields? table
---@return mooncrier.Event
function test.again(before, fields) end

---The events of a file: JSON Lines, a watch stream, a List or one event. The path is looked for from
---the current folder, then beside the spec.
---@param path string
---@return mooncrier.Event[]
function test.events(path) end

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

---A watcher that was started: given events one by one, until it is stopped.
---@class mooncrier.test.Watcher
---@field result mooncrier.test.Result what happened so far
---@field now number its clock
local Watcher = {}

---Gives the watcher one event: what became of it. When the event is from later than the clock, time passes
---until then.
---@param source mooncrier.Event|table|string
---@return mooncrier.test.Outcome
function Watcher:send(source) end

---Reloads the scripts as a changed file would: save of the old ones, restore of the new ones. `options`
---can have other `params`; counters and the result go on.
---@param options? { params: table }
---@return mooncrier.test.Watcher
function Watcher:reload(options) end

---Ends it: fini of the scripts. All that happened since `start`.
---@return mooncrier.test.Result
function Watcher:stop() end

---Starts a watcher with these scripts, to be given events one by one: `watcher:send(event)`,
---`test.advance("5m")`, `watcher:reload()`, `watcher:stop()`; `watcher.result` is what happened so far.
---@param scripts mooncrier.test.Script|mooncrier.test.Script[]
---@param options? mooncrier.test.Options
---@return mooncrier.test.Watcher
function test.start(scripts, options) end

---Runs scripts over events as a watcher of the program does: filter and handle of each in order, the
---correlator's keys, route, render; ticks as time passes; fini. The clock begins at the first event's time
---and goes by the events' times (option `still`: it stays). An error in a hook is raised, unless `errors`.
---@param scripts mooncrier.test.Script|mooncrier.test.Script[]
---@param events mooncrier.Event|table|string|fun():mooncrier.Event? an event, a list, an iterator, a file
---@param options? mooncrier.test.Options
---@return mooncrier.test.Result
function test.run(scripts, events, options) end

---What a script's render hook makes of an event for `sink` (default "sink"): the body and how it is sent,
---`json` the body decoded; `body` is nil when it leaves that to the sink, and the result false when it
---suppresses the event.
---@param script mooncrier.test.Script
---@param source mooncrier.Event|table|string
---@param sink? string
---@param options? mooncrier.test.Options
---@return { body: string?, json: any, url: string?, method: string?, headers: table<string, string> }|false
function test.render(script, source, sink, options) end

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
function test.run_sink(script, events, options) end

---Compares a value with the file `golden/<name>` beside the spec, and raises an error with the first line
---that differs. Texts are compared as they are, anything else as JSON with one member a line; events too. With
---MOONCRIER_BLESS=1, or under `mooncrier test --bless`, it writes the file instead.
---@param name string
---@param value any
function test.golden(name, value) end

return test
