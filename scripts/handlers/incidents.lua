-- Makes incidents of warnings that belong together. When a workload (or namespace, or node) has `threshold` warnings
-- within `window`, an incident opens: a Warning event IncidentOpened says so, and from then on all events about it
-- bear its name in a field `incident`, by which renderers and sinks can put them together (sinks/slack_threads.lua
-- makes a thread of each). When there was no warning for `quiet`, a Normal event IncidentClosed says how long it
-- took, how many pods it touched and what happened how often. Events are neither held back nor dropped.
--
-- @param threshold count    (3)     warnings within the window that make an incident
-- @param window    duration ("5m")  the window
-- @param quiet     duration ("10m") without a warning this long, it is over
-- @param by        string   ("workload")  what has the incident: a "workload", a "namespace" or a "node"
-- @param except    strings  (none)  globs of reasons that make no incident
-- @param sink      sinks    (none)  send the new events straight to these sinks of the watcher; without it, to all
--                                   other watchers
--
-- { "handlers/incidents.lua", threshold = 5, except = { "Unhealthy" }, sink = "slack" }

local alarm = require("mooncrier.alarm")
local match = require("mooncrier.match")
local params = require("mooncrier.params")
local window = require("mooncrier.window")
local workload = require("mooncrier.workload")

-- What is open survives reloads, as do the counts: all of it has to fit into 1 MiB.
local MAX_OPEN = 100
local MAX_REASONS = 20
local MAX_OBJECTS = 20

local given, excepted, warnings
-- key → { name, object, from, last, seen (the clock at the last warning), n, reasons, objects, n_objects }
local open, n_open
local checked = 0

local key_of = {
  workload = workload.key,
  namespace = function(event) return event.involvedObject.namespace end,
  node = function(event)
    local object = event.involvedObject
    return object.kind == "Node" and object.name or event.source.host
  end,
}

---@param event mooncrier.Event
local function object_of(event, key)
  if given.by == "node" then
    return { apiVersion = "v1", kind = "Node", name = key }
  elseif given.by == "namespace" then
    return { apiVersion = "v1", kind = "Namespace", name = key, namespace = key }
  end
  local object = event.involvedObject
  local name = workload.of(object.kind, object.name)
  return { kind = name == object.name and object.kind or "Workload", name = name, namespace = object.namespace }
end

local function tell(incident, fields)
  fields.involvedObject = incident.object
  fields.firstTimestamp = time.format(incident.from)
  alarm.send(new_event(fields):with({ incident = incident.name }), given.sink)
end

local function account(incident, event)
  local reason, object = event.reason, event.involvedObject
  local n = event.delta
  incident.n = incident.n + n
  if not incident.reasons[reason] then
    incident.n_reasons = incident.n_reasons + 1
    if incident.n_reasons > MAX_REASONS then
      reason = "others"
    end
  end
  incident.reasons[reason] = (incident.reasons[reason] or 0) + n
  if not incident.objects[object.name] and incident.n_objects < MAX_OBJECTS then
    incident.objects[object.name], incident.n_objects = true, incident.n_objects + 1
  end
end

local function reasons_of(incident)
  local names = {}
  for reason in pairs(incident.reasons) do
    names[#names + 1] = reason
  end
  table.sort(names, function(a, b)
    local n, m = incident.reasons[a], incident.reasons[b]
    return n > m or n == m and a < b
  end)
  for i, reason in ipairs(names) do
    names[i] = ("%d %s"):format(incident.reasons[reason], reason)
  end
  return table.concat(names, ", ")
end

local function close(key)
  local incident = open[key]
  open[key], n_open = nil, n_open - 1
  warnings:reset(key)
  tell(incident, {
    type = "Normal",
    reason = "IncidentClosed",
    message = ("Incident of %s is over after %s: %d warning%s about %s%d object%s: %s"):format(key,
      alarm.span(incident.last - incident.from), incident.n, incident.n == 1 and "" or "s",
      incident.n_objects == MAX_OBJECTS and "at least " or "", incident.n_objects,
      incident.n_objects == 1 and "" or "s", reasons_of(incident)),
    lastTimestamp = time.format(incident.last),
    count = math.max(incident.n, 1),
  })
end

-- Closes those without a warning since `now` - quiet, by the time of events or by the clock; in order of their names,
-- so that a recording gives the same twice.
local function close_quiet(is_over)
  local over
  for key, incident in pairs(open) do
    if is_over(incident) then
      over = over or {}
      over[#over + 1] = key
    end
  end
  if over then
    table.sort(over)
    for _, key in ipairs(over) do
      close(key)
    end
  end
end

local function oldest()
  local found
  for key, incident in pairs(open) do
    local than = found and open[found]
    if not than or incident.last < than.last or incident.last == than.last and key < found then
      found = key
    end
  end
  return found
end

---@type mooncrier.Hooks
return {
  tick_every = "5s",

  init = function(init_params)
    given = params.read(init_params, {
      threshold = { "count", 3 },
      window = { "duration", "5m" },
      quiet = { "duration", "10m" },
      by = { "string", "workload" },
      except = { "strings", {} },
      sink = { "sinks", false },
    })
    if not key_of[given.by] then
      error(("parameter 'by' must be \"workload\", \"namespace\" or \"node\", not %q"):format(given.by), 0)
    end
    excepted = match.any(given.except)
    warnings = window.new({ span = given.window, max_keys = 500 })
    open, n_open = {}, 0
  end,

  handle = function(event)
    local now = alarm.time(event)
    -- Not for each event: a second more or less is nothing.
    if n_open > 0 and now - checked >= 1 then
      checked = now
      close_quiet(function(incident) return now - incident.last >= given.quiet end)
    end
    local key = key_of[given.by](event)
    if key == "" or event.change == "deleted" then
      return
    end
    local incident = open[key]
    if event.type == "Warning" and not excepted(event.reason) and event.delta > 0 then
      if not incident then
        local n = warnings:add(key, event.delta, now)
        if n < given.threshold then
          return
        end
        if n_open >= MAX_OPEN then
          close(oldest())
        end
        incident = { name = key .. "@" .. time.format(now), object = object_of(event, key), from = now, last = now,
                     seen = time.now(), n = n - event.delta, reasons = {}, n_reasons = 0, objects = {}, n_objects = 0 }
        incident.reasons.earlier = incident.n > 0 and incident.n or nil
        open[key], n_open = incident, n_open + 1
        tell(incident, {
          type = "Warning",
          reason = "IncidentOpened",
          message = ("Incident of %s: %d warning%s within %s, the last one: %s: %s"):format(key, n,
            n == 1 and "" or "s", alarm.span(given.window), event.reason, event.message),
          lastTimestamp = time.format(now),
        })
      end
      account(incident, event)
      incident.last, incident.seen = math.max(incident.last, now), time.now()
    end
    return incident and event:with({ incident = incident.name })
  end,

  tick = function(now)
    close_quiet(function(incident) return now - incident.seen >= given.quiet end)
  end,

  save = function()
    return { warnings = warnings:save(200 * 1024), open = open, n_open = n_open, checked = checked }
  end,

  restore = function(saved)
    warnings:restore(saved.warnings)
    open, n_open, checked = saved.open, saved.n_open, saved.checked
  end,
}
