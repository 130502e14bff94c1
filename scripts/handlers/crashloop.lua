-- Finds pods in a crash loop. Counts the back-offs of each pod ("Back-off restarting failed container",
-- or the reason CrashLoopBackOff) and, when there are `threshold` of them within `window`, emits one new
-- Warning event CrashLoop about the pod, at most once per window. Every event passes unchanged. Times are
-- those of the events, so a recorded file gives what the live stream gave.
--
-- @param threshold  count     (5)      back-offs within the window that make a loop
-- @param window     duration  ("10m")  the window
-- @param namespaces strings   ("*")    globs: look at pods of these namespaces only
-- @param sink       sinks     (none)   send the new event straight to these sinks of the watcher; without
--                                      it, to all other watchers
--
-- { "handlers/crashloop.lua", threshold = 3, namespaces = { "prod-*" }, sink = "pager" }

local alarm = require("mooncrier.alarm")
local match = require("mooncrier.match")
local params = require("mooncrier.params")

local back_off = match.glob("Back-off restarting*")

local in_namespaces, loops

---@param event mooncrier.Event
local function is_crash(event)
  local reason = event.reason
  return reason == "BackOff" and back_off(event.message) or reason == "CrashLoopBackOff"
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      threshold = { "count", 5 },
      window = { "duration", "10m" },
      namespaces = { "strings", "*" },
      sink = { "sinks", false },
    })
    in_namespaces = match.any(given.namespaces)
    loops = alarm.new({
      reason = "CrashLoop", threshold = given.threshold, window = given.window, sink = given.sink,
    })
  end,

  handle = function(event)
    local pod = event.involvedObject
    if not is_crash(event) or not in_namespaces(pod.namespace) then
      return
    end
    local due, n = loops:due(pod.namespace .. "/" .. pod.name, event)
    if due then
      loops:raise(event, {
        message = ("Pod %s/%s is in a crash loop: %d back-offs within %s, the last one: %s"):format(
          pod.namespace, pod.name, n, loops.within, event.message),
      })
    end
  end,

  save = function()
    return loops:save()
  end,

  restore = function(saved)
    -- Older versions called the counts back_offs, and what was told, announced.
    loops:restore({ counts = saved.counts or saved.back_offs, told = saved.told or saved.announced })
  end,
}
