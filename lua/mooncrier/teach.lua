-- Errors that teach: what Lua says of a mistake in a script, with the expression that it is about as the
-- author wrote it, and with what was probably meant. Called for errors alone, so it may take its time.

local core = require("mooncrier.core")
local event = require("mooncrier.event")
local expression = require("mooncrier.expression")
local frozen = require("mooncrier.frozen")
local known_hooks = require("mooncrier.hooks")

local teach = {}

expression.is_ours = event.is_view

-- What other languages call the methods of strings.
local string_hints = {
  contains = "s:find(text, 1, true) does it", includes = "s:find(text, 1, true) does it",
  indexOf = "s:find(text, 1, true) does it", index = "s:find(text, 1, true) does it",
  split = 'for part in s:gmatch("[^,]+") do … goes through the parts',
  startswith = "s:sub(1, #start) == start does it", startsWith = "s:sub(1, #start) == start does it",
  hasPrefix = "s:sub(1, #start) == start does it",
  endswith = "s:sub(-#ending) == ending does it", endsWith = "s:sub(-#ending) == ending does it",
  hasSuffix = "s:sub(-#ending) == ending does it",
  trim = 's:match("^%s*(.-)%s*$") does it', strip = 's:match("^%s*(.-)%s*$") does it',
  replace = "s:gsub(pattern, text) does it", equals = "a == b compares",
  length = "#s is its length", size = "#s is its length",
  toLowerCase = "s:lower() does it", toUpperCase = "s:upper() does it",
  substring = "s:sub(first, last) does it", substr = "s:sub(first, last) does it",
  concat = "a .. b joins", toString = "tostring(x) does it", test = "s:find(pattern) does it",
  matches = "s:match(pattern) does it",
}

-- Fields of events that are times as text.
local times = {
  firstTimestamp = true, lastTimestamp = true, eventTime = true, lastObservedTime = true,
  creationTimestamp = true, deletionTimestamp = true,
}

-- Parts of Lua's library that scripts have only when the configuration grants it, and by which name.
local granted = { io = "io", os = "os", debug = "debug", jit = "jit", ffi = "ffi" }

local not_in_sandbox = {
  load = true, loadstring = true, loadfile = true, dofile = true, xpcall = true, collectgarbage = true,
  module = true, getfenv = true, setfenv = true, newproxy = true, gcinfo = true, package = true,
}

local elsewhere = {
  null = "Lua writes nil, and json.null for JSON's null", None = "Lua writes nil", undefined = "Lua writes nil",
  True = "Lua writes true", False = "Lua writes false", console = "log.info(…) writes to the log",
  fmt = '("%s"):format(x) does it', len = "#x is the length of x", str = "tostring(x) does it",
  int = "tonumber(x) does it", float = "tonumber(x) does it", now = "time.now() does it",
  math_floor = "math.floor does it", this = "a hook is given the event as its argument",
}

