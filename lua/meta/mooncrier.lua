---@meta
-- What scripts and configurations of mooncrier see, for the Lua language server. The modules describe
-- themselves where they are written (lua/mooncrier/{match,window,template,params}.lua).
--
-- Strings that an event does not have read "", numbers 0, objects have empty fields. Times are the
-- strings of the JSON; `time.parse` makes numbers of them.

--------------------------------------------------------------------------------------------------------
-- The event

---A reference to a Kubernetes object.
---@class mooncrier.ObjectReference
---@field kind string
---@field namespace string "" for objects of the cluster
---@field name string
---@field uid string
---@field apiVersion string
---@field resourceVersion string
---@field fieldPath string such as "spec.containers{app}"

---@class mooncrier.EventSource
---@field component string
---@field host string

---@class mooncrier.EventSeries
---@field count integer 0 when the event has no series
---@field lastObservedTime string

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
---@alias mooncrier.StringMap table<string, string>

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

---A Kubernetes event: a view of an immutable record, valid until the hook it was given to returns.
---Reading a name that no event has is an error; fields of other APIs and operators are reached by
---`event:get`.
---@class mooncrier.Event
---@field kind "Event"
---@field apiVersion "v1"
---@field metadata mooncrier.ObjectMeta
---@field involvedObject mooncrier.ObjectReference the object the event is about
---@field reason string such as "FailedScheduling"
---@field message string
---@field source mooncrier.EventSource
---@field firstTimestamp string
---@field lastTimestamp string
---@field count integer
---@field type string "Normal" or "Warning"
---@field eventTime string
---@field series mooncrier.EventSeries
---@field action string
---@field related mooncrier.ObjectReference
---@field reportingComponent string
---@field reportingController string the same, as events.k8s.io/v1 calls it
---@field reportingInstance string
---@field time number derived: Unix seconds of series.lastObservedTime, lastTimestamp, eventTime, firstTimestamp or creationTimestamp, the first that is set; 0 when none is
---@field occurrences integer derived: series.count, count, or 1
---@field change "new"|"repeat"|"deleted" derived: what the watch line said; "new" where there was none
---@field delta integer derived: occurrences not seen before in this stream
local Event = {}

---Any field of the event's JSON: `event:get("metadata", "labels", "a.b/c")`, or a path in one string,
---`event:get("metadata.ownerReferences.1.name")`. Nil when it is absent, `json.null` when it is null;
---objects and lists come as tables. Without arguments: the whole event as a table.
---@param ... string|integer
---@return any
function Event:get(...) end

---A changed copy: `event:with{ severity = "high", metadata = { labels = { team = "web" } } }`. Objects
---merge, lists are replaced, `json.null` deletes. The original stays as it is.
---@param changes table
---@return mooncrier.Event
function Event:with(changes) end

---The same event, to be kept: it stays valid after the hook returned.
---@return mooncrier.Event
function Event:keep() end

--------------------------------------------------------------------------------------------------------
-- A script

---What route may answer: nil, all sinks of the watcher; false or {}, none; a name; a list of names; or
---name → true or a changed event.
---@alias mooncrier.Route nil|boolean|string|string[]|table<string, true|mooncrier.Event>

---A key of the correlator without a function: fields of the event by their path, one after the other
---(`{ "involvedObject.uid", "reason" }`), which C reads without Lua. With `normalize`, what varies in
---messages and names from one event to the next of the same kind is folded: numbers to "#", hashes,
---UUIDs and generated suffixes to "*".
---@class mooncrier.Key
---@field [integer] string
---@field normalize? boolean

---Makes a key of the correlator; nil: client-go's.
---@alias mooncrier.KeyHook fun(event: mooncrier.Event): string?

---How a rendered body is sent; what is left out is the sink's.
---@class mooncrier.Rendering
---@field headers? table<string, string|number> on top of the sink's
---@field url? string
---@field method? string

