-- Only what mooncrier's own scripts have found: their events have it as source.

---@type mooncrier.Hooks
return {
  filter = function(event)
    return event.source.component == "mooncrier", "not an alarm"
  end,
}
