-- Templates of Go's text/template over an event, as kubernetes-event-exporter has them, told in
-- mooncrier.template's language, as far as that goes: texts, fields, and a pipeline of simple functions.

local go_template = {}

local function set(names)
  local out = {}
  for name in names:gmatch("%S+") do
    out[name] = true
  end
  return out
end

-- Go's names of an event's fields → ours.
local fields = {
  Reason = "reason", Message = "message", Type = "type", Count = "count", Action = "action",
  FirstTimestamp = "firstTimestamp", LastTimestamp = "lastTimestamp", EventTime = "eventTime",
  ReportingController = "reportingComponent", ReportingInstance = "reportingInstance",
  Kind = "kind", APIVersion = "apiVersion", ClusterName = "clusterName",
  Name = "metadata.name", Namespace = "metadata.namespace", UID = "metadata.uid",
  GenerateName = "metadata.generateName", ResourceVersion = "metadata.resourceVersion",
  CreationTimestamp = "metadata.creationTimestamp", Labels = "metadata.labels", Annotations = "metadata.annotations",
  GetTimestampMs = "timestampMs", GetTimestampISO8601 = "timestampISO",
}
local reference = {
  Kind = "kind", Namespace = "namespace", Name = "name", UID = "uid", APIVersion = "apiVersion",
  ResourceVersion = "resourceVersion", FieldPath = "fieldPath",
}
local objects = {
  InvolvedObject = { "involvedObject", reference },
  Related = { "related", reference },
  Source = { "source", { Component = "component", Host = "host" } },
  Series = { "series", { Count = "count", LastObservedTime = "lastObservedTime" } },
}
local times = set("firstTimestamp lastTimestamp eventTime metadata.creationTimestamp series.lastObservedTime")
local special = set("timestampMs timestampISO")

local NO_OBJECT_LABELS = "the involved object's labels and annotations are not in events as a cluster sends them"

local function fail(format, ...)
  error({ why = format:format(...) }, 0)
end

