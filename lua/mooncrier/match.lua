---Matching strings: globs, compiled once to plain comparisons that stay JIT-compiled and make no
---garbage, and regular expressions by PCRE2.
---@class mooncrier.match
local match = {}

local core = require("mooncrier.core")

local byte, find, sub, char = string.byte, string.find, string.sub, string.char
local type, error, format, tostring = type, error, string.format, tostring

local ALTERNATIVES_MAX = 256

-- Tokens of a glob: a byte (0 … 255), STAR, ANY, or a set of bytes.
local STAR, ANY = -1, -2

local function fail(glob, at, text)
  error({ message = format("glob %q: %s at offset %d", glob, text, at - 1) }, 0)
end

-- The set of "[a-z]" at `i`, and the offset behind it.
local function read_set(glob, i)
  local start = i
  local negated = false
  i = i + 1
  if find(glob, "^[!^]", i) then
    negated = true
    i = i + 1
  end
  local set = {}
  local first = true
  while true do
    local c = sub(glob, i, i)
    if c == "" then
      fail(glob, start, "'[' without ']'")
    elseif c == "]" and not first then
      break
    elseif c == "\\" then
      i = i + 1
      c = sub(glob, i, i)
    end
    local low = byte(c)
    local high = low
    if sub(glob, i + 1, i + 1) == "-" and find(glob, "^[^%]]", i + 2) then
      i = i + 2
      high = byte(glob, i)
    end
    if not low or low > 127 or high > 127 then
      fail(glob, i, "only ASCII characters go between '[' and ']'")
    elseif low > high then
      fail(glob, i, "range backwards")
    end
    for b = low, high do
      set[b] = true
    end
    i = i + 1
    first = false
  end
  if negated then
    local others = {}
    for b = 0, 255 do
      others[b] = not set[b] or nil
    end
    set = others
  end
  return set, i + 1
end

