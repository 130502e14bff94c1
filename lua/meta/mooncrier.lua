---@meta
-- What scripts and configurations of mooncrier see, for the Lua language server, and the first part of
-- the reference (lua/reference/write.lua makes that of it). The modules describe themselves where they are
-- written, lua/mooncrier/{match,window,template,params,test}.lua.

--------------------------------------------------------------------------------------------------------
-- The event
-- Fields have the names of the JSON. Strings that an event does not have read "", numbers 0, objects have
-- empty fields; times are the strings of the JSON, which `time.parse` makes numbers of. An event cannot be
-- changed; `event:with` makes a changed one.
--
-- The examples here see this event:
-- ```json
-- {"kind":"Event","apiVersion":"v1",
--  "metadata":{"name":"web-1.17c2","namespace":"prod","uid":"2f3a","creationTimestamp":"2026-11-23T05:01:40Z",
--              "labels":{"app.kubernetes.io/name":"web"}},
--  "involvedObject":{"kind":"Pod","namespace":"prod","name":"web-1","uid":"9b1c","apiVersion":"v1",
--                    "fieldPath":"spec.containers{app}"},
--  "reason":"BackOff","message":"Back-off restarting failed container app","source":{"component":"kubelet",
--  "host":"node-1"},"firstTimestamp":"2026-11-23T05:01:40Z","lastTimestamp":"2026-11-23T05:11:40Z","count":3,
--  "type":"Warning","team":{"name":"storefront"}}
-- ```

---A Kubernetes event: a view of an immutable record, valid until the hook it was given to returns.
---Reading a name that no event has is an error; fields of other APIs and operators are reached by
---`event:get`.
---
---```lua
---event.reason --> "BackOff"
---event.involvedObject.name --> "web-1"
---event.action --> ""
---event.series.count --> 0
---event.metadata.labels["app.kubernetes.io/name"] --> "web"
---event.metadata.labels.team --> nil
---event.time --> 1795410700
---event.occurrences --> 3
---```
---@class mooncrier.Event
---@field kind "Event" always this, also for events of events.k8s.io
---@field apiVersion "v1" always this: all events read as those of core/v1
---@field metadata mooncrier.ObjectMeta the event's own name, namespace, labels and so on
---@field involvedObject mooncrier.ObjectReference the object the event is about; `regarding` of events.k8s.io
---@field reason string why, in one word: "FailedScheduling"
---@field message string what happened, for people; `note` of events.k8s.io
---@field source mooncrier.EventSource who reported it, as the older API says it
---@field firstTimestamp string when it happened first; "" in newer events
---@field lastTimestamp string when it happened last; "" in newer events
---@field count integer how often it happened; 0 in newer events, see occurrences
---@field type string "Normal" or "Warning"
---@field eventTime string when it happened first, in microseconds; "" in older events
---@field series mooncrier.EventSeries of a newer event that happened again
---@field action string what was done or failed; "" in older events
---@field related mooncrier.ObjectReference another object it has to do with
---@field reportingComponent string who reported it, as the newer API says it
---@field reportingController string the same, as events.k8s.io/v1 calls it
---@field reportingInstance string which one of these
---@field time number derived: Unix seconds of series.lastObservedTime, lastTimestamp, eventTime, firstTimestamp or creationTimestamp, the first that is set; 0 when none is
---@field occurrences integer derived: series.count, count, or 1
---@field change "new"|"repeat"|"deleted" derived: what the watch line said, or whether this stream had it before
---@field delta integer derived: occurrences not seen before in this stream
local Event = {}

---Any field of the event's JSON, by its keys or by a path in one string. Nil when it is absent, `json.null`
---when it is null; objects and lists come as tables. Without arguments: the whole event as a table.
---
---```lua
---event:get("team", "name") --> "storefront"
---event:get("metadata.uid") --> "2f3a"
---event:get("metadata", "labels", "app.kubernetes.io/name") --> "web"
---event:get("spec") --> nil
---event:get("team") --> { name = "storefront" }
---event:get().count --> 3
---```
---@param ... string|integer
---@return any
function Event:get(...) end

---A changed copy. Objects merge, lists are replaced, `json.null` deletes. The original stays as it is.
---
---```lua
---local marked = event:with({ severity = "high", metadata = { labels = { team = "web" } }, count = json.null })
---marked:get("severity") --> "high"
---marked.metadata.labels.team --> "web"
---marked.metadata.labels["app.kubernetes.io/name"] --> "web"
---marked:get("count") --> nil
---event:get("severity") --> nil
---```
---@param changes table
---@return mooncrier.Event
function Event:with(changes) end

