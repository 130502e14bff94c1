-- The event as scripts see it: FFI views of the immutable C struct, no copy. A field nobody reads
-- costs nothing, and handlers that read fields stay compiled.
--
-- Rules for the JIT, measured (spec LIMITS §1): getters end in `local v = …; return v`, because tail
-- calls count towards the loop unroll limit of the whole trace; views are made fresh for each event,
-- so that the compiler can keep them off the heap.

local ffi = require("ffi")
local core = require("mooncrier.core")
local no_field = require("mooncrier.no_field")

ffi.cdef(core.abi)

local run = ffi.cast("mcr_run *", core.run)
local api = ffi.cast("const mcr_script_api *", core.api)

local tonumber, type, error = tonumber, type, error
local ffi_string, istype, gc, cast = ffi.string, ffi.istype, ffi.gc, ffi.cast

local unpin = core.unpin

local event = {
  fields = {}, -- part of an event ("": the event itself) → its fields and methods
  no_field = no_field.problem,
}

local view_t, ref_t, meta_t, source_t, series_t, pairs_t

local event_ptr = ffi.typeof("const mcr_event *")
local ref_ptr = ffi.typeof("const mcr_object_reference *")
local pairs_ptr = ffi.typeof("const mcr_pairs *")

-- The structs behind a view, its object reference, its labels.
local function E(v) return cast(event_ptr, v.handle) end
local function R(v) return cast(ref_ptr, v.part) end
local function P(v) return cast(pairs_ptr, v.part) end

local function address(struct)
  return cast("uint64_t", cast("const char *", struct))
end

-- Strings with an atom are made once per state.
local atoms = require("table.new")(1024, 0)

local function str(s)
  local id = s.id
  if id ~= 0 then
    local text = atoms[id]
    if text then
      return text
    end
    text = ffi_string(s.ptr, s.len)
    atoms[id] = text
    return text
  end
  local text = ffi_string(s.ptr, s.len)
  return text
end

local function time_text(t)
  local text = str(t.text)
  if text == "" and t.set ~= 0 then
    text = core.time_text(tonumber(t.sec), t.nsec)
  end
  return text
end

-- JSON text of an array that the struct keeps as it came.
local function json_array(s)
  if s.len == 0 then
    return core.json_decode("[]")
  end
  local value = core.json_decode(ffi_string(s.ptr, s.len))
  return value
end

local used_late = "event used after its hook returned; event:keep() makes one that lasts"

local function check_alive(v)
  if v.gen ~= 0 then
    error(used_late, 3)
  end
end

-- A part of an event that holds its event must hold it too: nobody else might.
local function hold(part)
  if part.gen == 0 then
    run.made = api.pin(run, part.handle)
    gc(part, unpin)
    run.made = 0
  end
  return part
end

-- __newindex of views: how a field is changed, with %s for its name.
local function immutable(shown)
  return function(_, key)
    key = tostring(key)
    error(("events are immutable: %s makes a changed one, which handle can return"):format(
      shown:format(key:find("^[%a_][%w_]*$") and key or ("[%q]"):format(key))), 2)
  end
end

local defined = {} -- what `define` has made: { type, names of its fields, names of its methods }

local function sorted_names(set)
  local names = {}
  for name in pairs(set) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- A metatype whose fields are computed by `fields[key](view)`; methods are plain functions. `part` is where