-- Tokens of a glob without "{".
local function tokenize(glob, original)
  local tokens = {}
  local i = 1
  while i <= #glob do
    local c = sub(glob, i, i)
    local token = byte(c)
    if c == "*" then
      token = STAR
    elseif c == "?" then
      token = ANY
    elseif c == "[" then
      token, i = read_set(glob, i)
      i = i - 1
    elseif c == "\\" then
      i = i + 1
      token = byte(glob, i)
      if not token then
        fail(original, #original, "'\\' at the end")
      end
    end
    if not (token == STAR and tokens[#tokens] == STAR) then
      tokens[#tokens + 1] = token
    end
    i = i + 1
  end
  return tokens
end

-- Offsets of an innermost "{…}" and of the commas in it; nil when there is none.
local function find_braces(glob, original)
  local open, commas
  local i = 1
  while i <= #glob do
    local c = sub(glob, i, i)
    if c == "\\" then
      i = i + 1
    elseif c == "[" then
      local _, after = read_set(glob, i)
      i = after - 1
    elseif c == "{" then
      open, commas = i, {}
    elseif c == "," and open then
      commas[#commas + 1] = i
    elseif c == "}" and open then
      return open, i, commas
    end
    i = i + 1
  end
  if open then
    fail(original, find(original, "{", 1, true), "'{' without '}'")
  end
end

-- All globs that "{a,b}" stands for.
local function expand(glob)
  local done, todo = {}, { glob }
  while #todo > 0 do
    local one = table.remove(todo)
    local open, close, commas = find_braces(one, glob)
    if not open then
      done[#done + 1] = one
    else
      local head, tail = sub(one, 1, open - 1), sub(one, close + 1)
      commas[#commas + 1] = close
      local from = open + 1
      for _, comma in ipairs(commas) do
        todo[#todo + 1] = head .. sub(one, from, comma - 1) .. tail
        from = comma + 1
      end
    end
    if #todo + #done > ALTERNATIVES_MAX then
      fail(glob, 1, "more than " .. ALTERNATIVES_MAX .. " alternatives")
    end
  end
  return done
end

-- The general matcher: on a mismatch the last star takes one character more. A star never has to give
-- back what an earlier one took, so this is at most length × tokens.
local function by_tokens(tokens)
  local n = #tokens
  return function(s)
    local len = #s
    local i, t = 1, 1
    local star, resume
    while i <= len do
      local token, b = tokens[t], byte(s, i)
      if token == STAR then
        star, resume = t, i
        t = t + 1
      elseif token == b then
        i, t = i + 1, t + 1
      elseif token == ANY then
        i, t = i + 1, t + 1
        -- One character, not one byte, of UTF-8.
        if b >= 0xC0 then
          local next_byte = byte(s, i)
          while next_byte and next_byte >= 0x80 and next_byte < 0xC0 do
            i = i + 1
            next_byte = byte(s, i)
          end
        end
      elseif type(token) == "table" and token[b] then
        i, t = i + 1, t + 1
      elseif star then
        resume = resume + 1
        i, t = resume, star + 1
      else
        return false
      end
    end
    return t > n or (t == n and tokens[n] == STAR)
  end
end

local function starts(s, literal, first)
  return byte(s, 1) == first and find(s, literal, 1, true) == 1
end

-- Globs of literals and stars only. parts[1] is in front of the first star, parts[#parts] behind
-- the last.
local function by_parts(parts)
  local n = #parts
  local head, tail = parts[1], parts[n]
  local first, head_len, tail_len = byte(head), #head, #tail
  if n == 1 then
    return function(s)
      return s == head
    end
  elseif n == 2 and head == "" and tail == "" then
    return function(s)
      return type(s) == "string"
    end
  elseif n == 2 and tail == "" then
    return function(s)
      return starts(s, head, first)
    end
  elseif n == 2 and head == "" then
    return function(s)
      return #s >= tail_len and find(s, tail, -tail_len, true) ~= nil
    end
  elseif n == 3 and head == "" and tail == "" then
    local middle = parts[2]
    return function(s)
      return find(s, middle, 1, true) ~= nil
    end
  end
  return function(s)
    local last = #s - tail_len
    if last < head_len or (first and not starts(s, head, first)) then
      return false
    end
    if tail_len > 0 and not find(s, tail, last + 1, true) then
      return false
    end
    local at = head_len + 1
    for i = 2, n - 1 do
      local _, stop = find(s, parts[i], at, true)
      if not stop or stop > last then
        return false
      end
      at = stop + 1
    end
    return true
  end
end

-- The literal parts between stars, or nil when there are other wildcards.
local function parts_of(tokens)
  local parts, literal = {}, {}
  for _, token in ipairs(tokens) do
    if token == STAR then
      parts[#parts + 1] = table.concat(literal)
      literal = {}
    elseif token == ANY or type(token) == "table" then
      return nil
    else
      literal[#literal + 1] = char(token)
    end
  end
  parts[#parts + 1] = table.concat(literal)
  return parts
end

-- Adds what `glob` stands for to a set of whole strings and a list of predicates.
local function add(glob, exact, predicates)
  if type(glob) ~= "string" then
    error({ message = "a glob is a string, not a " .. type(glob) }, 0)
  end
  for _, one in ipairs(expand(glob)) do
    local tokens = tokenize(one, glob)
    local parts = parts_of(tokens)
    if parts and #parts == 1 then
      exact[parts[1]] = true
    else
      predicates[#predicates + 1] = parts and by_parts(parts) or by_tokens(tokens)
    end
  end
end

local function any_of(exact, predicates)
  local n = #predicates
  local only = next(exact)
  if n == 0 then
    if only and not next(exact, only) then
      return by_parts({ only })
    end
    return function(s)
      return exact[s] == true
    end
  elseif n == 1 and not only then
    return predicates[1]
  end
  return function(s)
    if exact[s] then
      return true
    end
    for i = 1, n do
      if predicates[i](s) then
        return true
      end
    end
    return false
  end
end

local function compile(globs)
  local exact, predicates = {}, {}
  for _, glob in ipairs(globs) do
    local ok, raised = pcall(add, glob, exact, predicates)
    if not ok then
      error(type(raised) == "table" and raised.message or raised, 3)
    end
  end
  return any_of(exact, predicates)
end

---A predicate for one glob.
---`*` any characters, `?` one character, `[a-z]` `[!0-9]` one of a set (ASCII), `{a,b}` one of several,
---`\` takes the next character as it is. The whole string must match.
---
---```lua
---local in_production = match.glob("prod{,-*}") -- once, at the top of the script
---in_production(event.metadata.namespace) --> true
---in_production("preprod") --> false
---```
---@param glob string
---@return fun(s: string): boolean
function match.glob(glob)
  local predicate = compile({ glob })
  return predicate
end

---A predicate that is true when one of the globs matches; false for all when the list is empty.
---
---```lua
---local ours = match.any({ "prod-*", "kube-system" })
---ours("kube-system") --> true
---ours("dev") --> false
---```
---@param globs string[]
---@return fun(s: string): boolean
function match.any(globs)
  if type(globs) ~= "table" then
    error("match.any takes a list of globs, not a " .. type(globs), 2)
  end
  local predicate = compile(globs)
  return predicate
end

---A compiled regular expression; its methods are described in lua/meta/mooncrier.lua.
---@class mooncrier.Regex

---A regular expression of PCRE2, with the methods of mooncrier.Regex. Flags: "i" caseless, "m"
---^ and $ at line ends, "s" . matches line feeds, "x" white space in the pattern does not count. A match
---that takes a million steps raises an error.
---
---```lua
---match.regex("^back-off", "i"):test(event.message) --> true
---```
---@param pattern string
---@param flags? string
---@return mooncrier.Regex
function match.regex(pattern, flags)
  if type(pattern) ~= "string" then
    error("match.regex takes a pattern, not a " .. type(pattern), 2)
  end
  local ok, regex, message = pcall(core.regex_new, pattern, flags)
  if not ok or not regex then
    error(format("regex %q: %s", pattern, tostring(message or regex)), 2)
  end
  return regex
end

return match
