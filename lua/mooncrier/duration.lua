-- Durations as they are written everywhere: "250ms", "10s", "5m", "1h", "2d", or a number of seconds.
-- The same grammar as mcr_parse_duration (core/base/units.h).

local tonumber, type = tonumber, type

local duration = {}

local units = { ns = 1e-9, us = 1e-6, ms = 1e-3, s = 1, m = 60, h = 3600, d = 86400, [""] = 1 }

local MAX = 100 * 365 * 86400

-- Seconds, or nil when `value` is no duration.
function duration.parse(value)
  local seconds = value
  if type(value) == "string" then
    local digits, unit = value:match("^(%d[%d.]*)(%a*)$")
    local number, factor = tonumber(digits), units[unit]
    seconds = number and factor and number * factor
  end
  if type(seconds) == "number" and seconds >= 0 and seconds < MAX then
    return seconds
  end
end

return duration
