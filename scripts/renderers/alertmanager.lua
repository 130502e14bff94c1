-- Renders events as alerts of Prometheus' Alertmanager: POST /api/v2/alerts takes a JSON array of {"labels",
-- "annotations", "startsAt", "endsAt", "generatorURL"}. An alert is known by its labels, which are those of the
-- object and the reason: repeats of an event make its alert last longer, they do not make another. It ends
-- `resolve_after` the last occurrence. Deleted events are left out: they only say that the record is too old.
--
--   alertname   the reason                       severity   "warning" or "info"
--   kind, name, namespace                        of the object
--   component   who reported it
--
-- Labels without a value are left out, as Alertmanager does itself. Annotations are `summary`, `description` (the
-- message), `count` and `host`. A 400 (a label that it does not like) goes to the dead letters with its words.
--
--   sinks = {
--     alerts = {
--       kind = "webhook", url = "http://alertmanager.monitoring:9093/api/v2/alerts",
--       render = { "renderers/alertmanager.lua", labels = { cluster = "prod-1" } },
--       batch = { events = 64, wait = "1s" },              -- the format "json" is the array that is wanted
--     },
--   }
--
-- Without batches, the array must still be one: batch = { prefix = "[", suffix = "]" }.
--
-- @param labels        table    ()      more labels of all alerts, name = value; they win over those above
-- @param resolve_after duration ("5m")  how long after its last occurrence an event is an alert
-- @param normal        boolean  (false) Normal events are alerts as well (severity "info")
-- @param link          string   (none)  template of the generatorURL,
--                                       "https://example.com/{{involvedObject.namespace}}/{{involvedObject.name}}"
--
-- { "renderers/alertmanager.lua", labels = { cluster = "prod-1" }, resolve_after = "15m" }

local params = require("mooncrier.params")
local template = require("mooncrier.template")

local given, link

local function check_labels(labels)
  for name, value in pairs(labels) do
    if type(name) ~= "string" or not name:find("^[%a_][%w_]*$") then
      error(("labels: '%s' is no name of a label: letters, digits and _"):format(tostring(name)), 0)
    end
    if type(value) ~= "string" then
      error(("labels: %s must be a string, not a %s"):format(name, type(value)), 0)
    end
  end
end

-- Those with a value.
local function compact(fields)
  for name, value in pairs(fields) do
    if value == "" then
      fields[name] = nil
    end
  end
  return fields
end

---@param event mooncrier.Event
local function labels_of(event)
  local object = event.involvedObject
  local labels = {
    alertname = event.reason ~= "" and event.reason or "KubernetesEvent",
    severity = event.type == "Warning" and "warning" or "info",
    kind = object.kind,
    name = object.name,
    namespace = object.namespace,
    component = event.source.component ~= "" and event.source.component or event.reportingComponent,
  }
  for name, value in pairs(given.labels) do
    labels[name] = value
  end
  return compact(labels)
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    given = params.read(init_params, {
      labels = { "table", {} },
      resolve_after = { "duration", "5m" },
      normal = { "boolean", false },
      link = { "string", false },
    })
    check_labels(given.labels)
    link = given.link and template.compile(given.link)
  end,

  render = function(event)
    if event.change == "deleted" or event.type ~= "Warning" and not given.normal then
      return false
    end
    local object = event.involvedObject
    local last = event.time > 0 and event.time or time.now()
    local first = math.min(time.parse(event.firstTimestamp) or time.parse(event.eventTime) or last, last)
    local url = link and link(event):gsub("[^%w%-._~:/?#%[%]@!$&'()*+,;=%%]", function(byte)
      return ("%%%02X"):format(byte:byte())
    end)
    return {
      labels = labels_of(event),
      annotations = compact({
        summary = ("%s: %s %s"):format(event.reason, object.kind,
          object.namespace ~= "" and object.namespace .. "/" .. object.name or object.name),
        description = event.message,
        count = ("%d"):format(event.occurrences),
        host = event.source.host,
      }),
      startsAt = time.format(first),
      endsAt = time.format(last + given.resolve_after),
      generatorURL = url,
    }
  end,
}
