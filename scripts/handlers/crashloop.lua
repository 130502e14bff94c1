-- Finds pods in a crash loop. Counts the back-offs of each pod ("Back-off restarting failed container",
-- or the reason CrashLoopBackOff) and, when there are `threshold` of them within `window`, emits one new
-- Warning event CrashLoop about the pod, at most once per window. Every event passes unchanged. Times are
-- those of the events, so a recorded file gives what the live stream gave.
--
-- @param threshold  count     (5)      back-offs within the window that make a loop
-- @param window     duration  ("10m")  the window
-- @param namespaces strings   ("*")    globs: look at pods of these namespaces only
-- @param sink       string    (none)   send the new event straight to this sink of the watcher; without
--                                      it, to all other watchers
--
-- { "handlers/crashloop.lua", threshold = 3, namespaces = { "prod-*" }, sink = "pager" }

local match = require("mooncrier.match")
local params = require("mooncrier.params")
local window = require("mooncrier.window")

local back_off = match.glob("Back-off restarting*")

local given, in_namespaces, back_offs, announced

---@param event mooncrier.Event
local function is_crash(event)
  local reason = event.reason
  return reason == "BackOff" and back_off(event.message) or reason == "CrashLoopBackOff"
end

---@param event mooncrier.Event
---@param n number
---@param now number
local function announce(event, n, now)
  local pod = event.involvedObject
  emit(new_event({
    type = "Warning",
    reason = "CrashLoop",
    message = ("Pod %s/%s is in a crash loop: %d back-offs within %g min, the last one: %s"):format(
      pod.namespace, pod.name, n, given.window / 60, event.message),
    involvedObject = pod,
    firstTimestamp = time.format(now),
    lastTimestamp = time.format(now),
  }), given.sink)
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    given = params.read(init_params, {
      threshold = { "count", 5 },
      window = { "duration", "10m" },
      namespaces = { "strings", "*" },
      sink = { "string", false },
    })
    in_namespaces = match.any(given.namespaces)
    back_offs = window.new({ span = given.window })
    announced = window.once({ every = given.window })
  end,

  handle = function(event)
    if not is_crash(event) or event.change == "deleted" then
      return
    end
    local pod = event.involvedObject
    if not in_namespaces(pod.namespace) then
      return
    end
    local now = event.time > 0 and event.time or time.now()
    local key = pod.namespace .. "/" .. pod.name
    local n = back_offs:add(key, event.delta, now)
    if n >= given.threshold and announced:first(key, now) then
      announce(event, n, now)
    end
  end,

  save = function()
    return { back_offs = back_offs:save(), announced = announced:save() }
  end,

  restore = function(saved)
    back_offs:restore(saved.back_offs)
    announced:restore(saved.announced)
  end,
}