---The same event, to be kept: it stays valid after the hook returned.
---
---```lua
---local last = event:keep()
---last.reason --> "BackOff"
---```
---@return mooncrier.Event
function Event:keep() end

---The event's own metadata, as every object of Kubernetes has it.
---@class mooncrier.ObjectMeta
---@field name string
---@field generateName string
---@field namespace string
---@field selfLink string
---@field uid string
---@field resourceVersion string
---@field generation integer
---@field creationTimestamp string
---@field deletionTimestamp string
---@field deletionGracePeriodSeconds integer
---@field labels mooncrier.StringMap
---@field annotations mooncrier.StringMap
---@field finalizers string[]
---@field ownerReferences mooncrier.OwnerReference[]
---@field managedFields table[]

---A reference to a Kubernetes object.
---@class mooncrier.ObjectReference
---@field kind string such as "Pod"
---@field namespace string "" for objects of the cluster
---@field name string
---@field uid string
---@field apiVersion string such as "apps/v1"
---@field resourceVersion string
---@field fieldPath string such as "spec.containers{app}"

---Who reported an event.
---@class mooncrier.EventSource
---@field component string such as "kubelet"
---@field host string the node

---How often a newer event happened.
---@class mooncrier.EventSeries
---@field count integer 0 when the event has no series
---@field lastObservedTime string when it happened last

---An owner reference, as in the JSON.
---@class mooncrier.OwnerReference
---@field apiVersion string
---@field kind string
---@field name string
---@field uid string
---@field controller? boolean
---@field blockOwnerDeletion? boolean

---Labels or annotations: `labels["app.kubernetes.io/name"]` is nil when absent; `pairs` goes over them
---in the order of the JSON, `#` counts them.
---
---```lua
---#event.metadata.labels --> 1
---local names = {}
---for name, value in pairs(event.metadata.labels) do
---  names[#names + 1] = name .. "=" .. value
---end
---names --> { "app.kubernetes.io/name=web" }
---```
---@alias mooncrier.StringMap table<string, string>

--------------------------------------------------------------------------------------------------------
-- A script
-- A script returns one table of hooks:
--
-- ```lua
-- local match = require("mooncrier.match")
-- local in_production = match.glob("prod*")
--
-- return {
--   filter = function(event)
--     return in_production(event.metadata.namespace), "not production"
--   end,
--   handle = function(event)
--     return event:with({ severity = event.type == "Warning" and "high" or "low" })
--   end,
-- }
-- ```

---A script returns one table with any of these, and nothing else.
---@class mooncrier.Hooks
---@field init? fun(params: table): boolean?, string? runs once before the first event; false and a message refuse to start
---@field self_test? fun(): boolean?, string? after init; false and a message refuse to start, or refuse a reload
---@field filter? fun(event: mooncrier.Event): any, string? false or nil drops the event, anything else passes it; the second result is the reason in the ledger
---@field handle? fun(event: mooncrier.Event): mooncrier.Event|boolean|nil, string? nil or true: unchanged; an event: takes its place; false and a reason: dropped
---@field aggregate_key? mooncrier.KeyHook|mooncrier.Key which events are similar, to be combined when there are many
---@field local_key? mooncrier.KeyHook|mooncrier.Key which of the similar ones are the same; client-go's is the message
---@field spam_key? mooncrier.KeyHook|mooncrier.Key whose events share one budget; sees the counted or combined event
---@field aggregate_message? fun(event: mooncrier.Event): string? the message of a combined event; nil: client-go's
---@field route? fun(event: mooncrier.Event): mooncrier.Route which sinks of the watcher get it
---@field render? fun(event: mooncrier.Event, sink: string): string|table|mooncrier.Event|false|nil, mooncrier.Rendering? what a sink sends: nil, what it would anyway; false, nothing; a body, tables as JSON
---@field tick? fun(now: number) runs every `tick_every` of the run's clock
---@field tick_every? string|number a duration, default "1s"
---@field save? fun(): any at a reload: plain data (at most 1 MiB) for restore of the script that comes
---@field restore? fun(saved: any): boolean?, string? at a reload, before the first event: what save of the old script returned; false and a message refuse the reload
---@field fini? fun() runs once after the last event

---What route may answer: nil, all sinks of the watcher; false or {}, none; a name; a list of names; or
---name → true or a changed event.
---
---```lua
---return {
---  route = function(event)
---    if event.type == "Warning" then
---      return { "archive", "pager" }
---    end
---    return "archive"
---  end,
---}
---```
---@alias mooncrier.Route nil|boolean|string|string[]|table<string, true|mooncrier.Event>

