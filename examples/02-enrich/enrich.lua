-- Adds to each event what its readers ask for: the cluster, a summary in one line, and the numbers in the
-- scheduler's message as fields. Takes out managedFields, which nobody reads.
--
-- @param cluster string ()  the name of the cluster

local match = require("mooncrier.match")
local params = require("mooncrier.params")
local template = require("mooncrier.template")

local nodes = match.regex("^(?<fit>\\d+)/(?<all>\\d+) nodes are available: (?<why>.+?)\\.(?: |$)")
local summary = template.compile(
  "{{type | upper}} {{involvedObject.namespace}}/{{involvedObject.name}}: {{message | oneline | truncate 60}}")

local cluster

---@type mooncrier.Hooks
return {
  init = function(given)
    cluster = params.read(given, { cluster = { "string" } }).cluster
  end,

  handle = function(event)
    local found = nodes:captures(event.message)
    return event:with({
      cluster = cluster,
      summary = summary(event),
      nodes = found and { fit = tonumber(found.fit), all = tonumber(found.all), why = found.why },
      metadata = { managedFields = json.null },
    })
  end,
}
