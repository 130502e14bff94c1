-- Keeps the phone still at night. In quiet hours only what is urgent passes: reasons of `urgent`, and events with a
-- field `severity` of "critical" (handlers/severity.lua gives it). All others are dropped, counted in the ledger, and
-- told of when the quiet hours are over: one Normal event QuietHoursOver with how many of each reason there were. Put
-- it before the sink that wakes people, not before the archive. Whether it is quiet is decided by the time of the
-- event. What is left at the end of the program needs `sink`: the other watchers have ended by then.
--
-- @param hours   strings ("22:00-07:00")  when it is quiet: "22:00-07:00" each day, "Sat,Sun 00:00-24:00", "Mon-Fri
--                                         18:30-08:00" (beginning on these days), or one time, such as maintenance:
--                                         "2026-11-23T22:00:00Z/2026-11-24T02:00:00Z"
-- @param zone    string  ("UTC")          of the hours: "UTC", "+01:00", or "local", that of the process (TZ)
-- @param namespaces strings ("*")         globs: where it is quiet then; events of other namespaces pass
-- @param urgent  strings ("NodeNotReady", "SystemOOM", "OOMKilling", "OutOfMemory", "CrashLoop", "EvictionStorm",
--                         "NodeFlapping", "SLOBurn", "Silence")   globs of reasons that pass all the same
-- @param sink    sinks   (none)           send the summary straight to these sinks of the watcher; without it, to all
--                                         other watchers
--
-- { "handlers/quiet_hours.lua", hours = { "22:00-07:00", "Sat,Sun 00:00-24:00" }, zone = "local", sink = "slack" }

local alarm = require("mooncrier.alarm")
local match = require("mooncrier.match")
local params = require("mooncrier.params")

local DAY = 86400
-- Events come out of order: the summary waits for those that are late.
local LATE = 300
local MAX_REASONS = 200
local day_numbers = { Sun = 0, Mon = 1, Tue = 2, Wed = 3, Thu = 4, Fri = 5, Sat = 6 }

local given, is_urgent, in_namespaces, offset_at, quiet_times
-- What was held back: reason → occurrences, the first and the last time, and when that was by the clock.
local held, held_n, held_reasons, held_from, held_to, held_at

local function bad(text, why)
  error(("parameter 'hours': %q %s"):format(text, why), 0)
end

-- "Mon-Fri" or "Sat,Sun" → { [1] = true, … }, days from Sunday = 0 on
local function read_days(text, whole)
  local days = {}
  for part in (text .. ","):gmatch("(.-),") do
    local from, to = part:match("^(%a+)%-(%a+)$")
    from, to = day_numbers[from or part], day_numbers[to or part]
    if not from or not to then
      bad(whole, "has days that are none of Mon, Tue, Wed, Thu, Fri, Sat, Sun")
    end
    local day = from
    while true do
      days[day] = true
      if day == to then
        break
      end
      day = (day + 1) % 7
    end
  end
  return days
end

local function read_minute(hour, minute, whole)
  hour, minute = tonumber(hour), tonumber(minute)
  if hour > 24 or minute > 59 or hour == 24 and minute > 0 then
    bad(whole, "has a time of day that is none")
  end
  return hour * 3600 + minute * 60
end

local function read_hours(text)
  local from, to = text:match("^(%d.*T.*)/(%d.*T.*)$")
  if from then
    from, to = time.parse(from), time.parse(to)
    if not from or not to or from >= to then
      bad(text, "is no time from one RFC 3339 time to a later one")
    end
    return { once = true, from = from, to = to }
  end
  local days, h1, m1, h2, m2 = text:match("^(%S*)%s*%f[%d](%d%d?):(%d%d)%-(%d%d?):(%d%d)$")
  if not days then
    bad(text, "is none of \"22:00-07:00\", \"Mon-Fri 18:30-08:00\" and \"2026-11-23T22:00:00Z/2026-11-24T02:00:00Z\"")
  end
  from, to = read_minute(h1, m1, text), read_minute(h2, m2, text)
  return { days = days ~= "" and read_days(days, text), from = from, to = to <= from and to + DAY or to }
end