---Makes a key of the correlator; nil: client-go's.
---
---```lua
---return {
---  aggregate_key = function(event)
---    return event.involvedObject.uid .. event.reason
---  end,
---}
---```
---@alias mooncrier.KeyHook fun(event: mooncrier.Event): string?

---A key of the correlator without a function: fields of the event by their path, one after the other, which
---C reads without Lua. With `normalize`, what varies in messages and names from one event to the next of the
---same kind is folded: numbers to "#", hashes, UUIDs and generated suffixes to "*".
---
---```lua
---return {
---  aggregate_key = { "involvedObject.uid", "reason" },
---  local_key = { "message", normalize = true },
---}
---```
---@class mooncrier.Key
---@field [integer] string
---@field normalize? boolean fold what varies

---How a rendered body is sent; what is left out is the sink's.
---@class mooncrier.Rendering
---@field headers? table<string, string|number> on top of the sink's
---@field url? string instead of the sink's
---@field method? string instead of the sink's

---A sink script returns one table with `write` and any of the others, and nothing else. Its configuration is
---`{ kind = "script", script = { "x.lua", allow = { "io" }, … } }`.
---@class mooncrier.SinkHooks
---@field init? fun(params: table): boolean?, string? runs when the script is loaded, also by `check`; false and a message refuse to start
---@field open? fun(): boolean?, string? runs before the first event, not by `check`; false and a message refuse to start
---@field write fun(event: mooncrier.Event): mooncrier.SinkAnswer, any takes one event
---@field flush? fun(): mooncrier.SinkAnswer, any there is nothing more to do; what was written since the last one counts as delivered when it answers
---@field tick? fun(now: number) runs every `tick_every` of the run's clock
---@field tick_every? string|number a duration, default "1s"
---@field reopen? fun() SIGUSR1: files may have been moved away
---@field close? fun() the end, after the last flush

---What a sink script answers: nothing or true, done; false and why, the event goes to the dead letters; "retry"
---and why, call me again later.
---@alias mooncrier.SinkAnswer boolean|"retry"|nil

--------------------------------------------------------------------------------------------------------
-- Globals
-- Besides these there is the safe part of Lua's library. Other globals are errors, also when assigned to.

---Publishes an event to the other watchers, or sends it straight to a sink of this one. A table is made
---an event by new_event first. Raises an error in the hooks that make a key, a text or a body.
---
---```lua
---emit(event) --> true
---emit({ involvedObject = event.involvedObject, reason = "PodIsLooping", message = "again" }, "pager") --> true
---```
---@param event mooncrier.Event|table
---@param sink? string
---@return boolean sent false when there was no room for it
function emit(event, sink) end

