-- Tells of processes that the kernel killed for want of memory. It knows the kubelet's SystemOOM and the node problem
-- detector's OOMKilling (both about the node), and PreviousContainerWasOOMKilled of kubernetes-oom-event-generator
-- (about the pod); emits one Warning event OutOfMemory per node or pod and window, with the last victim. Every event
-- passes unchanged. Kubernetes itself makes no event of a container killed at its own limit: without one of these
-- detectors all that is seen of it is the back-off (handlers/crashloop.lua).
--
-- @param threshold count    (1)     kills within the window that are told of
-- @param window    duration ("1h")  the window
-- @param sink      sinks    (none)  send the new event straight to these sinks of the watcher; without it, to all
--                                   other watchers
--
-- { "handlers/oom_kills.lua", threshold = 2, sink = "pager" }

local alarm = require("mooncrier.alarm")
local match = require("mooncrier.match")
local params = require("mooncrier.params")

local is_kill = match.any({ "SystemOOM", "OOMKilling", "PreviousContainerWasOOMKilled" })

-- The kubelet: "…, victim process: java, pid: 4711"; kernels, old and new: "Kill process 4711 (java) score …",
-- "Killed process 4711 (java) total-vm:…"; the event generator: "… of the container 'app' (…) was OOMKilled".
local victims = {
  "victim process: ([^,]+)",
  "[Kk]ill[ed]* process %d+ %((.-)%)",
  "[Kk]ill[ed]* process %d+, UID %d+, %((.-)%)",
  "container '([^']+)'",
}

local kills

local function victim_of(message)
  for i = 1, #victims do
    local name = message:match(victims[i])
    if name then
      return name
    end
  end
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      threshold = { "count", 1 },
      window = { "duration", "1h" },
      sink = { "sinks", false },
    })
    kills = alarm.new({
      reason = "OutOfMemory", threshold = given.threshold, window = given.window, sink = given.sink,
    })
  end,

  handle = function(event)
    if not is_kill(event.reason) then
      return
    end
    local object = event.involvedObject
    local name = object.namespace ~= "" and object.namespace .. "/" .. object.name or object.name
    local due, n = kills:due(object.kind .. "/" .. name, event)
    if due then
      local victim = victim_of(event.message)
      kills:raise(event, {
        message = ("%s %s ran out of memory: %d kill%s within %s, %s"):format(object.kind, name, n,
          n == 1 and "" or "s", kills.within,
          victim and "the last victim: " .. victim or "the last one: " .. event.message),
      })
    end
  end,

  save = function()
    return kills:save()
  end,

  restore = function(saved)
    kills:restore(saved)
  end,
}
