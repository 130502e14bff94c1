---Text with fields of an event in it, compiled once.
---@class mooncrier.template
local template = {}

local core = require("mooncrier.core")
local rfc3339 = require("mooncrier.rfc3339")

local type, tostring, error, format = type, tostring, error, string.format
local find, sub, gsub, byte = string.find, string.sub, string.gsub, string.byte
local concat, floor, os_date = table.concat, math.floor, os.date

local null = core.json_null

local function text_of(value)
  local kind = type(value)
  if kind == "string" then
    return value
  elseif value == nil or value == null then
    return ""
  elseif kind == "number" then
    -- Counts and sizes as JSON writes them, never 1e+15.
    if value % 1 == 0 and value > -2 ^ 53 and value < 2 ^ 53 then
      return format("%d", value)
    end
    return tostring(value)
  elseif kind == "boolean" then
    return tostring(value)
  end
  return core.json_encode(value)
end

-- The end of the first `n` characters of s (in bytes), nil when it has no more than n.
local function end_of(s, n)
  local len = #s
  if len <= n then
    return nil
  end
  local i = 1
  while n > 0 and i <= len do
    i = i + 1
    local b = byte(s, i)
    while b and b >= 0x80 and b < 0xC0 do
      i = i + 1
      b = byte(s, i)
    end
    n = n - 1
  end
  if i <= len then
    return i - 1
  end
end

local function truncate(value, n)
  local s = text_of(value)
  if not end_of(s, n) then
    return s
  end
  return sub(s, 1, end_of(s, n - 1) or 0) .. "…"
end

