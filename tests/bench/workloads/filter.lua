-- The run-filter bench: what to do is said in baseline.lua.
local match = require("mooncrier.match")
local prod = match.glob("prod-*")

return {
  filter = function(event)
    return event.type == "Warning"
      and (event.reason == "BackOff" or event.reason == "FailedScheduling")
      and prod(event.metadata.namespace)
  end,
}
