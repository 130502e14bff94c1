-- The `time` global: times are Unix seconds (numbers with a fraction), texts are RFC 3339 in UTC.

local clock = require("mooncrier.clock")
local durations = require("mooncrier.duration")
local rfc3339 = require("mooncrier.rfc3339")

local floor, type, format, match = math.floor, type, string.format, string.match
local os_date = os.date

local time = {}

---Now in Unix seconds, by the clock of the run (the event's time under replay).
---@return number seconds
function time.now()
  return clock.now()
end

---Reads an RFC 3339 time such as "2026-11-23T05:01:40Z" or "2026-11-23T06:01:40.123456+01:00".
---@param text string
---@return number? seconds nil when the text is no time
---@return string? message what is wrong with it
function time.parse(text)
  return rfc3339.parse(text)
end

---RFC 3339 in UTC with `decimals` digits after the second (0 to 9), cut toward the past.
---@param seconds number Unix seconds
---@param decimals? integer
---@return string
function time.format(seconds, decimals)
  local text, message = rfc3339.format(seconds, decimals)
  if not text then
    error("time.format: " .. message, 2)
  end
  return text
end

---strftime in UTC: time.date("%Y-%m-%d %H:%M", event.time).
---@param fmt string
---@param seconds? number Unix seconds, default now
---@return string
function time.date(fmt, seconds)
  if type(fmt) ~= "string" or match(fmt, "^!") or match(fmt, "^%*t") then
    error("time.date takes a strftime format such as \"%Y-%m-%d\"", 2)
  end
  local text = os_date("!" .. fmt, floor(seconds or clock.now()))
  return text --[[@as string]]
end

---A duration in seconds: "250ms", "10s", "5m", "1h", "2d", or a number of seconds as it is. Anything
---else is an error.
---@param duration string|number
---@return number seconds
function time.duration(duration)
  local seconds = durations.parse(duration)
  if not seconds then
    local shown = type(duration) == "string" and format("%q", duration) or tostring(duration)
    error(format("not a duration: %s (say \"250ms\", \"10s\", \"5m\", \"1h\", \"2d\" or seconds)", shown), 2)
  end
  return seconds
end

---Seconds from `t` (Unix seconds or an RFC 3339 text) to now; negative when `t` is to come.
---@param t number|string
---@return number seconds
function time.since(t)
  local seconds = t
  if type(t) == "string" then
    local message
    seconds, message = rfc3339.parse(t)
    if not seconds then
      error(message, 2)
    end
  elseif type(t) ~= "number" then
    error("time.since takes Unix seconds or an RFC 3339 time, not a " .. type(t), 2)
  end
  return clock.now() - seconds
end

-- Makes `now`, a function that gives Unix seconds, the clock of this state.
return function(now)
  clock.set_source(now)
  return time
end