local function pad(value, n)
  local s = text_of(value)
  local _, continued = gsub(s, "[\128-\191]", "")
  local missing = n - (#s - continued)
  return missing > 0 and s .. (" "):rep(missing) or s
end

local function date(value, fmt)
  if value == nil or value == null or value == "" or value == 0 then
    return ""
  end
  local seconds = value
  if type(value) ~= "number" then
    local message
    seconds, message = rfc3339.parse(value)
    if not seconds then
      error("filter date: " .. message, 0)
    end
  end
  return os_date("!" .. fmt, floor(seconds))
end

local function whole(argument)
  return type(argument) == "number" and argument >= 1 and argument % 1 == 0
end

local function is_string(argument)
  return type(argument) == "string"
end

-- "!…" and "*t" are not formats of strftime but of os.date.
local function is_date_format(argument)
  return type(argument) == "string" and not find(argument, "^!") and not find(argument, "^%*t")
end

-- name → { function(value, argument), what the argument must be, its name in messages }
local filters = {
  upper = { function(value) return text_of(value):upper() end },
  lower = { function(value) return text_of(value):lower() end },
  trim = { function(value) return (gsub(gsub(text_of(value), "^%s+", ""), "%s+$", "")) end },
  oneline = { function(value) return (gsub(text_of(value), "%s*[\r\n]+%s*", " ")) end },
  truncate = { truncate, whole, "a number of characters" },
  pad = { pad, whole, "a number of characters" },
  default = {
    function(value, argument)
      if value == nil or value == null or value == "" then
        return argument
      end
      return value
    end,
    is_string, "a string",
  },
  date = { date, is_date_format, "a strftime format" },
  json = { function(value) return core.json_encode(value == nil and null or value) end },
}

local filter_names = "date, default, json, lower, oneline, pad, trim, truncate, upper"

local function names(text)
  local set = {}
  for name in text:gmatch("%S+") do
    set[name] = true
  end
  return set
end

-- The fields of an event and of its objects, which a view answers by itself. Anything else is looked
-- up in the JSON.
local reference = names("kind namespace name uid apiVersion resourceVersion fieldPath")
local event_fields = names([[reason message type action count firstTimestamp lastTimestamp eventTime
  reportingComponent reportingInstance reportingController kind apiVersion time occurrences change
  delta metadata involvedObject related source series]])
local object_fields = {
  metadata = names([[name generateName namespace selfLink uid resourceVersion generation
    creationTimestamp deletionTimestamp deletionGracePeriodSeconds labels annotations finalizers
    ownerReferences managedFields]]),
  involvedObject = reference,
  related = reference,
  source = names("component host"),
  series = names("count lastObservedTime"),
}
local is_map = names("labels annotations finalizers ownerReferences managedFields")

-- What the user may have meant by `name`, as text to put behind a message; nil when it is in `known`.
local function correction(name, known)
  if known[name] then
    return nil
  end
  local list = {}
  for candidate in pairs(known) do
    list[#list + 1] = candidate
  end
  local meant = core.suggest(name, list)
  return meant and format("; did you mean '%s'?", meant) or ""
end

-- Looks the path up in an event, or in any table.
local function reader(path)
  local n, first, second = #path, path[1], path[2]
  local is_object = object_fields[first] ~= nil
  local read
  if n == 1 and event_fields[first] and not is_object then
    read = function(event)
      return event[first]
    end
  elseif n == 2 and is_object and not is_map[second] then
    read = function(event)
      return event[first][second]
    end
  else
    read = function(event)
      return event:get(unpack(path))
    end
  end
  return function(event)
    if type(event) ~= "table" then
      local value = read(event)
      return value
    end
    local value = event
    for i = 1, n do
      if type(value) ~= "table" then
        return nil
      end
      value = value[path[i]]
    end
    return value
  end
end

local escapes = { n = "\n", t = "\t" }

-- A quoted string at `i` of the text and the offset behind it.
local function read_string(parser, i)
  local start = i
  local quote = sub(parser.text, i, i)
  local out = {}
  i = i + 1
  while true do
    local c = sub(parser.text, i, i)
    if c == "" or c == "\n" then
      parser.fail(start, "string without its closing " .. quote)
    elseif c == quote then
      return concat(out), i + 1
    elseif c == "\\" then
      i = i + 1
      c = sub(parser.text, i, i)
      c = escapes[c] or c
    end
    out[#out + 1] = c
    i = i + 1
  end
end

local function skip_space(parser, i)
  local _, stop = find(parser.text, "^%s*", i)
  return stop + 1
end

-- involvedObject.name, metadata.labels["a.b/c"], metadata.ownerReferences[1].name
local function read_path(parser, i)
  local path = {}
  local _, stop, name = find(parser.text, "^([%a_][%w_]*)", i)
  if not stop then
    parser.fail(i, "a field name or a string is expected here")
  end
  path[1] = name
  i = stop + 1
  while true do
    local c = sub(parser.text, i, i)
    if c == "." then
      _, stop, name = find(parser.text, "^([%a_][%w_]*)", i + 1)
      if not stop then
        parser.fail(i + 1, "a field name is expected behind '.'")
      end
      path[#path + 1] = name
      i = stop + 1
    elseif c == "[" then
      local index
      if find(parser.text, "^[\"']", i + 1) then
        index, stop = read_string(parser, i + 1)
      else
        local _, last, digits = find(parser.text, "^([1-9]%d*)", i + 1)
        if not last then
          parser.fail(i + 1, "a quoted key or a position from 1 on is expected behind '['")
        end
        index, stop = tonumber(digits), last + 1
      end
      if sub(parser.text, stop, stop) ~= "]" then
        parser.fail(stop, "']' is expected here")
      end
      path[#path + 1] = index
      i = stop + 1
    else
      return path, i
    end
  end
end

-- Mistyped names are errors; a top-level name that resembles none may be a field that a script added.
local function check_path(parser, at, path)
  local first, second = path[1], path[2]
  local hint = correction(first, event_fields)
  if hint and hint ~= "" then
    parser.fail(at, format("no field '%s' in an event%s", first, hint))
  end
  local fields = object_fields[first]
  hint = fields and second and correction(second, fields)
  if hint then
    parser.fail(at, format("no field '%s' in %s%s", second, first, hint))
  elseif not hint and not fields and second and event_fields[first] then
    parser.fail(at, format("'%s' is not an object, so it has no '%s'", first, second))
  end
end

local function read_filter(parser, i)
  i = skip_space(parser, i)
  local _, stop, name = find(parser.text, "^([%a_][%w_]*)", i)
  if not stop then
    parser.fail(i, "the name of a filter is expected behind '|'")
  end
  local filter = filters[name]
  if not filter then
    parser.fail(i, format("unknown filter '%s'%s (known: %s)", name, correction(name, filters),
      filter_names))
  end
  local at = skip_space(parser, stop + 1)
  local argument
  if find(parser.text, "^[\"']", at) then
    argument, at = read_string(parser, at)
  else
    local _, last, digits = find(parser.text, "^(%d+)", at)
    if last then
      argument, at = tonumber(digits), last + 1
    end
  end
  if filter[2] and not filter[2](argument) then
    parser.fail(i, format("filter %s takes %s", name, filter[3]))
  elseif not filter[2] and argument ~= nil then
    parser.fail(i, format("filter %s takes no argument", name))
  end
  return filter[1], argument, at
end

-- "{{…}}" from behind its braces: a function(event) → text, and the offset behind.
local function read_expression(parser, i)
  local open = i - 2
  i = skip_space(parser, i)
  local read
  if find(parser.text, "^[\"']", i) then
    local literal
    literal, i = read_string(parser, i)
    read = function()
      return literal
    end
  else
    local path, after = read_path(parser, i)
    check_path(parser, i, path)
    i = after
    read = reader(path)
  end
  while true do
    i = skip_space(parser, i)
    if sub(parser.text, i, i + 1) == "}}" then
      break
    elseif sub(parser.text, i, i) == "|" then
      local before, apply, argument = read, nil, nil
      apply, argument, i = read_filter(parser, i + 1)
      read = function(event)
        return apply(before(event), argument)
      end
    elseif i > #parser.text then
      parser.fail(open, "'{{' without '}}'")
    else
      parser.fail(i, "'|' or '}}' is expected here")
    end
  end
  local final = read
  return function(event)
    return text_of(final(event))
  end, i + 2
end

---Compiles a template into a function that takes an event (or a table like one) and gives the text.
---
---`{{path}}` stands for a field: names with dots, any key in quotes (`metadata.labels["a.b/c"]`), a
---position from 1 on (`metadata.ownerReferences[1].name`). An absent field is the empty text, an
---object or list its JSON. `{{"{{"}}` writes braces. `{{path | filter | filter argument}}` changes it:
---
---  upper, lower      ASCII letters
---  trim              no white space at both ends
---  oneline           line ends become one space
---  truncate N        at most N characters, the last one … when something was cut
---  pad N             spaces up to N characters
---  default "x"       "x" when the field is absent or empty
---  date "%H:%M"      a time field or Unix seconds by strftime, UTC; empty when there is no time
---  json              as JSON
---
---An error in the template is raised here, with line and column.
---
---```lua
---local line = template.compile("{{type | upper}} {{involvedObject.name}}: {{message | truncate 8}}")
---line(event) --> "WARNING web-1: Back-of…"
---```
---@param text string
---@return fun(event: mooncrier.Event|table): string
function template.compile(text)
  if type(text) ~= "string" then
    error("template.compile takes a text, not a " .. type(text), 2)
  end
  local parser = { text = text }
  function parser.fail(at, message)
    local before = sub(text, 1, at - 1)
    local _, lines = gsub(before, "\n", "")
    local column = #before:match("[^\n]*$") + 1
    error(format("template:%d:%d: %s", lines + 1, column, message), 0)
  end

  local parts, dynamic = {}, {}
  local i = 1
  local ok, raised = pcall(function()
    while true do
      local open = find(text, "{{", i, true)
      local literal = sub(text, i, (open or 0) - 1)
      if literal ~= "" then
        parts[#parts + 1] = literal
      end
      if not open then
        return
      end
      local read
      read, i = read_expression(parser, open + 2)
      parts[#parts + 1] = ""
      dynamic[#dynamic + 1] = { at = #parts, read = read }
    end
  end)
  if not ok then
    error(raised, 2)
  end

  local n = #dynamic
  return function(event)
    for k = 1, n do
      local d = dynamic[k]
      parts[d.at] = d.read(event)
    end
    return (concat(parts))
  end
end

return template
