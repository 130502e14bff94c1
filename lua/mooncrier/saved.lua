-- What save() returns, on its way to restore() in another Lua state: plain data as bytes.

local buffer = require("string.buffer")
local ffi = require("ffi")

local core = require("mooncrier.core")

local saved = {}

local LIMIT = 1024 * 1024 -- MCR_MAX_SAVED of script.h
local DEEPEST = 100

local plain = { ["nil"] = true, boolean = true, number = true, string = true }

local int64, uint64 = ffi.typeof("int64_t"), ffi.typeof("uint64_t")

local function is_integer_cdata(value)
  return type(value) == "cdata" and (ffi.istype(int64, value) or ffi.istype(uint64, value))
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
    local what = type(value) == "cdata" and "an event or other object" or "a " .. type(value)
    return ("%s is %s"):format(path == "" and "it" or path, what)
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

-- The same for what saved.encode made of many values.
saved.join, saved.split = buffer.encode, buffer.decode

saved.decode = buffer.decode

return saved
