-- Tells of pods whose volumes or containers fail again and again: `filter` chooses, `render` says what is sent.
--
-- @param at_least count (3)  occurrences before somebody is told

local match = require("mooncrier.match")
local params = require("mooncrier.params")
local template = require("mooncrier.template")

local failure = match.any({ "Failed*", "ErrImage*" })
local line = template.compile("{{message | oneline | truncate 60}}")
local at_least

---@type mooncrier.Hooks
return {
  init = function(given)
    at_least = params.read(given, { at_least = { "count", 3 } }).at_least
  end,

  filter = function(event)
    return failure(event.reason) and event.involvedObject.kind == "Pod" and event.occurrences >= at_least, "no failure"
  end,

  -- A table is sent as JSON. `false` would send nothing, nil the event itself.
  render = function(event)
    return {
      pod = event.involvedObject.namespace .. "/" .. event.involvedObject.name,
      reason = event.reason,
      times = event.occurrences,
      text = line(event),
    }
  end,
}
