-- Renders events as CloudEvents 1.0 in structured mode: {"specversion", "id", "source", "type", "subject", "time",
-- "datacontenttype", "data"}, the data being the Kubernetes event as it came. One to a request, the Content-Type is
-- application/cloudevents+json; many in a JSON array (`batch`), application/cloudevents-batch+json. The renderer sets
-- it.
--
--   id       the event's uid and resourceVersion (without one: its count): a request that is sent twice has the same
--            id twice, a repeat of the event has another
--   type     by default "io.k8s.event.new", ".repeat" or ".deleted"
--   subject  Kind/namespace/name of the object, or Kind/name
--   kind, namespace, name, reason, severity   extensions, for brokers that filter by attributes: the object's,
--            the reason, "Normal" or "Warning"
--
--   sinks = {
--     broker = {
--       kind = "webhook", url = "http://broker-ingress.knative-eventing/prod/default",
--       render = { "renderers/cloudevents.lua", source = "https://prod-1.example.com" },
--     },
--   }
--
-- Batches, where the receiver takes them:
--
--   render = { "renderers/cloudevents.lua", batch = true }, batch = { events = 100, wait = "1s" },
--
-- @param source string  ("/kubernetes")  where events come from, a URI: with it, ids are unique
-- @param type   string  ("io.k8s.event.{{change}}")  template of the type
-- @param batch  boolean (false)          the sink's `batch.events` is above 1
--
-- { "renderers/cloudevents.lua", source = "https://prod-1.example.com" }

local params = require("mooncrier.params")
local template = require("mooncrier.template")

local given, type_of, options

local function last_time(event)
  local series, text = event.series.lastObservedTime, nil
  for _, one in ipairs({ series, event.lastTimestamp, event.eventTime, event.firstTimestamp,
                         event.metadata.creationTimestamp }) do
    text = text or one ~= "" and one or nil
  end
  return text
end

---@param event mooncrier.Event
local function id_of(event)
  local metadata = event.metadata
  local id = metadata.uid ~= "" and metadata.uid or metadata.namespace .. "/" .. metadata.name
  local version = metadata.resourceVersion
  version = version ~= "" and version or ("n%d"):format(event.occurrences)
  return id .. "/" .. version .. (event.change == "deleted" and "/deleted" or "")
end

---@param event mooncrier.Event
local function subject_of(event)
  local object = event.involvedObject
  local parts = {}
  for _, part in ipairs({ object.kind, object.namespace, object.name }) do
    parts[#parts + 1] = part ~= "" and part or nil
  end
  return table.concat(parts, "/")
end

-- Attributes that are there must not be empty.
local function compact(attributes)
  for name, value in pairs(attributes) do
    if value == "" then
      attributes[name] = nil
    end
  end
  return attributes
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    given = params.read(init_params, {
      source = { "string", "/kubernetes" },
      type = { "string", "io.k8s.event.{{change}}" },
      batch = { "boolean", false },
    })
    if given.source == "" then
      error("source: must not be empty", 0)
    end
    type_of = template.compile(given.type)
    local mode = given.batch and "cloudevents-batch+json" or "cloudevents+json"
    options = { headers = { ["Content-Type"] = "application/" .. mode } }
  end,

  render = function(event)
    local object = event.involvedObject
    local attributes = json.encode(compact({
      specversion = "1.0",
      id = id_of(event),
      source = given.source,
      type = type_of(event),
      subject = subject_of(event),
      time = last_time(event),
      datacontenttype = "application/json",
      kind = object.kind,
      namespace = object.namespace,
      name = object.name,
      reason = event.reason,
      severity = event.type,
    }))
    -- The event's own text, not made anew.
    return attributes:sub(1, -2) .. ',"data":' .. json.encode(event) .. "}", options
  end,
}
