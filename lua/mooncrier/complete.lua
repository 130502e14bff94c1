-- Completion at a prompt: the words that could stand at the end of what is typed.

local event = require("mooncrier.event")

-- Names that a value has: of a table, a module, an event or a part of one.
local function members(value, is_method)
  local fields, methods = event.names_in(value)
  if fields then
    return is_method and methods or fields
  end
  if type(value) == "string" then
    value = is_method and string or {}
  end
  local source = value
  if type(value) ~= "table" then
    return {}
  end
  local names = {}
  for _ = 1, 4 do -- a read-only view shows what is behind it
    for name in next, source do
      names[#names + 1] = name
    end
    local meta = debug.getmetatable(source)
    source = meta and type(meta.__index) == "table" and rawget(meta, "__index")
    if not source then
      break
    end
  end
  return names
end

local keywords = {
  "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local", "nil", "not", "or",
  "repeat", "return", "then", "true", "until", "while",
}

-- The value of a path such as `events[1].metadata`; nil when there is none.
local function value_of(path, globals, theirs)
  local value
  local rest = path:gsub("^[%a_][%w_]*", function(name)
    value = rawget(globals, name)
    if value == nil then
      value = rawget(theirs, name)
    end
    return ""
  end)
  while rest ~= "" and value ~= nil do
    local key, after = rest:match("^%.([%a_][%w_]*)(.*)$")
    if not key then
      key, after = rest:match("^%[(%d+)%](.*)$")
      key = tonumber(key)
    end
    if not key then
      key, after = rest:match("^%[\"([^\"]*)\"%](.*)$")
    end
    if not key then
      return nil
    end
    local ok, next_value = pcall(function() return value[key] end)
    value, rest = ok and next_value or nil, after
  end
  return value
end

-- How many bytes of `before` stay, and the words that could stand behind them, among `globals` and `theirs`.
return function(before, globals, theirs)
  local path, separator, word = before:match("([%a_][%w_%.%[%]\"]*)([%.:])([%w_]*)$")
  local names = {}
  if path then
    names = members(value_of(path, globals, theirs), separator == ":")
  else
    word = before:match("[%a_][%w_]*$") or ""
    for _, known in ipairs({ globals, theirs }) do
      for name in pairs(known) do
        names[#names + 1] = name
      end
    end
    for _, name in ipairs(keywords) do
      names[#names + 1] = name
    end
  end
  local fitting, seen = {}, {}
  for _, name in ipairs(names) do
    if type(name) == "string" and name:sub(1, #word) == word and name:find("^[%a_][%w_]*$") and not seen[name]
      and (name ~= "_" and name ~= "_G" or word ~= "") then
      seen[name] = true
      fitting[#fitting + 1] = name
    end
  end
  table.sort(fitting)
  return #before - #word, fitting
end
