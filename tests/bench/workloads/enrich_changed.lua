-- The diff bench: enrich.lua, but for what Unhealthy is.
local severity = { BackOff = "high", FailedScheduling = "high", Unhealthy = "middling" }

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