-- Seconds that clocks of the zone are ahead of UTC.
local function read_zone(text)
  if text == "UTC" then
    return function() return 0 end
  elseif text == "local" then
    return function(at)
      local sign, hours, minutes = os.date("%z", math.floor(at)):match("^([+-])(%d%d)(%d%d)$")
      return (sign == "-" and -1 or 1) * (hours * 3600 + minutes * 60)
    end
  end
  local sign, hours, minutes = text:match("^([+-])(%d%d):(%d%d)$")
  if not sign then
    error(("parameter 'zone' must be \"UTC\", \"local\" or like \"+01:00\", not %q"):format(text), 0)
  end
  local seconds = (sign == "-" and -1 or 1) * (hours * 3600 + minutes * 60)
  return function() return seconds end
end

local function is_quiet(at)
  local here = at + offset_at(at)
  local second = here % DAY
  local day = (math.floor(here / DAY) + 4) % 7 -- 1970 began on a Thursday
  for i = 1, #quiet_times do
    local hours = quiet_times[i]
    if hours.once then
      if at >= hours.from and at < hours.to then
        return true
      end
    else
      local days = hours.days
      -- Today's, and those that began yesterday.
      if second >= hours.from and second < hours.to and (not days or days[day])
          or second + DAY < hours.to and (not days or days[(day + 6) % 7]) then
        return true
      end
    end
  end
  return false
end

local function forget()
  held, held_n, held_reasons, held_from, held_to, held_at = {}, 0, 0, nil, nil, nil
end

local function summary(now)
  local names = {}
  for reason in pairs(held) do
    names[#names + 1] = reason
  end
  table.sort(names, function(a, b)
    return held[a] > held[b] or held[a] == held[b] and a < b
  end)
  local words = {}
  for i = 1, math.min(#names, 8) do
    words[i] = ("%d %s"):format(held[names[i]], names[i])
  end
  if #names > #words then
    words[#words + 1] = ("and of %d more reasons"):format(#names - #words)
  end
  local event = new_event({
    reason = "QuietHoursOver",
    message = ("The quiet hours are over; held back from %s to %s: %s"):format(time.format(held_from),
      time.format(held_to), table.concat(words, ", ")),
    involvedObject = { kind = "Cluster", name = "cluster" },
    firstTimestamp = time.format(held_from),
    lastTimestamp = time.format(math.max(now, held_to)),
    count = held_n,
  })
  forget()
  alarm.send(event, given.sink)
end

---@type mooncrier.Hooks
return {
  tick_every = "10s",

  init = function(init_params)
    given = params.read(init_params, {
      hours = { "strings", "22:00-07:00" },
      zone = { "string", "UTC" },
      namespaces = { "strings", "*" },
      urgent = { "strings", { "NodeNotReady", "SystemOOM", "OOMKilling", "OutOfMemory", "CrashLoop", "EvictionStorm",
                              "NodeFlapping", "SLOBurn", "Silence" } },
      sink = { "sinks", false },
    })
    offset_at = read_zone(given.zone)
    is_urgent, in_namespaces = match.any(given.urgent), match.any(given.namespaces)
    quiet_times = {}
    for i, text in ipairs(given.hours) do
      quiet_times[i] = read_hours(text)
    end
    forget()
  end,

  filter = function(event)
    local now = alarm.time(event)
    if not is_quiet(now) then
      if held_from and now - held_to >= LATE then
        summary(now)
      end
      return true
    end
    if is_urgent(event.reason) or event:get("severity") == "critical"
        or not in_namespaces(event.metadata.namespace) then
      return true
    end
    local reason = event.reason ~= "" and event.reason or "(no reason)"
    if not held[reason] then
      held_reasons = held_reasons + 1
      reason = held_reasons > MAX_REASONS and "(others)" or reason
    end
    local n = math.max(event.delta, 1)
    held[reason], held_n = (held[reason] or 0) + n, held_n + n
    held_from, held_to = math.min(held_from or now, now), math.max(held_to or now, now)
    held_at = time.now()
    return false, "quiet hours"
  end,

  -- Nobody may have anything to say in the morning. When the events are of another time than the clock (a recording),
  -- as many seconds have passed for them as for the clock since the last one.
  tick = function(now)
    local at = held_from and held_to + math.max(now - held_at, 0)
    if at and at - held_to >= LATE and not is_quiet(at) then
      summary(at)
    end
  end,

  fini = function()
    if held_from then
      summary(held_to)
    end
  end,

  save = function()
    return { held = held, held_n = held_n, held_reasons = held_reasons, held_from = held_from, held_to = held_to,
             held_at = held_at }
  end,

  restore = function(saved)
    held, held_n, held_reasons = saved.held, saved.held_n, saved.held_reasons
    held_from, held_to, held_at = saved.held_from, saved.held_to, saved.held_at
  end,
}