-- it is in an event ("": the event itself), `what` how messages call it.
local function define(ctype, part, what, fields, methods, extra)
  no_field.define(part, fields)
  event.fields[part] = fields
  local kind = { ctype, sorted_names(fields), sorted_names(methods) }
  defined[#defined + 1] = kind
  for name in pairs(methods) do
    fields[name] = fields[name] or false
  end
  local meta = extra or {}
  meta.__newindex = immutable(part == "" and "event:with{ %s = … }"
    or "event:with{ " .. part .. " = { %s = … } }")
  meta.__tostring = meta.__tostring or function(view)
    local set = {}
    for name in pairs(fields) do
      local value = view[name]
      if value ~= "" and value ~= 0 and (type(value) ~= "cdata" or #tostring(value) > 2) then
        set[name] = value
      end
    end
    return core.json_encode(set)
  end
  meta.__index = function(view, key)
    if view.gen ~= run.gen then
      check_alive(view)
    end
    local getter = fields[key]
    if getter then
      local value = getter(view)
      return value
    end
    local method = methods[key]
    if method then
      return method
    end
    error(no_field.problem(part, key, what), 2)
  end
  kind[1] = ffi.metatype(ctype, meta)
  return kind[1]
end

ref_t = define("mcr_ref_view", "involvedObject", "an object reference", {
  kind = function(v) local x = str(R(v).kind) return x end,
  namespace = function(v) local x = str(R(v).namespace) return x end,
  name = function(v) local x = str(R(v).name) return x end,
  uid = function(v) local x = str(R(v).uid) return x end,
  apiVersion = function(v) local x = str(R(v).apiVersion) return x end,
  resourceVersion = function(v) local x = str(R(v).resourceVersion) return x end,
  fieldPath = function(v) local x = str(R(v).fieldPath) return x end,
}, {})

source_t = define("mcr_source_view", "source", "source", {
  component = function(v) local x = str(E(v).source.component) return x end,
  host = function(v) local x = str(E(v).source.host) return x end,
}, {})

series_t = define("mcr_series_view", "series", "series", {
  count = function(v) return E(v).series.count end,
  lastObservedTime = function(v) local x = time_text(E(v).series.lastObservedTime) return x end,
}, {})

-- Labels and annotations: an absent key is nil, as in a table.
pairs_t = ffi.metatype("mcr_pairs_view", {
  __newindex = immutable("event:with{ metadata = { labels = { %s = … } } }"),
  __index = function(v, key)
    if v.gen ~= run.gen then
      check_alive(v)
    end
    if type(key) ~= "string" then
      return nil
    end
    local found = api.pair(v.part, key, #key)
    if found == nil then
      return nil
    end
    local text = str(found)
    return text
  end,
  __len = function(v)
    if v.gen ~= run.gen then
      check_alive(v)
    end
    return P(v).n
  end,
  __tostring = function(v)
    local set = {}
    for key, value in event.pairs(v) do
      set[key] = value
    end
    return core.json_encode(set)
  end,
})

meta_t = define("mcr_meta_view", "metadata", "metadata", {
  name = function(v) local x = str(E(v).metadata.name) return x end,
  generateName = function(v) local x = str(E(v).metadata.generateName) return x end,
  namespace = function(v) local x = str(E(v).metadata.namespace) return x end,
  selfLink = function(v) local x = str(E(v).metadata.selfLink) return x end,
  uid = function(v) local x = str(E(v).metadata.uid) return x end,
  resourceVersion = function(v) local x = str(E(v).metadata.resourceVersion) return x end,
  generation = function(v) local x = tonumber(E(v).metadata.generation) return x end,
  creationTimestamp = function(v) local x = time_text(E(v).metadata.creationTimestamp) return x end,
  deletionTimestamp = function(v) local x = time_text(E(v).metadata.deletionTimestamp) return x end,
  deletionGracePeriodSeconds = function(v)
    local seconds = tonumber(E(v).metadata.deletionGracePeriodSeconds)
    return seconds >= 0 and seconds or 0
  end,
  labels = function(v)
    local x = hold(pairs_t(v.handle, v.gen, address(E(v).metadata.labels)))
    return x
  end,
  annotations = function(v)
    local x = hold(pairs_t(v.handle, v.gen, address(E(v).metadata.annotations)))
    return x
  end,
  finalizers = function(v) local x = json_array(E(v).metadata.finalizers) return x end,
  ownerReferences = function(v) local x = json_array(E(v).metadata.ownerReferences) return x end,
  managedFields = function(v) local x = json_array(E(v).metadata.managedFields) return x end,
}, {})

local change_names = { [0] = "new", "new", "repeat", "deleted" }

local event_fields = {
  metadata = function(v) local x = hold(meta_t(v.handle, v.gen)) return x end,
  involvedObject = function(v)
    local x = hold(ref_t(v.handle, v.gen, address(E(v).involvedObject)))
    return x
  end,
  related = function(v) local x = hold(ref_t(v.handle, v.gen, address(E(v).related))) return x end,
  source = function(v) local x = hold(source_t(v.handle, v.gen)) return x end,
  series = function(v) local x = hold(series_t(v.handle, v.gen)) return x end,
  reason = function(v) local x = str(E(v).reason) return x end,
  message = function(v) local x = str(E(v).message) return x end,
  type = function(v) local x = str(E(v).type) return x end,
  action = function(v) local x = str(E(v).action) return x end,
  count = function(v) return E(v).count end,
  firstTimestamp = function(v) local x = time_text(E(v).firstTimestamp) return x end,
  lastTimestamp = function(v) local x = time_text(E(v).lastTimestamp) return x end,
  eventTime = function(v) local x = time_text(E(v).eventTime) return x end,
  reportingComponent = function(v) local x = str(E(v).reportingComponent) return x end,
  reportingInstance = function(v) local x = str(E(v).reportingInstance) return x end,
  -- What events.k8s.io/v1 calls reportingComponent.
  reportingController = function(v) local x = str(E(v).reportingComponent) return x end,
  kind = function() return "Event" end,
  apiVersion = function() return "v1" end,
  -- Derived, on every event whatever API it came from.
  time = function(v) local x = api.time(v.handle) return x end,
  occurrences = function(v) local x = api.occurrences(v.handle) return x end,
  change = function(v) return change_names[E(v).change] end,
  delta = function(v) return E(v).delta end,
}

-- A view that holds the event in run.made for as long as anyone keeps the view. The event stays in
-- run.made until it does, so that it is not lost when there is no memory for the view.
local function pin()
  local view = gc(view_t(run.made, 0), unpin)
  run.made = 0
  return view
end

-- A view of the event in run.made. Inside a hook C holds it until the hook has returned, which spares
-- the garbage collector; elsewhere the view holds it.
local function take_made()
  local handle = run.made
  if run.in_hook ~= 0 and api.scope(run) ~= 0 then
    return view_t(handle, run.gen)
  end
  return pin()
end

-- Mistyped names are errors; names that resemble none are new fields. Decided once per name: false
-- when it is all right, else what is wrong. Bounded, as names can be made up by scripts.
local names_checked, names_checked_n = {}, 0
local MAX_NAMES_CHECKED = 1000

local function name_problem(name)
  if type(name) ~= "string" then
    return "field names are strings, not " .. type(name)
  end
  local problem = names_checked[name]
  if problem == nil then
    problem = no_field.slip("", name) or false
    if names_checked_n < MAX_NAMES_CHECKED then
      names_checked_n = names_checked_n + 1
      names_checked[name] = problem
    end
  end
  return problem
end

local function names_problem(fields)
  for name, value in pairs(fields) do
    local problem = name_problem(name)
    if problem then
      return problem
    end
    local part = name == "related" and "involvedObject" or name
    for member in pairs(type(value) == "table" and value or {}) do
      problem = type(member) == "string" and part ~= "" and no_field.slip(part, member)
      if problem then
        return problem
      end
    end
  end
end

local function patch_member(name, value)
  if names_checked[name] ~= false and name_problem(name) then
    return false
  end
  local kind, done = type(value), 0
  if kind == "string" then
    done = api.patch_string(run, name, #name, value, #value)
  elseif kind == "number" then
    done = api.patch_number(run, name, #name, value)
  elseif kind == "boolean" then
    done = api.patch_boolean(run, name, #name, value and 1 or 0)
  end
  return done ~= 0
end

-- Whether all changes are few and plain and now in C's patch. Unrolled: a loop in here would keep
-- every handler that calls event:with from being compiled.
local patch = assert(loadstring(
  "local api, run, next, add = ...\nreturn function(changes)\n  api.patch_begin(run)\n  local name, value\n"
    .. ([[
  name, value = next(changes, name)
  if name == nil then
    return true
  elseif not add(name, value) then
    return false
  end
]]):rep(6) .. "  return next(changes, name) == nil\nend", "=event:with"
))(api, run, next, patch_member)

-- Methods can be called without going through the view's own check.
local function check_self(view, name)
  if not istype(view_t, view) then
    error(("call it as event:%s(…)"):format(name), 3)
  end
  if view.gen ~= run.gen and view.gen ~= 0 then
    error(used_late, 3)
  end
end

local methods = {
  -- event:get("metadata", "labels", "a.b/c") or event:get("metadata.name"): any field of the JSON,
  -- nil when it is absent.
  get = function(view, ...)
    check_self(view, "get")
    local value = core.get(view, ...)
    return value -- nil, not nothing: tostring(event:get(…)) works
  end,
  -- event:with{ … }: a changed copy. Objects merge, arrays are replaced, json.null deletes.
  with = function(view, changes)
    check_self(view, "with")
    if type(changes) ~= "table" then
      error("event:with takes a table of changes, not a " .. type(changes), 2)
    end
    if patch(changes) then
      if api.patch_apply(run, view.handle) == 0 then
        error("event:with: " .. core.why(), 2)
      end
      local changed = take_made()
      return changed
    end
    local problem = names_problem(changes) or core.merge(view, changes)
    if problem then
      error("event:with: " .. problem, 2)
    end
    return take_made()
  end,
  -- event:keep(): the same event, usable after the hook returned.
  keep = function(view)
    check_self(view, "keep")
    run.made = api.pin(run, view.handle)
    local kept = pin()
    return kept
  end,
}

view_t = define("mcr_view", "", "an event", event_fields, methods, {
  __tostring = function(view)
    if view.gen ~= run.gen then
      check_alive(view)
    end
    return core.event_json(view)
  end,
  __eq = function(a, b)
    return istype(view_t, a) and istype(view_t, b) and a.handle == b.handle
  end,
})

function event.is(value)
  return istype(view_t, value)
end

-- Whether `value` is an event that may still be used.
function event.is_alive(value)
  return istype(view_t, value) and (value.gen == 0 or value.gen == run.gen)
end

local kinds = {
  [view_t] = "an event", [meta_t] = "metadata", [ref_t] = "an object reference", [source_t] = "a source",
  [series_t] = "a series", [pairs_t] = "labels or annotations",
}

-- What `value` is, with its article, as messages call it.
function event.kind_of(value)
  if value == nil then
    return "nil"
  end
  for ctype, kind in pairs(type(value) == "cdata" and kinds or {}) do
    if istype(ctype, value) then
      return kind
    end
  end
  return "a " .. type(value)
end

-- Whether `value` is an event or a part of one.
function event.is_view(value)
  for ctype in pairs(type(value) == "cdata" and kinds or {}) do
    if istype(ctype, value) then
      return true
    end
  end
  return false
end

-- Whether events have a field or method of this name.
function event.has_field(name)
  return event_fields[name] ~= nil
end

function event.is_pairs(value)
  return istype(pairs_t, value)
end

-- pairs over labels and annotations. The state is in the script's hands: it may be anything.
local function next_pair(state)
  local i = state.i
  local view = state.view
  if not istype(pairs_t, view) or type(i) ~= "number" then
    error("pairs: its state was changed", 2)
  end
  if view.gen ~= run.gen then
    check_alive(view)
  end
  if not (i >= 0 and i < P(view).n) then
    return nil
  end
  state.i = i + 1
  local pair = P(view).at[i]
  return str(pair.key), str(pair.value)
end

function event.pairs(value)
  if type(value) == "cdata" then
    if istype(pairs_t, value) then
      return next_pair, { i = 0, view = value }
    end
    error("pairs works on labels, annotations and tables; event:get() gives any part as a table", 2)
  elseif type(value) ~= "table" then
    error(("pairs takes a table, labels or annotations, not %s"):format(event.kind_of(value)), 2)
  end
  return next, value, nil
end

-- What an event or a part of one has: the names of its fields (labels and annotations: their keys), and
-- those of its methods; nil for any other value.
function event.names_in(value)
  if istype(pairs_t, value) then
    local keys = {}
    for key in event.pairs(value) do
      keys[#keys + 1] = key
    end
    return keys, {}
  end
  for _, kind in ipairs(defined) do
    if istype(kind[1], value) then
      return kind[2], kind[3]
    end
  end
end

-- A field of new_event that is a table or a part of another event; nil when it is not given.
local function object_field(fields, name)
  local value = fields[name]
  if value ~= nil and type(value) ~= "table" and type(value) ~= "cdata" then
    error(("new_event: %s must be a table, not a %s"):format(name, type(value)), 4)
  end
  return value
end

-- new_event{ … }: fills in what client-go's recorder would. Called by a function that a script calls.
function event.new(fields)
  local problem = names_problem(fields)
  if problem then
    error("new_event: " .. problem, 3)
  end
  local made = {}
  for name, value in pairs(fields) do
    made[name] = value
  end
  local object = object_field(made, "involvedObject")
  if object == nil then
    error("new_event: involvedObject is missing", 3)
  end
  if made.type == nil then
    made.type = "Normal"
  elseif made.type ~= "Normal" and made.type ~= "Warning" then
    local ok, shown = pcall(core.json_encode, made.type)
    error(("new_event: type must be \"Normal\" or \"Warning\", not %s"):format(
      ok and shown or "a " .. type(made.type)), 3)
  end
  local given = object_field(made, "metadata") or {}
  local metadata = type(given) == "table" and {} or core.json_decode(tostring(given))
  for name, value in pairs(type(given) == "table" and given or {}) do
    metadata[name] = value
  end
  metadata.name = metadata.name or core.event_name(tostring(object.name or ""))
  if metadata.namespace == nil then
    local namespace = object.namespace
    metadata.namespace = namespace ~= nil and namespace ~= "" and namespace or "default"
  end
  made.metadata = metadata
  made.kind, made.apiVersion = "Event", "v1"
  local now = core.time_text(math.floor(run.now), 0)
  made.firstTimestamp = made.firstTimestamp or now
  made.lastTimestamp = made.lastTimestamp or now
  made.count = made.count or 1
  made.source = object_field(made, "source") or { component = "mooncrier" }
  made.reportingComponent = made.reportingComponent or made.source.component or ""
  made.reportingInstance = made.reportingInstance or made.source.host or ""
  problem = core.new_event(made)
  if problem then
    error("new_event: " .. problem, 3)
  end
  return take_made()
end

event.api = api
event.run = run
event.view_t = view_t
event.take_made = take_made
event.names_problem = names_problem

return event
