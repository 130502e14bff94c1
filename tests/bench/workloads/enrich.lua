-- The run-enrich bench: what to do is said in baseline.lua.
local severity = { BackOff = "high", FailedScheduling = "high", Unhealthy = "medium" }

return {
  filter = function(event)
    return event.type ~= "Normal"
  end,
  handle = function(event)
    return event:with({
      severity = severity[event.reason] or "low",
      message = "[" .. event.involvedObject.kind .. "] " .. event.message,
    })
  end,
}
