-- Regular expressions as Go's regexp package reads them (RE2's syntax), told in PCRE2's: for configurations
-- that were written for programs in Go. What Go refuses is told with the reason; what it means is kept where
-- both read the same text differently ($, \s, \v, \z).

local go_regexp = {}

local MAX_DEPTH, MAX_REPEAT, MAX_WORDS = 100, 1000, 64

-- Letters that may stand behind a backslash, and what PCRE2 calls the same. Those without a mark are
-- characters or classes of one character.
local escapes = {
  a = "\\a", f = "\\f", n = "\\n", r = "\\r", t = "\\t", v = "\\x0b",
  d = "\\d", D = "\\D", w = "\\w", W = "\\W", s = "[\\t\\n\\f\\r ]", S = "[^\\t\\n\\f\\r ]",
}
local in_class = { s = "\\t\\n\\f\\r ", S = "\\S" }
local characters = { a = "\a", f = "\f", n = "\n", r = "\r", t = "\t", v = "\v" }
local edges = { A = "\\A", z = "\\z", b = "\\b", B = "\\B" }

local ascii_classes = {}
for name in ("alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit"):gmatch("%a+") do
  ascii_classes[name] = true
end

local function refuse(format, ...)
  error({ refused = format:format(...) }, 0)
end

-- One character of UTF-8 at `i`.
local function character(p, i)
  return p.text:match("^[%z\1-\127\194-\244][\128-\191]*", i) or refuse("it is not UTF-8")
end

-- What a part stands for: its PCRE2, the least number of characters it takes, and all texts that it can be
-- (nil: too many).
local function part(pcre, least, words)
  return { pcre = pcre, least = least, words = words }
end

local parse_alternatives

-- "{2,5}" at `i`: its bounds and the offset behind it; nil: it is not of that form, and stands for itself.
local function counts(p, i)
  local low, comma, high, stop = p.text:match("^{(%d+)(,?)(%d*)}()", i)
  if not low then
    return nil
  end
  low = tonumber(low)
  high = comma == "" and low or tonumber(high)
  if low > MAX_REPEAT or (high or 0) > MAX_REPEAT then
    refuse("it repeats something more than %d times", MAX_REPEAT)
  elseif high and high < low then
    refuse("{%d,%d} goes from more to less", low, high)
  end
  return low, high, stop
end

-- The repetition at `i`: least times, its text, and the offset behind it; nil: there is none.
local function repetition(p, i)
  local c = p.text:sub(i, i)
  local low, _, stop
  if c == "*" or c == "?" then
    low, stop = 0, i + 1
  elseif c == "+" then
    low, stop = 1, i + 1
  elseif c == "{" then
    low, _, stop = counts(p, i)
  end
  if not low then
    return nil
  end
  if p.text:sub(stop, stop) == "?" then
    stop = stop + 1
  end
  return low, p.text:sub(i, stop - 1), stop
end

