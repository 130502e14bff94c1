-- Keeps what loops.lua emits.

---@type mooncrier.Hooks
return {
  filter = function(event)
    return event.reason == "CrashLoop", "no alert"
  end,
}
