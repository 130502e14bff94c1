-- What save() returns, on its way to restore() in another Lua state: plain data as bytes.

local buffer = require("string.buffer")

local core = require("mooncrier.core")

local saved = {}

local LIMIT = 1024 * 1024 -- MCR_MAX_SAVED of script.h
local DEEPEST = 100

local plain = { ["nil"] = true, boolean = true, number = true, string = true }

local function is_integer_cdata(value)
  local name = type(value) == "cdata" and tostring(value) or ""
  return name:match("^%-?%d+U?LL$") ~= nil
end

-- "seen[\"a\"]": how a script would write it.
local function path_of(parent, key)
  if type(key) == "string" and key:match("^[%a_][%w_]*$") then
    return parent == "" and key or parent .. "." .. key
  end
  return ("%s[%s]"):format(parent, type(key) == "string" and ("%q"):format(key) or tostring(key))
end

-- What is no plain data in `value`: a phrase, or nil.
local function problem(value, path, depth)
  if plain[type(value)] or value == core.json_null or is_integer_cdata(value) then
    return nil
  elseif type(value) ~= "table" then
    return ("%s is a %s"):format(path == "" and "it" or path, type(value) == "cdata" and "event or other object"
      or type(value))
  elseif depth > DEEPEST then
    return ("%s is nested more than %d deep, or holds itself"):format(path, DEEPEST)
  end
  for key, member in next, value do
    if type(key) ~= "string" and type(key) ~= "number" and type(key) ~= "boolean" then
      return ("%s has a %s as key"):format(path == "" and "it" or path, type(key))
    end
    local found = problem(member, path_of(path, key), depth + 1)
    if found then
      return found
    end
  end
end

-- The bytes of `value`; nil and a sentence when it is no plain data, or too much of it.
function saved.encode(value)
  local found = problem(value, "", 0)
  if found then
    return nil, "save must return plain data (numbers, strings, booleans, tables of them); " .. found
  end
  local ok, bytes = pcall(buffer.encode, value)
  if not ok then
    return nil, "save: " .. tostring(bytes)
  elseif #bytes > LIMIT then
    return nil, ("save returned %.1f MiB; 1 MiB is the most"):format(#bytes / LIMIT)
  end
  return bytes
end

saved.decode = buffer.decode

return saved
