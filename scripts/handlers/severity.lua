-- Gives every event a top-level field `severity`: "critical", "error", "warning" or "info". The first
-- list that names the event's reason decides; other Warning events are "warning", the rest is "info".
-- routes/by_severity.lua sends events where their severity belongs.
--
-- @param critical strings ("NodeNotReady", "SystemOOM", "OOMKilling", "Evicted", "Preempted", "CrashLoop*",
--                          "OutOfMemory", "EvictionStorm", "NodeFlapping", "SLOBurn", "Silence")   globs of reasons
-- @param error    strings ("BackOff", "Failed*", "*Error", "BackoffLimitExceeded", "DeadlineExceeded",
--                          "*Failed", "*Failure", "*QuotaExceeded", "VolumeTrouble", "IncidentOpened")
--                          globs of reasons, of Warning events only
--
-- { "handlers/severity.lua", critical = { "NodeNotReady", "BackupFailed" } }

local match = require("mooncrier.match")
local params = require("mooncrier.params")

local is_critical, is_error

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      critical = {
        "strings",
        {
          "NodeNotReady", "SystemOOM", "OOMKilling", "Evicted", "Preempted", "CrashLoop*",
          -- What other scripts find.
          "OutOfMemory", "EvictionStorm", "NodeFlapping", "SLOBurn", "Silence",
        },
      },
      error = {
        "strings",
        {
          "BackOff", "Failed*", "*Error", "BackoffLimitExceeded", "DeadlineExceeded", "*Failed",
          "*Failure", "*QuotaExceeded", "VolumeTrouble", "IncidentOpened",
        },
      },
    })
    is_critical, is_error = match.any(given.critical), match.any(given.error)
  end,

  handle = function(event)
    local reason = event.reason
    local severity = "info"
    if is_critical(reason) then
      severity = "critical"
    elseif event.type == "Warning" then
      severity = is_error(reason) and "error" or "warning"
    end
    return event:with({ severity = severity })
  end,
}
