-- Shows that events flow, and says when they do not. Emits a Normal event Heartbeat each `every`, with how many
-- events came since the last one and how old the newest is: send it to a dead man's switch (healthchecks.io, an
-- Alertmanager watchdog), which tells you when it stays away. When no event has come for `silence`, emits one Warning
-- event Silence, and EventsAgain with the first after that. Goes by the clock, as silence has no event to go by.
-- Every event passes unchanged.
--
-- @param every   duration ("1m")   time between heartbeats
-- @param silence duration ("10m")  without any event this long, it tells
-- @param cluster string   (none)   name of the cluster, for the messages
-- @param sink    sinks    (none)   send its events straight to these sinks of the watcher; without it, to all other
--                                  watchers
--
-- { "handlers/heartbeat.lua", every = "5m", cluster = "prod-1", sink = "watchdog" }

local alarm = require("mooncrier.alarm")
local params = require("mooncrier.params")

local given, of_cluster
-- Since the last heartbeat: occurrences, and the newest time of an event.
local n, newest = 0, 0
-- By the clock: the last heartbeat, the last event, and whether silence was told.
local beat_at, event_at, silent

-- mooncrier itself: its pod, when the downward API says so.
local function self()
  local pod, namespace = env("POD_NAME", ""), env("POD_NAMESPACE", "")
  if pod ~= "" and namespace ~= "" then
    return { apiVersion = "v1", kind = "Pod", namespace = namespace, name = pod, uid = env("POD_UID", "") }
  end
  return { kind = "Process", name = env("HOSTNAME", "mooncrier") }
end

local function tell(kind, reason, message)
  local event = new_event({ type = kind, reason = reason, message = message, involvedObject = self() })
  alarm.send(event, given.sink)
end

---@type mooncrier.Hooks
return {
  tick_every = "1s",

  init = function(init_params)
    given = params.read(init_params, {
      every = { "duration", "1m" },
      silence = { "duration", "10m" },
      cluster = { "string", false },
      sink = { "sinks", false },
    })
    of_cluster = given.cluster and " of cluster " .. given.cluster or ""
    beat_at, event_at = time.now(), time.now()
  end,

  handle = function(event)
    local now = time.now()
    if silent then
      tell("Normal", "EventsAgain", ("events%s come again, after %s"):format(of_cluster, alarm.span(now - event_at)))
    end
    event_at, silent = now, false
    n = n + event.delta
    newest = math.max(newest, event.time)
  end,

  tick = function(now)
    if not silent and now - event_at >= given.silence then
      silent = true
      tell("Warning", "Silence", ("no event%s for %s"):format(of_cluster, alarm.span(now - event_at)))
    end
    if now - beat_at < given.every then
      return
    end
    local age = newest > 0 and ("the newest is %s old"):format(alarm.span(math.max(math.floor(now - newest), 0)))
      or "none so far"
    tell("Normal", "Heartbeat", ("%d event%s%s within %s, %s"):format(n, n == 1 and "" or "s", of_cluster,
      alarm.span(math.floor(now - beat_at + 0.5)), age))
    beat_at, n = now, 0
  end,

  save = function()
    return { n = n, newest = newest, beat_at = beat_at, event_at = event_at, silent = silent }
  end,

  restore = function(saved)
    n, newest, beat_at, event_at, silent = saved.n, saved.newest, saved.beat_at, saved.event_at, saved.silent
  end,
}
