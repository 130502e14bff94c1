-- Renders events for Grafana Loki: POST /loki/api/v1/push takes {"streams": [{"stream": {labels}, "values":
-- [["<Unix nanoseconds>", "<line>", {structured metadata}]]}]} and answers 204. Each event is a stream with one line;
-- Loki puts those with the same labels together. Labels are few, as Loki wants them: `job`, `namespace`, `kind` (of
-- the object), `type`. Reason, name, uid, component, host and count are structured metadata (Loki 3, or 2.9 with
-- allow_structured_metadata). Deleted events are left out.
--
--   sinks = {
--     loki = {
--       kind = "webhook", url = "http://loki.monitoring:3100/loki/api/v1/push", gzip = true,
--       render = { "renderers/loki.lua", labels = { cluster = "prod-1" } },
--       batch = { events = 500, wait = "1s", prefix = '{"streams":[', suffix = "]}" },
--       -- headers = { ["X-Scope-OrgID"] = "tenant" },
--     },
--   }
--
-- `prefix` and `suffix` are needed without batches, too. A line is at the time of the event's last occurrence; Loki
-- refuses with 400 what is older than its reject_old_samples_max_age (a week): that goes to the dead letters.
--
-- Ask with {job="kubernetes-events", type="Warning"} | reason="BackOff" | json
--
-- @param labels   table   ()      more labels of all lines, name = value; they win over those above
-- @param job      string  ("kubernetes-events")  the label `job`
-- @param line     string  (none)  template of the line, "{{reason}} {{involvedObject.name}}: {{message | oneline}}";
--                                 left out: the event's JSON
-- @param metadata boolean (true)  structured metadata; older Loki answers 400 to it
--
-- { "renderers/loki.lua", labels = { cluster = "prod-1" }, line = "{{reason}} {{message | oneline}}" }

local params = require("mooncrier.params")
local template = require("mooncrier.template")

local given, line

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

-- Unix nanoseconds as digits: a number would lose the last of them.
---@param event mooncrier.Event
local function nanoseconds(event)
  local series, text = event.series.lastObservedTime, nil
  for _, one in ipairs({ series, event.lastTimestamp, event.eventTime, event.firstTimestamp,
                         event.metadata.creationTimestamp }) do
    text = text or one ~= "" and one
  end
  local fraction = text and text:match("%.(%d+)") or ""
  local seconds = text and time.parse((text:gsub("%.%d+", ""))) or time.now()
  return ("%d%s"):format(seconds, (fraction .. "000000000"):sub(1, 9))
end

---@param event mooncrier.Event
local function labels_of(event)
  local labels = {
    job = given.job,
    namespace = event.involvedObject.namespace,
    kind = event.involvedObject.kind,
    type = event.type,
  }
  for name, value in pairs(given.labels) do
    labels[name] = value
  end
  return compact(labels)
end

---@param event mooncrier.Event
local function metadata_of(event)
  return compact({
    reason = event.reason,
    name = event.involvedObject.name,
    uid = event.involvedObject.uid,
    component = event.source.component ~= "" and event.source.component or event.reportingComponent,
    host = event.source.host,
    count = ("%d"):format(event.occurrences),
  })
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    given = params.read(init_params, {
      labels = { "table", {} },
      job = { "string", "kubernetes-events" },
      line = { "string", false },
      metadata = { "boolean", true },
    })
    check_labels(given.labels)
    line = given.line and template.compile(given.line) or json.encode
  end,

  render = function(event)
    if event.change == "deleted" then
      return false
    end
    return {
      stream = labels_of(event),
      values = { { nanoseconds(event), line(event), given.metadata and metadata_of(event) or nil } },
    }
  end,
}
