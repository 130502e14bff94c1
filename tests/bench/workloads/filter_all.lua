-- The memory and start benches: a filter that looks and lets everything pass.
return {
  filter = function(event)
    return event.type ~= "" and event.reason ~= ""
  end,
}
