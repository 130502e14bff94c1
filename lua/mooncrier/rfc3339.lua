-- RFC 3339 times to Unix seconds (numbers with a fraction) and back.

local floor, min, tonumber, type = math.floor, math.min, tonumber, type
local match, format = string.match, string.format

local DAY = 86400

-- Days from 1970-01-01 to a date of the Gregorian calendar, and back: years counted from March, so
-- that the leap day is the last of its year.
local function days_from_date(year, month, day)
  if month <= 2 then
    year = year - 1
  end
  local era = floor(year / 400)
  local year_of_era = year - era * 400
  local month_from_march = (month + 9) % 12
  local day_of_year = floor((153 * month_from_march + 2) / 5) + day - 1
  local day_of_era = year_of_era * 365 + floor(year_of_era / 4) - floor(year_of_era / 100)
    + day_of_year
  return era * 146097 + day_of_era - 719468
end

local function date_from_days(days)
  days = days + 719468
  local era = floor(days / 146097)
  local day_of_era = days - era * 146097
  local year_of_era = floor((day_of_era - floor(day_of_era / 1460) + floor(day_of_era / 36524)
    - floor(day_of_era / 146096)) / 365)
  local day_of_year = day_of_era
    - (365 * year_of_era + floor(year_of_era / 4) - floor(year_of_era / 100))
  local month_from_march = floor((5 * day_of_year + 2) / 153)
  local day = day_of_year - floor((153 * month_from_march + 2) / 5) + 1
  local month = (month_from_march + 2) % 12 + 1
  local year = year_of_era + era * 400
  if month <= 2 then
    year = year + 1
  end
  return year, month, day
end

local month_days = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local rfc3339 = {}

-- Seconds, or nil and what is wrong with the text.
function rfc3339.parse(text)
  if type(text) ~= "string" then
    return nil, "a time is a string, not a " .. type(text)
  end
  local y, mo, d, h, mi, s, fraction, zone =
    match(text, "^(%d%d%d%d)-(%d%d)-(%d%d)[Tt](%d%d):(%d%d):(%d%d)(%.?%d*)([Zz+-].*)$")
  if not y or fraction == "." or (fraction ~= "" and fraction:byte() ~= 46) then
    return nil, format("not an RFC 3339 time: %q", text)
  end
  local offset = 0
  if zone ~= "Z" and zone ~= "z" then
    local sign, zh, zm = match(zone, "^([+-])(%d%d):(%d%d)$")
    if not sign or tonumber(zh) > 23 or tonumber(zm) > 59 then
      return nil, format("not an RFC 3339 time zone: %q", text)
    end
    offset = (tonumber(zh) * 60 + tonumber(zm)) * (sign == "-" and -60 or 60)
  end
  local year, month, day = tonumber(y), tonumber(mo), tonumber(d)
  local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  if month < 1 or month > 12 or day < 1 or day > month_days[month]
      or (month == 2 and day == 29 and not leap) then
    return nil, format("no such day: %q", text)
  end
  local hour, minute, second = tonumber(h), tonumber(mi), tonumber(s)
  if hour > 23 or minute > 59 or second > 60 then
    return nil, format("no such time of day: %q", text)
  end
  local whole = days_from_date(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset
  return whole + (tonumber("0" .. fraction) or 0)
end

local FIRST, LAST = -62135596800, 253402300800

-- UTC with `decimals` digits after the second (0 to 9), cut toward the past; nil and what is wrong with
-- the numbers.
function rfc3339.format(seconds, decimals)
  if type(seconds) ~= "number" or not (seconds >= FIRST and seconds < LAST) then
    return nil, "not Unix seconds of the years 1 to 9999: " .. tostring(seconds)
  end
  decimals = decimals or 0
  if type(decimals) ~= "number" or decimals < 0 or decimals > 9 or decimals % 1 ~= 0 then
    return nil, "decimals must be a whole number from 0 to 9"
  end
  local whole = floor(seconds)
  local scale = 10 ^ decimals
  -- Near today a number holds a quarter of a microsecond: what is that close to the next digit is it.
  local fraction = min(floor((seconds - whole) * scale + min(0.25, 2.5e-7 * scale)), scale - 1)
  local days = floor(whole / DAY)
  local rest = whole - days * DAY
  local year, month, day = date_from_days(days)
  local text = format("%04d-%02d-%02dT%02d:%02d:%02d", year, month, day,
    floor(rest / 3600), floor(rest / 60) % 60, rest % 60)
  if decimals > 0 then
    text = format("%s.%0" .. decimals .. "d", text, fraction)
  end
  return text .. "Z"
end

return rfc3339