---A script returns one table with any of these, and nothing else.
---@class mooncrier.Hooks
---@field self_test? fun(): boolean?, string? after init; false and a message refuse to start, or refuse a reload
---@field save? fun(): any at a reload: plain data (at most 1 MiB) for restore of the script that comes
---@field restore? fun(saved: any): boolean?, string? at a reload, before the first event: what save of the old script returned; false and a message refuse the reload
---@field init? fun(params: table): boolean?, string? runs once before the first event; false and a message refuse to start
---@field filter? fun(event: mooncrier.Event): any, string? false or nil drops the event, anything else passes it; the second result is the reason in the ledger
---@field handle? fun(event: mooncrier.Event): mooncrier.Event|boolean|nil, string? nil or true: unchanged; an event: takes its place; false and a reason: dropped
---@field aggregate_key? mooncrier.KeyHook|mooncrier.Key which events are similar, to be combined when there are many
---@field local_key? mooncrier.KeyHook|mooncrier.Key which of the similar ones are the same; client-go's is the message
---@field spam_key? mooncrier.KeyHook|mooncrier.Key whose events share one budget; sees the counted or combined event
---@field aggregate_message? fun(event: mooncrier.Event): string? the message of a combined event; nil: client-go's
---@field route? fun(event: mooncrier.Event): mooncrier.Route
---@field render? fun(event: mooncrier.Event, sink: string): string|table|mooncrier.Event|false|nil, mooncrier.Rendering? what a sink sends: nil, what it would anyway; false, nothing; a body, tables as JSON
---@field tick? fun(now: number) runs every `tick_every` of the run's clock
---@field tick_every? string|number a duration, default "1s"
---@field fini? fun() runs once after the last event

---What a sink script answers: nothing or true, done; false and why, the event goes to the dead letters; "retry"
---and why, call me again later.
---@alias mooncrier.SinkAnswer boolean|"retry"|nil

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

--------------------------------------------------------------------------------------------------------
-- Globals

---Publishes an event to the other watchers, or sends it straight to a sink of this one. A table is made
---an event by new_event first. Raises an error in the hooks that make a key, a text or a body.
---@param event mooncrier.Event|table
---@param sink? string
---@return boolean sent false when there was no room for it
function emit(event, sink) end

---Makes an event. `involvedObject` must be given (another event's will do); type defaults to "Normal", name,
---namespace, times, count and source are filled in when they are not given.
---@param fields table
---@return mooncrier.Event
function new_event(fields) end

---The program's log, on standard error.
---@class mooncrier.log
log = {}

---`log.error("%s is gone", name)`: string.format when there are arguments.
---@param format string
---@param ... any
function log.error(format, ...) end

---@param format string
---@param ... any
function log.warn(format, ...) end

---@param format string
---@param ... any
function log.info(format, ...) end

---@param format string
---@param ... any
function log.debug(format, ...) end

---@class mooncrier.json
---@field null userdata JSON's null
json = {}

---The value of a JSON text: null is json.null, integers past 2^53 are int64, [] and {} stay different.
---Raises an error when the text is no JSON.
---@param text string
---@return any
function json.decode(text) end

---The JSON of a value, an event, or a part of one.
---@param value any
---@return string
function json.encode(value) end

---Marks a table as a list, so that an empty one is written [].
---@generic T: table
---@param list T
---@return T
function json.array(list) end

---Times by the clock of the run: Unix seconds as numbers, texts as RFC 3339.
---@class mooncrier.time
time = {}

---Now, in Unix seconds; under replay, the time of the event.
---@return number seconds
function time.now() end

---Reads "2026-11-23T05:01:40Z", "…40.123456+01:00": nil and a message when it is no such time.
---@param text string
---@return number? seconds
---@return string? message
function time.parse(text) end

---RFC 3339 in UTC with 0 to 9 decimals (0), cut toward the past.
---@param seconds number
---@param decimals? integer
---@return string
function time.format(seconds, decimals) end

---strftime in UTC, of now by default.
---@param format string
---@param seconds? number
---@return string
function time.date(format, seconds) end

---Seconds of "250ms", "10s", "5m", "1h", "2d" or a number of seconds; an error for anything else.
---@param duration string|number
---@return number seconds
function time.duration(duration) end

---Seconds from Unix seconds or an RFC 3339 time to now.
---@param t number|string
---@return number seconds
function time.since(t) end

---Values that the scripts of all watchers see: strings, numbers, booleans. Bounded; safe from any thread.
---@class mooncrier.shared
shared = {}

---@param key string
---@return string|number|boolean|nil
function shared.get(key) end

---Sets a value (nil: removes it) that expires after `ttl` ("10m" or seconds) when that is given.
---@param key string
---@param value string|number|boolean|nil
---@param ttl? string|number
function shared.set(key, value, ttl) end

---Adds `n` (1) to a number, which starts at 0, and gives the sum. Atomic.
---@param key string
---@param n? number
---@param ttl? string|number
---@return number
function shared.add(key, n, ttl) end

---@param key string
function shared.delete(key) end

---An environment variable. Unset and without default: an error.
---@param name string
---@param default? string
---@return string
function env(name, default) end

--------------------------------------------------------------------------------------------------------
-- Modules written in C

---A compiled regular expression (mooncrier.match). A match that takes too many steps raises an error.
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
