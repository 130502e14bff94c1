---@type mooncrier.Hooks
return {
  filter = function(event)
    return event.type == "Warning", "not a warning"
  end,
}
