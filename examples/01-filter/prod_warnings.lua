-- Keeps the warnings of production that happened more often than `more_than`.
--
-- @param more_than number (5)  occurrences that nobody needs to look at

local match = require("mooncrier.match")
local params = require("mooncrier.params")

local in_production = match.any({ "prod-*", "kube-system" })
local more_than

---@type mooncrier.Hooks
return {
  init = function(given)
    more_than = params.read(given, { more_than = { "number", 5 } }).more_than
  end,

  filter = function(event)
    if event.type ~= "Warning" then
      return false, "not a warning"
    end
    if not in_production(event.metadata.namespace) then
      return false, "not production"
    end
    return event.occurrences > more_than, "not often enough"
  end,
}