-- Names of members of a table, also of one that shows those of another.
local function member_names(of)
  local names = {}
  for _ = 1, 5 do
    if type(of) ~= "table" then
      break
    end
    for key in next, of do
      if type(key) == "string" then
        names[#names + 1] = key
      end
    end
    local metatable = debug.getmetatable(of)
    of = metatable and rawget(metatable, "__index")
  end
  return names
end

local function quoted_key(name)
  return type(name) == "string" and ('["%s"]'):format(name) or ""
end

local function has_no_member(node)
  local base, name = node.base.value, node.key.value
  if type(base) == "string" then
    local hint = string_hints[name]
    local close = core.suggest(name, member_names(string))
    return ("strings have no method '%s'"):format(name) .. (hint and "; " .. hint
      or close and ("; did you mean '%s'?"):format(close)
      or "; they have those of Lua's string library")
  end
  local library = node.base.text
  if library == "os" and name == "getenv" then
    return 'env("NAME") gives environment variables'
  elseif library == "string" and string_hints[name] then
    return string_hints[name]
  elseif granted[library] and type(_G[library]) == "table" and _G[library][name] ~= nil then
    return ("scripts have no %s.%s, unless the configuration grants it: allow = { \"%s\" }"):format(
      library, name, granted[library])
  end
  local names = member_names(base)
  local close = core.suggest(name, names)
  if close then
    return ("did you mean '%s.%s'?"):format(library, close)
  elseif frozen.is(base) then
    table.sort(names)
    return ("%s has %s"):format(library, table.concat(names, ", "))
  end
end

-- Whether the node is a member of something whose members are known, by a name.
local function is_named_member(node)
  return node.base and node.base.known and node.key.known and type(node.key.value) == "string"
end

-- Why `node` is nil; nil: nobody knows. `key` is what it was asked for, if that is a constant; `default` what
-- could stand in its place.
local function why_nil(node, key, default)
  if node.text and node.text:find(":get%(…%)$") then
    return "event:get gives nil for what the event does not have"
  elseif node.text == "time.parse(…)" then
    return "time.parse gives nil for what is no time"
  elseif is_named_member(node) then
    local base, name = node.base.value, node.key.value
    if event.is_pairs(base) then
      local of = node.base.text
      local none = ("this event has no %s '%s'"):format(
        of:find("annotations$") and "annotation" or "label", name)
      if key and string[key] == nil and not default then
        return none .. ("; names with dots or slashes are written %s%s"):format(
          of, quoted_key(name .. "." .. key .. (key == "kubernetes" and ".io/name" or "…")))
      end
      default = default or key and '""'
      return default and ("%s; (%s or %s) can be taken instead"):format(none, node.text, default) or none
    elseif type(base) == "string" and key then
      return node.base.text .. " is a text, which has no fields"
    end
    local hint = (type(base) == "string" or type(base) == "table") and has_no_member(node)
    if hint then
      return hint
    end
  elseif node.base and node.base.known and type(node.base.value) == "table" and next(node.base.value) == nil then
    return node.base.text .. " is empty"
  end
  return default and node.text and node.text ~= "nil" and ("(%s or %s) can be taken instead"):format(
    node.text, default) or nil
end

local function is_time(node)
  return node.key and times[node.key.value] and node.text
end

local function time_hint(list)
  for _, node in ipairs(list) do
    if is_time(node) then
      return ("%s is a text; event.time and time.parse(%s) are numbers, Unix seconds"):format(node.text, node.text)
    end
  end
end

local function is_kind(node, kind)
  return node.known and type(node.value) == kind
end

local function any(list, kind)
  for _, node in ipairs(list) do
    if is_kind(node, kind) then
      return node
    end
  end
end

-- verb → what was probably meant, given the operands, the one that is wrong and the name it was asked for.
local hints = {
  index = function(_, wrong, key)
    return is_kind(wrong, "nil") and why_nil(wrong, key) or nil
  end,
  call = function(_, wrong)
    if wrong.value == nil then
      return why_nil(wrong)
    elseif wrong.text == "log" then
      return 'log.info("…") writes to the log'
    elseif type(wrong.value) ~= "table" and wrong.text then
      return wrong.text:gsub(":", ".") .. " is no function; it is read without ()"
    end
  end,
  ["perform arithmetic on"] = function(list, wrong)
    local hint = time_hint(list)
    if hint then
      return hint
    elseif is_kind(wrong, "string") then
      return "texts are joined by .., and tonumber(…) makes a number of a text"
    elseif wrong.known and wrong.value == nil then
      return why_nil(wrong, nil, "0")
    end
  end,
  concatenate = function(_, wrong)
    if wrong.known and wrong.value == nil then
      return why_nil(wrong, nil, '""')
    elseif wrong.known and event.is_view(wrong.value) then
      return "one of its fields can be joined, or tostring(…), which is its JSON"
    elseif wrong.known then
      return "tostring(…) makes a text of it"
    end
  end,
  compare = function(list)
    local hint = time_hint(list)
    if hint then
      return hint
    elseif any(list, "number") and any(list, "string") then
      return "tonumber(…) makes a number of a text"
    end
    local none = any(list, "nil")
    return none and why_nil(none, nil, "0") or nil
  end,
  ["get length of"] = function(_, wrong)
    return wrong.value == nil and why_nil(wrong) or nil
  end,
}

-- The C structs behind views, as messages of LuaJIT's FFI name them.
local structs = {
  mcr_view = "an event", mcr_meta_view = "metadata", mcr_ref_view = "an object reference",
  mcr_source_view = "a source", mcr_series_view = "a series", mcr_pairs_view = "labels or annotations",
}

local function without_structs(text)
  return (text:gsub("'struct (mcr_[%a_]+)'", structs):gsub("'struct (mcr_[%a_]+) &?'", structs))
end

local function kind_of(node)
  if event.is_view(node.value) then
    return event.kind_of(node.value)
  end
  return "a " .. type(node.value) .. " value"
end

-- What a message says of its operand: its name, if any, and its type; both nil when it says neither.
local function said_of(rest)
  local name, kind = rest:match("^%a+ '(.-)' %(a (%a+) value%)$")
  if not kind then
    kind = rest:match("^a (%a+) value$")
  end
  return name, kind
end

local function is_wrong(verb, node, name, kind)
  if name and not (node.text == name or node.key and node.key.value == name) then
    return false
  elseif not node.known then
    return true
  elseif kind then
    -- A text that is a number may stand where a number must.
    return type(node.value) == kind
      and not (kind == "string" and verb == "perform arithmetic on" and tonumber(node.value))
  end
  return type(node.value) == "cdata"
end

-- Calls that never give nil.
local never_nil = { ["time.now()"] = true, ["tostring(…)"] = true, ["time.date(…)"] = true, ["type(…)"] = true }

-- "attempt to `verb` …": which operand of which instruction of the line it was. nil when it may have been
-- one of several, as what calls have given is not known: then also the texts of these.
local function find_wrong(frame, verb, name, kind)
  local found
  local texts = {}
  expression.each(frame, verb, function(list, ins, pc)
    for _, node in ipairs(list) do
      if is_wrong(verb, node, name, kind) and not (kind == "nil" and never_nil[node.text]) then
        texts[#texts + 1] = expression.text(node) or "?"
        found = found or { list = list, node = node, key = expression.key(frame, ins), pc = pc }
        if node.known then
          return false
        end
      end
    end
  end)
  if #texts > 1 then
    return nil, texts
  elseif found then
    local node = found.node
    if not node.known then -- now it is, when it is nil
      found.node = { text = node.text, known = kind == "nil", base = node.base, key = node.key }
    end
    return found
  end
end

local function with_hint(text, hint)
  return hint and text .. "; " .. hint or text
end

-- Which ones it may have been, when these are known and few.
local function one_of(texts, message)
  local told, list = {}, {}
  for _, text in ipairs(texts) do
    if text == "?" then
      return nil
    elseif not told[text] then
      told[text] = true
      list[#list + 1] = text
    end
  end
  return #list < 4 and message .. ": " .. table.concat(list, " or ") or nil
end

local function about_one(frame, verb, rest)
  local name, kind = said_of(rest)
  local found, texts
  if frame then
    found, texts = find_wrong(frame, verb, name, kind)
  end
  if not found then
    return texts and not name and one_of(texts, ("attempt to %s %s"):format(verb, without_structs(rest))) or nil
  end
  local node = found.node
  local text = expression.text(node)
  local origin = node.register and expression.origin(frame, node, found.pc)
  if origin and expression.text(origin) and origin.text ~= "nil" then
    return with_hint(("attempt to %s %s, which is %s"):format(verb, without_structs(rest), origin.text),
      kind == "nil" and why_nil(origin, found.key))
  elseif text and text ~= "nil" and not rest:find("^local ") and not rest:find("^upvalue ") then
    rest = ("%s (%s)"):format(text, node.known and kind_of(node) or "a " .. (kind or "?") .. " value")
  end
  return with_hint(("attempt to %s %s"):format(verb, without_structs(rest)),
    hints[verb](found.list, node, found.key))
end

local function about_two(frame)
  return frame and expression.each(frame, "compare", function(list)
    local left, right = unpack(list)
    if left.known and right.known and type(left.value) == type(right.value)
      and (type(left.value) == "number" or type(left.value) == "string") then
      return nil -- this one is fine
    end
    local function shown(node)
      local text = expression.text(node)
      if text == "nil" then
        return "nil"
      elseif not text then
        return node.known and kind_of(node) or nil
      end
      return node.known and ("%s (%s)"):format(text, kind_of(node)) or text
    end
    local a, b = shown(left), shown(right)
    return a and b and with_hint(("attempt to compare %s with %s"):format(a, b), hints.compare(list)) or nil
  end)
end

local own_source = debug.getinfo(1, "S").source:gsub("teach%.lua$", "")

-- The innermost function of a script at `level` (of this function) or below. `through`: also when it called
-- one of ours that raised the error; else nil then, and when the script raised it itself.
local function frame_of(level, through)
  for at = level, level + 6 do
    local info = debug.getinfo(at, "Sn")
    local is_own = info and info.source:sub(1, #own_source) == own_source
    if not info or not through and (is_own or info.what == "C" and info.name == "error") then
      return nil
    elseif info.what ~= "C" and not is_own then
      local frame = expression.frame(at) -- no tail call: levels count
      return frame
    end
  end
end

-- "bad argument #1 to 'ipairs' (table expected, got nil)": which expression that was.
local function about_argument(frame, text)
  local n, name = text:match("^bad argument #(%d+) to '(.-)' %(")
  if text:find("^pairs takes ") then
    n, name = 1, "pairs"
  end
  return frame and n and expression.each(frame, "call", function(list, ins, pc)
    local called = list[1]
    if called.text and called.text:match("[%w_]+$") == name then
      local given = expression.arguments(frame, ins, pc)[tonumber(n)]
      local shown = given and expression.text(given)
      return shown and shown ~= "nil" and ("%s, which is %s"):format(text, shown) or nil
    end
  end)
end

local verbs = { "index", "call", "perform arithmetic on", "concatenate", "get length of" }

local function improved(text, level)
  local rest = text:match("^attempt to (.*)$")
  if text:find("^bad argument ") or text:find("^pairs takes ") then
    return about_argument(frame_of(level + 1, true), text) or text
  elseif not rest then
    if text:find("'struct mcr_pairs_view' is not callable", 1, true) or text:find("'__ipairs' metamethod", 1, true) then
      return without_structs(text) .. "; for name, value in pairs(event.metadata.labels) do … goes through labels"
    end
    return without_structs(text)
  elseif rest:find("^compare ") then
    return about_two(frame_of(level + 1)) or without_structs(text)
  end
  for _, verb in ipairs(verbs) do
    if rest:sub(1, #verb + 1) == verb .. " " then
      return about_one(frame_of(level + 1), verb, rest:sub(#verb + 2)) or without_structs(text)
    end
  end
  return without_structs(text)
end

-- The message `text` of an error ("file:line: attempt to …") that was raised at `level` of the caller, with
-- what it is about. Any other message comes back as it is.
function teach.of_error(text, level)
  local place, what = text:match("^([^\n]-:%d+: )(.*)$")
  local said = what or text
  if not (said:find("^attempt to ") or said:find("^bad argument ") or said:find("^pairs takes ")
      or said:find("'struct mcr_", 1, true)) then
    return text
  end
  local ok, better = pcall(improved, said, level + 3)
  return (place or "") .. (ok and better or said)
end

-- What people bring from other languages: a pattern in the line, which has no strings and comments any more,
-- a pattern in Lua's message, and what Lua has instead.
local habits = {
  { "!=", nil, "Lua writes \"not equal\" as ~=" },
  { "===", nil, "Lua compares with ==" },
  { "&&", nil, "Lua writes it as and" },
  { "||", nil, "Lua writes it as or" },
  { "![%w_(]", nil, "Lua writes it as not" },
  { "%+%+", nil, "Lua has no ++: n = n + 1" },
  { "[%+%-%*/]=", nil, "Lua has no such assignment: n = n + 1" },
  { "//", nil, "comments begin with --" },
  { "=>", nil, "functions are written function(event) … end" },
  { "^%s*const%s", nil, "variables are declared by local" },
  { "^%s*let%s", nil, "variables are declared by local" },
  { "^%s*var%s", nil, "variables are declared by local" },
  { "%f[%w]continue%f[%W]", nil, "Lua has no continue; if not … then … end around the rest does it" },
  { "%f[%w]null%f[%W]", "near 'null'", "Lua writes nil" },
  { "%f[%w]elif%f[%W]", nil, "Lua writes elseif" },
  { "%?.*:", nil, "a and b or c takes b if a is true, else c" },
  { "%[", "near '%['", "lists are written { 1, 2 }" },
  { "{%s*[%w_]+%s*:", nil, "members of a table are written name = value" },
  { "=", "'then' expected near '='", "== compares, = assigns" },
  { "{", "near '{'", "Lua has no { } around blocks: then … end, do … end, function() … end" },
  { ":[%w_]+", "function arguments expected", "a colon calls a method, event:get(…); fields have a dot" },
}

-- Strings and the comment of a line taken out.
local function bare(line)
  return (line:gsub("\\.", ""):gsub('%b""', '""'):gsub("%b''", '""'):gsub("%-%-.*", ""))
end

local function nth_line(text, n)
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    n = n - 1
    if n == 0 then
      return line
    end
  end
end

-- The message of the compiler about the chunk `text`, with what was probably meant.
function teach.of_syntax(message, text)
  local n = tonumber(message:match("^[^\n]-:(%d+): "))
  if n and message:find("function arguments expected", 1, true) and n > 1 then
    n = n - 1 -- what is found missing is found on the next line
  end
  local line = n and bare(nth_line(text, n) or "")
  for _, habit in ipairs(line and habits or {}) do
    if line:find(habit[1]) and (not habit[2] or message:find(habit[2])) then
      return message .. "; " .. habit[3]
    end
  end
  if message:find("'}' expected .* near '[%a_]") then
    return message .. "; a comma may be missing before it"
  elseif message:find("'end' expected .* near '<eof>'") and text:find("else%s+if") then
    return message .. "; Lua writes elseif in one word, else if begins another if that needs its own end"
  elseif message:find("'=' expected near") then
    return message .. "; a line that only computes does nothing: give it to a variable, or return it"
  end
  return message
end

-- What a script may have meant by the global `name`, which there is not, if it is no slip of the pen.
function teach.undefined_global(name)
  if elsewhere[name] then
    return elsewhere[name]
  elseif granted[name] then
    return ("the configuration can grant it: allow = { \"%s\" }"):format(granted[name])
  elseif not_in_sandbox[name] then
    return "scripts do not have it"
  elseif event.has_field(name) then
    return ("did you mean 'event.%s'?"):format(name)
  end
end

-- That `name`, read as a global at `level` of the caller, is a local that is defined further down; nil: it is not.
function teach.defined_below(name, level)
  local info = debug.getinfo(level + 1, "Sl")
  local text = info and info.source:sub(1, 1) == "@" and core.read_file(info.source:sub(2))
  if not text or type(name) ~= "string" or not name:find("^[%a_][%w_]*$") then
    return nil
  end
  local n = 0
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    n = n + 1
    if n > info.currentline and (line:find("^local function " .. name .. "%f[^%w_]")
        or line:find("^local " .. name .. "%s*=")) then
      return ("it is a local that is defined further down, in line %d: it must stand above"):format(n)
    end
  end
end

-- The message of `what`, a function that formats its arguments, about string.format's.
function teach.of_format(what, message)
  local n, why = message:match("^bad argument #(%d+) to '.-' %((.*)%)$")
  if not n then
    return ("%s: %s"):format(what, message)
  end
  return ("%s: value %d for the format: %s"):format(what, tonumber(n) - 1, why)
end

-- Names of the variables that the function at `level` of the caller sees.
function teach.variables(level)
  local names = {}
  for i = 1, 250 do
    local name = debug.getlocal(level + 1, i)
    if not name then
      break
    elseif name:sub(1, 1) ~= "(" then
      names[#names + 1] = name
    end
  end
  local info = debug.getinfo(level + 1, "f")
  for i = 1, info and 60 or 0 do
    local name = debug.getupvalue(info.func, i)
    if not name then
      break
    end
    names[#names + 1] = name
  end
  return names
end

-- What to say of an assignment to the global `name`.
function teach.assigned_global(name)
  if known_hooks.of_watchers[name] or known_hooks.of_sinks[name] then
    return ("hooks are members of the table that a script returns: return { %s = %s }, with local function %s")
      :format(name, name, name)
  end
  return "make it local"
end

return teach