---Makes an event. `involvedObject` must be given (another event's will do); type defaults to "Normal", name,
---namespace, times, count and source are filled in when they are not given.
---
---```lua
---local made = new_event({ involvedObject = event.involvedObject, reason = "PodIsLooping", message = "3 times" })
---made.metadata.namespace --> "prod"
---made.type --> "Normal"
---made.count --> 1
---```
---@param fields table
---@return mooncrier.Event
function new_event(fields) end

---The program's log, on standard error.
---@class mooncrier.log
log = {}

---string.format when there are arguments.
---
---```lua
---log.error("%s is gone", event.involvedObject.name)
---```
---@param format string
---@param ... any
function log.error(format, ...) end

---The same for what may be wrong.
---@param format string
---@param ... any
function log.warn(format, ...) end

---The same for what is good to know.
---@param format string
---@param ... any
function log.info(format, ...) end

---The same for what only -v shows.
---@param format string
---@param ... any
function log.debug(format, ...) end

---JSON, with its types kept.
---@class mooncrier.json
---@field null userdata JSON's null
json = {}

---The value of a JSON text: null is json.null, integers past 2^53 are int64, [] and {} stay different.
---Raises an error when the text is no JSON.
---
---```lua
---json.decode('{"a":[1,true,null]}') --> { a = { 1, true, json.null } }
---```
---@param text string
---@return any
function json.decode(text) end

---The JSON of a value, an event, or a part of one.
---
---```lua
---json.encode({ pod = event.involvedObject.name, n = 3 }) --> '{"n":3,"pod":"web-1"}'
---json.encode(event.source) --> '{"component":"kubelet","host":"node-1"}'
---json.encode({}) --> "{}"
---```
---@param value any
---@return string
function json.encode(value) end

---Marks a table as a list, so that an empty one is written [].
---
---```lua
---json.encode({ pods = json.array({}) }) --> '{"pods":[]}'
---```
---@generic T: table
---@param list T
---@return T
function json.array(list) end

---Times by the clock of the run: Unix seconds as numbers, texts as RFC 3339.
---@class mooncrier.time
time = {}

---Now, in Unix seconds; under replay, the time of the event. All hooks that a batch of events meets see one
---time.
---
---```lua
---time.now() --> 1795410705
---```
---@return number seconds
function time.now() end

---Reads a time; nil and a message when it is none.
---
---```lua
---time.parse("2026-11-23T05:01:40Z") --> 1795410100
---time.parse("2026-11-23T06:01:40.5+01:00") --> 1795410100.5
---time.parse("yesterday") --> nil, 'not an RFC 3339 time: "yesterday"'
---```
---@param text string
---@return number? seconds
---@return string? message
function time.parse(text) end

---RFC 3339 in UTC with 0 to 9 decimals (0), cut toward the past.
---
---```lua
---time.format(1795410100.5) --> "2026-11-23T05:01:40Z"
---time.format(1795410100.5, 3) --> "2026-11-23T05:01:40.500Z"
---```
---@param seconds number
---@param decimals? integer
---@return string
function time.format(seconds, decimals) end

---strftime in UTC, of now by default.
---
---```lua
---time.date("%H:%M", event.time) --> "05:11"
---```
---@param format string
---@param seconds? number
---@return string
function time.date(format, seconds) end

---Seconds of a duration as people write it, or of a number of seconds; an error for anything else.
---
---```lua
---time.duration("10m") --> 600
---time.duration("250ms") --> 0.25
---time.duration(5) --> 5
---```
---@param duration string|number
---@return number seconds
function time.duration(duration) end

---Seconds from Unix seconds or an RFC 3339 time to now.
---
---```lua
---time.since(event.lastTimestamp) --> 5
---```
---@param t number|string
---@return number seconds
function time.since(t) end

---Values that the scripts of all watchers see: strings, numbers, booleans. Bounded; safe from any thread.
---@class mooncrier.shared
shared = {}

---The value of `key`, nil when there is none.
---
---```lua
---shared.get("paused") --> nil
---```
---@param key string
---@return string|number|boolean|nil
function shared.get(key) end

---Sets a value (nil: removes it) that expires after `ttl` ("10m" or seconds) when that is given.
---
---```lua
---shared.set("paused", true, "1h")
---shared.get("paused") --> true
---```
---@param key string
---@param value string|number|boolean|nil
---@param ttl? string|number
function shared.set(key, value, ttl) end

---Adds `n` (1) to a number, which starts at 0, and gives the sum. Atomic.
---
---```lua
---shared.add("restarts") --> 1
---shared.add("restarts", event.delta) --> 4
---```
---@param key string
---@param n? number
---@param ttl? string|number
---@return number
function shared.add(key, n, ttl) end

---Removes `key`.
---@param key string
function shared.delete(key) end

---An environment variable. Unset and without default: an error.
---
---```lua
---env("MOONCRIER_EXAMPLE_CLUSTER", "test") --> "test"
---```
---@param name string
---@param default? string
---@return string
function env(name, default) end

--------------------------------------------------------------------------------------------------------
-- Regular expressions
-- What `match.regex` of mooncrier.match gives.

---A compiled regular expression. A match that takes too many steps raises an error.
---
---```lua
---local match = require("mooncrier.match")
---local back_off = match.regex("^Back-off (?<what>\\w+)")
---back_off:test(event.message) --> true
---back_off:find(event.message) --> 1, 19
---back_off:captures(event.message).what --> "restarting"
---back_off:replace(event.message, "waiting before ${what}") --> "waiting before restarting failed container app", 1
---```
---@class mooncrier.Regex
local Regex = {}

---Whether it matches anywhere in `s`.
---@param s string
---@return boolean
function Regex:test(s) end

---First and last byte of the first match from byte `init` (1) on, as string.find gives them.
---@param s string
---@param init? integer
---@return integer? first
---@return integer? last
function Regex:find(s, init) end

---The first match's groups by number ([0] is the whole) and by name; nil when nothing matches. A group
---that took no part is nil.
---@param s string
---@return table<integer|string, string>?
function Regex:captures(s) end

---`s` with all matches replaced, and how many there were. In the replacement `$1` and `${name}` are groups
---and `$$` is a dollar sign.
---@param s string
---@param replacement string
---@return string
---@return integer
function Regex:replace(s, replacement) end
