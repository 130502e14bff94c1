-- Counts towards a service level objective, and tells when its error budget burns too fast. Of the events it knows,
-- those of `good` reasons say that something went well, those of `bad` reasons that it did not: Jobs that completed
-- or failed, pods that started or backed off. Burning at rate 1 uses up the budget exactly; when both the last
-- `window` and the last twelfth of it burn faster than `burn`, emits one Warning event SLOBurn for each namespace (or
-- workload) and window; the short one makes it end soon after the trouble does. With `report`, a Normal event
-- SLOReport tells of each how it stands, so often. Every event passes unchanged.
--
-- @param good      strings  ("Started", "Completed")   globs of reasons
-- @param bad       strings  ("BackOff", "BackoffLimitExceeded", "DeadlineExceeded",
--                             "FailedCreatePodSandBox")   globs of reasons
-- @param objective number   (99)     per cent that have to go well
-- @param window    duration ("1h")   the window
-- @param burn      number   (14.4)   times faster than the budget allows; at 14.4, 2 % of a month's in an hour
-- @param least     count    (20)     fewer events than this within the window say nothing
-- @param by        string   ("namespace")  count for each "namespace", "workload" or "cluster"
-- @param name      string   ("events")     what the objective is called, for the messages
-- @param report    duration (none)   time between reports
-- @param sink      sinks    (none)   send the new events straight to these sinks of the watcher; without it, to all
--                                    other watchers
--
-- { "handlers/slo.lua", good = "Completed", bad = "BackoffLimitExceeded", objective = 99.5, burn = 6, name = "batch" }

local alarm = require("mooncrier.alarm")
local match = require("mooncrier.match")
local params = require("mooncrier.params")
local window = require("mooncrier.window")
local workload = require("mooncrier.workload")

local MAX_KEYS = 500

local given, is_good, is_bad, budget
local burning
-- What went well and what did not, in the window and in the last twelfth of it.
local good, bad, good_lately, bad_lately
local reported_at

local key_of = {
  cluster = function() return "cluster" end,
  namespace = function(event) return event.involvedObject.namespace end,
  workload = workload.key,
}

-- What a key stands for, as the object of an event.
local function object_of(key)
  if given.by == "namespace" then
    return { apiVersion = "v1", kind = "Namespace", name = key, namespace = key }
  elseif given.by == "workload" then
    local namespace, name = key:match("^([^/]+)/(.+)$")
    return { kind = "Workload", name = name or key, namespace = namespace }
  end
  return { kind = "Cluster", name = "cluster" }
end

-- How fast the budget burns, and of how many events.
local function burn_of(goods, bads, key, now)
  local n_good, n_bad = goods:count(key, now), bads:count(key, now)
  local n = n_good + n_bad
  return n > 0 and n_bad / n / budget or 0, n, n_bad
end

local function per_cent(n, of)
  return (("%.2f"):format(n / of * 100):gsub("%.?0+$", ""))
end

local function report(now)
  local keys = {}
  for key in good:each(now) do
    keys[#keys + 1] = key
  end
  for key in bad:each(now) do
    if good:count(key, now) == 0 then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local rate, n, n_bad = burn_of(good, bad, key, now)
    alarm.send(new_event({
      reason = "SLOReport",
      message = ("%s of %s: %s %% of %d within %s went well, the objective is %g %%; the budget burns at %.1f"):format(
        given.name, key, per_cent(n - n_bad, n), n, burning.within, given.objective, rate),
      involvedObject = object_of(key),
      firstTimestamp = time.format(now),
      lastTimestamp = time.format(now),
    }), given.sink)
  end
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    given = params.read(init_params, {
      good = { "strings", { "Started", "Completed" } },
      bad = { "strings", { "BackOff", "BackoffLimitExceeded", "DeadlineExceeded", "FailedCreatePodSandBox" } },
      objective = { "number", 99 },
      window = { "duration", "1h" },
      burn = { "number", 14.4 },
      least = { "count", 20 },
      by = { "string", "namespace" },
      name = { "string", "events" },
      report = { "duration", false },
      sink = { "sinks", false },
    })
    if given.objective <= 0 or given.objective >= 100 then
      error(("parameter 'objective' must be between 0 and 100 per cent, not %g"):format(given.objective), 0)
    elseif not key_of[given.by] then
      error(("parameter 'by' must be \"namespace\", \"workload\" or \"cluster\", not %q"):format(given.by), 0)
    elseif given.burn * (100 - given.objective) > 100 then
      error(("parameter 'burn': at an objective of %g %% nothing burns faster than %g"):format(given.objective,
        100 / (100 - given.objective)), 0)
    end
    is_good, is_bad = match.any(given.good), match.any(given.bad)
    budget = 1 - given.objective / 100
    burning = alarm.new({ reason = "SLOBurn", window = given.window, sink = given.sink, max_keys = MAX_KEYS })
    local function new(span)
      return window.new({ span = span, steps = 12, max_keys = MAX_KEYS })
    end
    good, bad = new(given.window), new(given.window)
    good_lately, bad_lately = new(given.window / 12), new(given.window / 12)
  end,

  handle = function(event)
    local reason = event.reason
    local went_wrong = is_bad(reason)
    if not went_wrong and not is_good(reason) then
      return
    end
    local key = key_of[given.by](event)
    if key == "" then
      return
    end
    local now = alarm.time(event)
    if given.report then
      reported_at = reported_at or now
      if now - reported_at >= given.report then
        report(now)
        reported_at = now
      end
    end
    local n = event.delta
    if n <= 0 then
      return
    elseif not went_wrong then
      good:add(key, n, now)
      good_lately:add(key, n, now)
      return
    end
    bad:add(key, n, now)
    bad_lately:add(key, n, now)
    local rate, all, failed = burn_of(good, bad, key, now)
    if all < given.least or rate < given.burn or burn_of(good_lately, bad_lately, key, now) < given.burn then
      return
    end
    if burning:due(key, event, 1) then
      burning:raise(event, {
        involvedObject = object_of(key),
        message = ("%s of %s: %d of %d went wrong within %s (%s %%, the objective allows %s %%): "
          .. "the error budget burns %.1f times too fast, the last one: %s %s %s"):format(given.name, key, failed, all,
          burning.within, per_cent(failed, all), per_cent(budget, 1), rate, event.involvedObject.kind,
          event.involvedObject.name, reason),
      })
    end
  end,

  save = function()
    -- All of it has to fit into 1 MiB.
    local part = 180 * 1024
    return { burning = burning:save(part), good = good:save(part), bad = bad:save(part),
             good_lately = good_lately:save(part), bad_lately = bad_lately:save(part), reported_at = reported_at }
  end,

  restore = function(saved)
    burning:restore(saved.burning)
    good:restore(saved.good)
    bad:restore(saved.bad)
    good_lately:restore(saved.good_lately)
    bad_lately:restore(saved.bad_lately)
    reported_at = saved.reported_at
  end,
}
