-- Values as people read them at a prompt: tables and events over several lines where one is not enough,
-- shortened where they are long.

local core = require("mooncrier.core")
local event = require("mooncrier.event")

local show = {}

local WIDTH = 96 -- characters of a line
local MAX_ITEMS = 30 -- of one table
local MAX_DEPTH = 5
local MAX_STRING = 400 -- bytes of one string

-- In this order, as kubectl prints an event; what is not named comes after, sorted.
local order = {}
for i, name in ipairs({
  "metadata", "name", "namespace", "uid", "kind", "involvedObject", "type", "reason", "message", "count",
  "firstTimestamp", "lastTimestamp", "eventTime", "series", "action", "source", "related",
}) do
  order[name] = i
end

-- Where a character begins at or before byte `n`: texts are cut there.
local function whole(text, n)
  while n > 0 and (text:byte(n + 1) or 0) >= 0x80 and text:byte(n + 1) < 0xC0 do
    n = n - 1
  end
  return text:sub(1, n)
end

-- 1234567 → "1,234,567".
function show.count(n)
  local text = ("%d"):format(n)
  local head = #text % 3
  local parts = { head > 0 and text:sub(1, head) or nil }
  for i = head + 1, #text, 3 do
    parts[#parts + 1] = text:sub(i, i + 2)
  end
  return table.concat(parts, ",")
end

-- JSON is written as Go does, for HTML; people read these as they are.
local for_html = { ["003c"] = "<", ["003e"] = ">", ["0026"] = "&" }

local function quote(text)
  local marked = core.json_encode(text):gsub("\\(.)", function(letter)
    return letter == "u" and "\1" or nil
  end)
  return (marked:gsub("\1(%x%x%x%x)", function(digits)
    return for_html[digits] or "\\u" .. digits
  end))
end

local function quoted(text, limit)
  if #text <= limit then
    return quote(text)
  end
  return ("%s… (%s bytes)"):format(quote(whole(text, limit)):sub(1, -2), show.count(#text)) .. '"'
end

local function plain_function(value)
  local info = debug.getinfo(value, "S")
  if info.what == "C" or info.source:sub(1, 11) == "=mooncrier/" then
    return "function of mooncrier"
  end
  return ("function at %s:%d"):format(info.short_src, info.linedefined)
end

local function compare(a, b)
  local of_a, of_b = order[a], order[b]
  if of_a ~= of_b then
    return (of_a or 1000) < (of_b or 1000)
  end
  if type(a) ~= type(b) then
    return type(a) < type(b)
  end
  if type(a) == "string" or type(a) == "number" then
    return a < b
  end
  return tostring(a) < tostring(b)
end

-- An event in one line.
function show.event_line(ev)
  local object = ev.involvedObject
  local where = object.namespace ~= "" and object.namespace .. "/" or ""
  local times = ev.occurrences > 1 and ("×%d"):format(ev.occurrences) or ""
  local words = {}
  for _, word in ipairs({ ev.type, ev.reason, object.kind, where .. object.name, times }) do
    if word ~= "" then
      words[#words + 1] = word
    end
  end
  return table.concat(words, " ") .. ": " .. ev.message:gsub("%s+", " ")
end

-- A line of at most WIDTH bytes or so.
function show.cut(line)
  return #line > WIDTH and whole(line, WIDTH - 3) .. "…" or line
end

-- The parts of an event as tables; any other value as it is.
local function opened(value)
  if type(value) ~= "cdata" then
    return value
  end
  if event.names_in(value) then
    local ok, table_of = pcall(function() return core.json_decode(tostring(value)) end)
    if ok then
      return table_of
    end
  end
  return value
end

-- What a read-only view shows (frozen.lua), else the table itself.
local function behind(t)
  local meta = debug.getmetatable(t)
  local source = meta and rawget(meta, "__index")
  return rawequal(next(t), nil) and type(source) == "table" and source or t
end

local of -- function(value, depth, indent, seen)

local function of_table(t, depth, indent, seen)
  if seen[t] then
    return "{ … }" -- within itself
  elseif depth > MAX_DEPTH then
    return next(t) == nil and "{}" or "{ … }"
  end
  seen[t] = true
  local own = t
  t = behind(t)
  local items, n, left_out = {}, #t, 0
  local function add(text)
    if #items < MAX_ITEMS then
      items[#items + 1] = text()
    else
      left_out = left_out + 1
    end
  end
  local inner = indent .. "  "
  for i = 1, n do
    add(function() return of(t[i], depth + 1, inner, seen) end)
  end
  local keys = {}
  for key in next, t do
    if type(key) ~= "number" or key < 1 or key > n or key % 1 ~= 0 then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys, compare)
  for _, key in ipairs(keys) do
    add(function()
      local name = type(key) == "string" and key:match("^[%a_][%w_]*$") and key
        or "[" .. of(key, depth + 1, inner, seen) .. "]"
      -- What wrote which field: long, and never what one looks for.
      local value = key == "managedFields" and type(t[key]) == "table" and "{ … }"
        or of(t[key], depth + 1, inner, seen)
      return name .. " = " .. value
    end)
  end
  seen[own] = nil
  if left_out > 0 then
    items[#items + 1] = ("… %s more"):format(show.count(left_out))
  end
  if #items == 0 then
    return "{}"
  end
  local line = "{ " .. table.concat(items, ", ") .. " }"
  if #line + #indent <= WIDTH and not line:find("\n", 1, true) then
    return line
  end
  return "{\n" .. inner .. table.concat(items, ",\n" .. inner) .. "\n" .. indent .. "}"
end

function of(value, depth, indent, seen)
  local kind = type(value)
  if kind == "string" then
    return quoted(value, MAX_STRING)
  elseif kind == "function" then
    return plain_function(value)
  elseif kind == "userdata" and value == core.json_null then
    return "json.null"
  elseif depth > 0 and event.is(value) then
    return event.is_alive(value) and "<" .. show.cut(show.event_line(value)) .. ">" or "<an event of before>"
  elseif kind == "cdata" then
    value = opened(value)
  end
  if type(value) == "table" then
    return of_table(value, depth, indent, seen)
  end
  return tostring(value)
end

-- The text of any value. Never raises an error.
function show.value(value)
  local ok, text = pcall(of, value, 0, "", {})
  return ok and text or tostring(type(value)) .. " that cannot be shown: " .. tostring(text)
end

return show