-- A class such as [a-z_] at `i`.
local function class(p, i)
  local start = i
  local out = { "[" }
  i = i + 1
  if p.text:sub(i, i) == "^" then
    out[2] = "^"
    i = i + 1
  end
  local first = true
  while true do
    local c = p.text:sub(i, i)
    if c == "" then
      refuse("'[' has no ']'")
    elseif c == "]" and not first then
      out[#out + 1] = "]"
      return part(table.concat(out), 1), i + 1
    elseif c == "[" and p.text:find("^%[:%^?%a*:%]", i) then
      local negated, name, stop = p.text:match("^%[:(%^?)(%a*):%]()", i)
      if not ascii_classes[name] then
        refuse("there is no class [:%s:]", name)
      end
      out[#out + 1] = ("[:%s%s:]"):format(negated, name)
      i = stop
    elseif c == "\\" then
      local letter = p.text:sub(i + 1, i + 1)
      local rest = p.text:match("^[pP]%b{}", i + 1) or p.text:match("^[pP]%u", i + 1)
        or p.text:match("^x%x%x", i + 1) or p.text:match("^x{%x+}", i + 1) or p.text:match("^[0-7]+", i + 1)
      if rest then
        out[#out + 1] = "\\" .. rest
        i = i + 1 + #rest
      elseif escapes[letter] then
        out[#out + 1] = in_class[letter] or escapes[letter]
        i = i + 2
      elseif letter ~= "" and not letter:find("%w") then
        out[#out + 1] = "\\" .. letter
        i = i + 2
      else
        refuse("'\\%s' in [%s is nothing that Go knows", letter, p.text:sub(start + 1, i - 1))
      end
    else
      local one = character(p, i)
      -- "[" in a class would be the beginning of a name to PCRE2.
      out[#out + 1] = (one == "[" or one == "]") and "\\" .. one or one
      i = i + #one
      local low, high = one, p.text:match("^%-([^%]\\])", i)
      if high and #low == 1 and high:byte() < 128 and high < low then
        refuse("the range %s-%s goes backwards", low, high)
      end
    end
    first = false
  end
end

-- What stands behind "(" at `i`: nothing of its own, flags, a name.
local function group(p, i, flags)
  local name = p.text:match("^%?P?<([%w_]+)>", i)
  if name then
    local opening = p.text:match("^%?P?<[%w_]+>", i)
    if opening:sub(1, 2) == "?<" then
      refuse("'(?<%s>' is known to Go 1.22 and later only; older ones want '(?P<%s>'", name, name)
    end
    local inner, stop = parse_alternatives(p, i + #opening, flags)
    return part("(?P<" .. name .. ">" .. inner.pcre .. ")", inner.least, inner.words), stop
  elseif p.text:sub(i, i) ~= "?" then
    local inner, stop = parse_alternatives(p, i, flags)
    return part("(" .. inner.pcre .. ")", inner.least, inner.words), stop
  end
  local on, off, last, stop = p.text:match("^%?([imsU]*)(%-?[imsU]*)([:)])()", i)
  if not on or off == "-" or (on == "" and off == "" and last == ")") then
    local what = p.text:match("^%?[<]?[%p]?", i) or "?"
    refuse("'(%s' is not in Go's regular expressions: there is no looking ahead or behind", what)
  end
  local changed = { i = flags.i, m = flags.m }
  for flag in on:gmatch(".") do
    changed[flag] = true
  end
  for flag in off:gmatch("%a") do
    changed[flag] = false
  end
  if last == ")" then
    flags.i, flags.m = changed.i, changed.m
    return part("(?" .. on .. off .. ")", 0, { "" }), stop, true
  end
  local inner, behind = parse_alternatives(p, stop, changed)
  return part("(?" .. on .. off .. ":" .. inner.pcre .. ")", inner.least, inner.words), behind
end

local function escape(p, i)
  local letter = p.text:sub(i + 1, i + 1)
  if edges[letter] then
    return part(edges[letter], 0, letter ~= "b" and letter ~= "B" and { "" } or nil), i + 2, letter
  elseif escapes[letter] then
    return part(escapes[letter], 1, characters[letter] and { characters[letter] } or nil), i + 2
  elseif letter == "Q" then
    local quoted, stop = p.text:match("^(.-)\\E()", i + 2)
    quoted, stop = quoted or p.text:sub(i + 2), stop or #p.text + 1
    return part((quoted:gsub("[^%w]", function(c) return c:byte() < 128 and "\\" .. c or c end)), #quoted,
      { quoted }), stop
  end
  local rest = p.text:match("^[pP]%b{}", i + 1) or p.text:match("^[pP]%u", i + 1)
    or p.text:match("^x%x%x", i + 1) or p.text:match("^x{%x+}", i + 1) or p.text:match("^0[0-7]*", i + 1)
    or p.text:match("^[1-7][0-7]+", i + 1)
  if rest then
    return part("\\" .. rest, 1), i + 1 + #rest
  elseif letter == "" then
    refuse("it ends with a backslash")
  elseif letter:find("%d") then
    refuse("'\\%s' is not in Go's regular expressions: groups cannot be named again", letter)
  elseif letter:find("%w") then
    refuse("'\\%s' is nothing that Go knows", letter)
  end
  return part("\\" .. letter, 1, { letter }), i + 2
end

-- One thing that can be repeated, the offset behind it, and what edge it is.
local function atom(p, i, flags)
  local c = p.text:sub(i, i)
  if c == "(" then
    p.depth = p.depth + 1
    if p.depth > MAX_DEPTH then
      refuse("it is nested too deeply")
    end
    local inner, stop, is_flag = group(p, i + 1, flags)
    p.depth = p.depth - 1
    if not is_flag then
      if p.text:sub(stop, stop) ~= ")" then
        refuse("'(' has no ')'")
      end
      stop = stop + 1
    end
    return inner, stop
  elseif c == "[" then
    return class(p, i)
  elseif c == "\\" then
    return escape(p, i)
  elseif c == "^" then
    return part("^", 0, { "" }), i + 1, not flags.m and "A"
  elseif c == "$" then
    return part((flags.m or p.one_line) and "$" or "\\z", 0, { "" }), i + 1, not flags.m and "z"
  elseif c == "." then
    return part(".", 1), i + 1
  end
  local one = character(p, i)
  local words = { one }
  if flags.i then
    words = nil
  end
  local plain = one:find("^[{}%]]$") and "\\" .. one or one
  return part(plain, 1, words), i + #one
end

local function product(a, b)
  if not a or not b or #a * #b > MAX_WORDS then
    return nil
  end
  local out = {}
  for _, left in ipairs(a) do
    for _, right in ipairs(b) do
      out[#out + 1] = left .. right
    end
  end
  return out
end

local function parse_sequence(p, i, flags)
  local out, least, words = {}, 0, { "" }
  local at_end = false -- behind a $
  while i <= #p.text do
    local c = p.text:sub(i, i)
    if c == "|" or c == ")" then
      break
    end
    local _, repeats = repetition(p, i)
    if repeats then
      refuse("'%s' repeats nothing: nothing stands before it", repeats)
    end
    local one, stop, edge = atom(p, i, flags)
    local low, text, behind = repetition(p, stop)
    if low then
      local _, again = repetition(p, behind)
      if again then
        refuse("'%s%s' repeats a repetition", text, again)
      end
      one = part(one.pcre:find("^.[\128-\191]*$") and one.pcre .. text or
        #one.pcre > 1 and not one.pcre:find("^[%[(\\]") and "(?:" .. one.pcre .. ")" .. text or one.pcre .. text,
        one.least * low, nil)
      stop = behind
    end
    if edge == "A" and least > 0 then
      p.never = p.never or "'^' stands behind something, where the text does not begin any more"
    elseif at_end and one.least > 0 then
      p.never = p.never or "something stands behind '$', where the text has ended"
    end
    at_end = at_end or edge == "z"
    out[#out + 1] = one.pcre
    least = least + one.least
    words = product(words, one.words)
    i = stop
  end
  return part(table.concat(out), least, words), i
end

function parse_alternatives(p, i, flags)
  local out, least, words = {}, math.huge, {}
  local own = { i = flags.i, m = flags.m } -- flags end with their group
  while true do
    local never = p.never
    p.never = nil
    local one
    one, i = parse_sequence(p, i, own)
    -- Only when no alternative can match does the whole never.
    if p.never then
      one.never = p.never
    end
    p.never = never
    out[#out + 1] = one
    least = math.min(least, one.least)
    if words and one.words and #words + #one.words <= MAX_WORDS then
      for _, word in ipairs(one.words) do
        words[#words + 1] = word
      end
    else
      words = nil
    end
    if p.text:sub(i, i) ~= "|" then
      break
    end
    i = i + 1
  end
  local texts, dead = {}, true
  for n, one in ipairs(out) do
    texts[n] = one.pcre
    dead = dead and one.never ~= nil
  end
  if dead then
    p.never = p.never or out[1].never
  end
  return part(table.concat(texts, "|"), least, words), i
end

-- What Go makes of `pattern`; with `one_line`, for texts without line ends, where $ is the same to both:
-- { pcre = the same for PCRE2, words = all texts that it stands for (nil: too many to tell), never = why it
-- matches nothing (nil: it may) }; nil and the reason when Go does not compile it.
function go_regexp.read(pattern, one_line)
  local p = { text = pattern, depth = 0, one_line = one_line }
  local ok, whole, stop = pcall(parse_alternatives, p, 1, {})
  if not ok then
    if type(whole) == "table" and whole.refused then
      return nil, whole.refused
    end
    error(whole, 0)
  end
  if stop <= #pattern then
    return nil, "')' has no '('"
  end
  return { pcre = whole.pcre, words = whole.words, never = p.never }
end

-- The regular expression that means what the glob `text` does, for messages.
function go_regexp.of_glob(text)
  local inner = text:gsub("^%*+", ""):gsub("%*+$", "")
  local pattern = inner:gsub("[%.%+%(%)%[%]{}|^$\\]", "\\%0"):gsub("%*+", ".*"):gsub("%?", ".")
  return (text:find("^%*") and "" or "^") .. pattern .. (text:find("%*$") and "" or "$")
end

return go_regexp
