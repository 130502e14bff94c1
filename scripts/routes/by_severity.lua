-- Sends events to sinks by their `severity` (handlers/severity.lua gives it); an event without one is
-- "warning" when it is a Warning, else "info".
--
-- @param critical sinks (none)  sinks of critical events
-- @param error    sinks (none)  sinks of error events
-- @param warning  sinks (none)  sinks of warning events
-- @param info     sinks (none)  sinks of all others
--
-- A severity that is left out goes to all sinks of the watcher; one with {} goes nowhere.
--
-- { "routes/by_severity.lua", critical = { "pager", "archive" }, info = {}, error = "archive" }

local params = require("mooncrier.params")

local sinks_of

---@type mooncrier.Hooks
return {
  init = function(init_params)
    sinks_of = params.read(init_params, {
      critical = { "sinks", false },
      error = { "sinks", false },
      warning = { "sinks", false },
      info = { "sinks", false },
    })
  end,

  route = function(event)
    local severity = event:get("severity")
    if severity == nil then
      severity = event.type == "Warning" and "warning" or "info"
    end
    return sinks_of[severity]
  end,
}
