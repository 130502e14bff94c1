-- The run-route bench: what to do is said in baseline.lua.
local sinks = { BackOff = "backoff", FailedScheduling = "scheduling" }

return {
  route = function(event)
    return sinks[event.reason] or "rest"
  end,
}