-- ".InvolvedObject.Name" → "involvedObject.name".
local function path_of(text)
  if text == "." then
    return "event"
  end
  local names = {}
  for name in text:gmatch("%.([%a_][%w_]*)") do
    names[#names + 1] = name
  end
  if "." .. table.concat(names, ".") ~= text then
    fail("'%s' is no field", text)
  end
  for _, embedded in ipairs({ "Event", "ObjectMeta", "TypeMeta" }) do
    if names[1] == embedded then
      table.remove(names, 1)
    end
  end
  local first, second, third = names[1], names[2], names[3]
  local object = objects[first]
  if object and second == "ObjectReference" then
    table.remove(names, 2)
    second, third = names[2], names[3]
  end
  if object and (second == "Labels" or second == "Annotations") and first == "InvolvedObject" then
    fail(NO_OBJECT_LABELS)
  elseif object then
    local name = second and object[2][second]
    if second and not name or third then
      fail("there is no %s", text)
    end
    return object[1] .. (name and "." .. name or "")
  end
  local field = fields[first]
  if not field then
    fail("there is no %s", text)
  elseif field == "metadata.labels" or field == "metadata.annotations" then
    return field .. (second and ("[%q]"):format(second) or "")
  elseif second then
    fail("there is no %s", text)
  end
  return field
end

-- The words of a command: fields, strings, numbers, names.
local function words_of(text)
  local words, i = {}, 1
  while true do
    i = text:match("^%s*()", i)
    if i > #text then
      return words
    end
    local quote = text:sub(i, i)
    local word, stop
    if quote == '"' then
      word, stop = text:match('^("[^"\\]*")()', i)
    elseif quote == "`" then
      word, stop = text:match("^(`[^`]*`)()", i)
    else
      word, stop = text:match("^([%w_%.%-]+)()", i)
    end
    if not word then
      fail("'%s' is more than a field and simple functions", text)
    end
    words[#words + 1] = word
    i = stop
  end
end

local function literal(word)
  return word and word:match('^["`](.*)["`]$')
end

-- function → what it adds to a pipeline: function(its arguments but the last) → filters.
local functions = {
  upper = function() return " | upper" end,
  lower = function() return " | lower" end,
  trim = function() return " | trim" end,
  trimAll = nil,
  toJson = function() return " | json" end,
  toRawJson = function() return " | json" end,
  toPrettyJson = function() return " | json" end,
  toString = function() return "" end,
  print = function() return "" end,
  html = nil,
  trunc = function(arguments)
    local n = tonumber(arguments[1])
    return n and n >= 1 and (" | truncate %d"):format(n)
  end,
  default = function(arguments)
    local text = literal(arguments[1])
    return text and (" | default %q"):format(text)
  end,
}

-- One command of a pipeline, `value` what comes from the one before.
local function command(text, value)
  local words = words_of(text)
  local head = words[1]
  if head and head:sub(1, 1) == "." and #words == 1 and not value then
    return path_of(head)
  elseif literal(head) and #words == 1 and not value then
    return ("%q"):format(literal(head))
  elseif head == "index" and #words == 3 and not value and literal(words[3]) then
    local path = path_of(words[2])
    if path ~= "metadata.labels" and path ~= "metadata.annotations" then
      fail("'index' of %s", words[2])
    end
    return ("%s[%q]"):format(path, literal(words[3]))
  end
  local filter = functions[head]
  if not filter then
    fail("'%s' is a function without an equivalent", tostring(head))
  end
  if not value then
    local last = table.remove(words)
    if last:sub(1, 1) ~= "." then
      fail("'%s' is more than a field and simple functions", text)
    end
    value = path_of(last)
  end
  table.remove(words, 1)
  local added = filter(words)
  if not added then
    fail("'%s' has no equivalent", text)
  end
  return value == "event" and added == " | json" and "event" or value .. added
end

local function expression(text)
  if text:find("^/%*") then
    return ""
  elseif text:find("^%$") or text:find("^[%a]+$") or text:find("^if ") or text:find("^range ")
    or text:find("^with ") or text:find("^else") or text:find("^template ") or text:find("^define ") then
    fail("'{{ %s }}' is a statement: mooncrier.template has fields and filters; a render hook does the rest", text)
  elseif text:find("[()]") then
    fail("'{{ %s }}' has parentheses", text)
  end
  local value
  local from = 1
  -- A "|" within quotes belongs to the text; such are rare, and told.
  for part in (text .. "|"):gmatch("([^|]*)|") do
    value = command(part, value)
    from = from + #part + 1
  end
  if special[value:match("^%w+")] and value:find("|") then
    fail("a filter behind %s", value)
  end
  return "{{" .. value .. "}}"
end

-- `text` in mooncrier.template's language, and whether times are among its fields (Go writes them otherwise);
-- nil and the reason when it says more than that can.
function go_template.convert(text)
  local out, at, has_times, trim_next = {}, 1, false, false
  while true do
    local from, to, left, body, right = text:find("{{(%-?)%s*(.-)%s*(%-?)}}", at)
    local before = text:sub(at, (from or 0) - 1)
    if trim_next then
      before = before:gsub("^%s+", "")
    end
    if left == "-" then
      before = before:gsub("%s+$", "")
    end
    out[#out + 1] = before
    if not from then
      if before:find("{{", 1, true) then
        return nil, "'{{' has no '}}'"
      end
      return table.concat(out), has_times
    end
    local ok, converted = pcall(expression, body)
    if not ok then
      if type(converted) ~= "table" then
        error(converted, 0)
      end
      return nil, converted.why
    end
    has_times = has_times or times[converted:match("^{{([%w%.]+)")] or false
    out[#out + 1] = converted
    trim_next = right == "-"
    at = to + 1
  end
end

function go_template.is_fixed(text)
  return not text:find("{{", 1, true)
end

return go_template
