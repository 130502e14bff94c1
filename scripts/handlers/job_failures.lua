-- Tells of Jobs that failed, and of CronJobs that keep failing. A Job of its own is told of when it fails; one of a
-- CronJob when `threshold` in a row have failed, as one that succeeds begins the count anew. What keeps a CronJob
-- from starting Jobs (missed schedules, a schedule or time zone that cannot be read, Jobs that cannot be created)
-- counts as a failure of the CronJob. Emits one Warning event JobFailure per Job or CronJob and window; every event
-- passes unchanged.
--
-- @param threshold  count    (1)      failures in a row of a CronJob that are told of
-- @param window     duration ("1d")   failures further apart than this are not in a row; and the time to the next event
--                                     about the same CronJob
-- @param namespaces strings  ("*")    globs: look at Jobs of these namespaces only
-- @param sink       sinks    (none)   send the new event straight to these sinks of the watcher; without it, to all
--                                     other watchers
--
-- { "handlers/job_failures.lua", threshold = 2, window = "3d", sink = "slack" }

local alarm = require("mooncrier.alarm")
local match = require("mooncrier.match")
local params = require("mooncrier.params")
local window = require("mooncrier.window")
local workload = require("mooncrier.workload")

-- Reasons of failure by kind.
local failed = {
  Job = match.any({ "BackoffLimitExceeded", "DeadlineExceeded", "PodFailurePolicy", "FailedIndexes",
                    "MaxFailedIndexesExceeded" }),
  CronJob = match.any({ "MissSchedule", "FailedNeedsStart", "TooManyMissedTimes", "InvalidSchedule",
                        "UnparseableSchedule", "UnParseableCronJobSchedule", "UnknownTimeZone", "FailedCreate" }),
}

local in_namespaces, threshold, failures
-- A Job counts once, whatever is told of its failure.
local known

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      threshold = { "count", 1 },
      window = { "duration", "1d" },
      namespaces = { "strings", "*" },
      sink = { "sinks", false },
    })
    in_namespaces, threshold = match.any(given.namespaces), given.threshold
    failures = alarm.new({ reason = "JobFailure", window = given.window, sink = given.sink, max_keys = 3000 })
    known = window.once({ every = given.window, max_keys = 1000 })
  end,

  handle = function(event)
    local object = event.involvedObject
    local kind = object.kind
    local is_failure = failed[kind]
    if not is_failure or event.delta <= 0 or not in_namespaces(object.namespace) then
      return
    end
    local key = workload.key(event)
    if kind == "Job" and event.reason == "Completed" then
      failures:reset(key)
      return
    end
    if not is_failure(event.reason) then
      return
    end
    local now = alarm.time(event)
    -- A missed schedule is told again and again, in one event or in many.
    if not known:first(key .. "\0" .. object.name .. "\0" .. (kind == "Job" and "" or event.message), now) then
      return
    end
    local owner = workload.of(kind, object.name)
    local of_cron_job = kind == "CronJob" or owner ~= object.name
    local due, n = failures:due(key, event, 1, of_cron_job and threshold or 1)
    if not due then
      return
    end
    local text = ("Job %s failed: %s"):format(object.namespace .. "/" .. object.name, event.message)
    if of_cron_job then
      text = ("CronJob %s/%s failed %s, the last time with %s %s: %s"):format(object.namespace, owner,
        n == 1 and "once" or n .. " times in a row", kind, object.name, event.message)
    end
    failures:raise(event, { message = text })
  end,

  save = function()
    -- All of it has to fit into 1 MiB.
    return { failures = failures:save(500 * 1024), known = known:save(400 * 1024) }
  end,

  restore = function(saved)
    failures:restore(saved.failures)
    known:restore(saved.known)
  end,
}
