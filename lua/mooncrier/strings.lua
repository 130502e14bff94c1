-- The string library with bounds: what takes long or much for one call is an error. Methods of strings
-- reach the library whatever the sandbox lists, so it is changed where it is.

-- luacheck: ignore 122
local string = string

-- The library as it was; kept where a second load of this file finds it, or it would wrap the wrappers.
local registry = debug.getregistry()
registry["mooncrier.strings"] = registry["mooncrier.strings"]
  or { find = string.find, match = string.match, gmatch = string.gmatch, gsub = string.gsub, rep = string.rep }
local plain_library = registry["mooncrier.strings"]
local find, match, gmatch = plain_library.find, plain_library.match, plain_library.gmatch
local gsub, rep = plain_library.gsub, plain_library.rep
local error, tostring, type = error, tostring, type

-- Bytes that string.rep may make, and that a pattern may search.
local MAX_TEXT = 16 * 1024 * 1024

local function check(text, name)
  if type(text) == "string" and #text > MAX_TEXT then
    error(("string.%s: the text has %d bytes, patterns search at most %d"):format(name, #text, MAX_TEXT), 3)
  end
end

string.dump = nil

function string.rep(text, n, separator)
  if type(n) == "number" and n > 1 and (#tostring(text) + #tostring(separator or "")) * n > MAX_TEXT then
    error(("string.rep: the result would have more than %d bytes"):format(MAX_TEXT), 2)
  end
  local result = rep(text, n, separator)
  return result
end

-- No tail call: they count towards the loop unroll limit of a whole trace. A find without captures,
-- all that is ever compiled, has two results.
function string.find(text, pattern, init, plain)
  if not plain then
    check(text, "find")
  end
  local first, last, capture = find(text, pattern, init, plain)
  if first == nil then
    return nil
  elseif capture == nil then
    return first, last
  end
  return find(text, pattern, init, plain)
end

-- These are never compiled.
function string.match(text, pattern, init)
  check(text, "match")
  return match(text, pattern, init)
end

function string.gmatch(text, pattern)
  check(text, "gmatch")
  return gmatch(text, pattern)
end

function string.gsub(text, pattern, with, n)
  check(text, "gsub")
  return gsub(text, pattern, with, n)
end
