-- What `mooncrier convert` writes and reads with: the YAML tree as C gives it (core/cli/convert.c), the notes for
-- standard error, and Lua source.

local core = require("mooncrier.core")

local convert_text = {}

--------------------------------------------------------------------------------------------------------
-- The tree: { kind = "map", "list", "text" or "null", line, text, pairs { key, value, line } or items }

local Reader = {}
Reader.__index = Reader

function convert_text.reader()
  return setmetatable({ notes = {} }, Reader)
end

-- Notes something to be said: level "info" or "warn"; `at` is a node, a line or nil.
function Reader:say(level, at, format, ...)
  local line = type(at) == "table" and at.line or at
  self.notes[#self.notes + 1] = { level = level, line = line, text = format:format(...) }
end

-- The pairs of a map with what its merge keys bring, as key → { value, line }, and the keys in order.
function Reader:map(node, what)
  local found, names = {}, {}
  if node == nil or node.kind == "null" then
    return found, names
  elseif node.kind ~= "map" then
    self:say("warn", node, "%s is a map; the exporter refuses anything else", what)
    return found, names
  end
  local function add(map, depth)
    for _, pair in ipairs(map) do
      if pair[1] == "<<" and depth < 10 then
        for _, other in ipairs(pair[2].kind == "map" and { pair[2] } or pair[2]) do
          add(other.kind == "map" and other or {}, depth + 1)
        end
      end
    end
    for _, pair in ipairs(map) do
      if pair[1] ~= "<<" then
        if not found[pair[1]] then
          names[#names + 1] = pair[1]
        end
        found[pair[1]] = { value = pair[2], line = pair.line }
      end
    end
  end
  add(node, 1)
  return found, names
end

-- The same for a map whose keys are known: the exporter reads over all others without a word.
function Reader:fields(node, what, known)
  local found, names = self:map(node, what)
  local out, allowed = {}, {}
  for name in known:gmatch("%S+") do
    allowed[name] = true
  end
  for _, name in ipairs(names) do
    if allowed[name] then
      out[name] = found[name].value.kind ~= "null" and found[name].value or nil
    else
      local list = {}
      for one in pairs(allowed) do
        list[#list + 1] = one
      end
      table.sort(list)
      local meant = core.suggest(name, list)
      self:say("warn", found[name].line, "%s has no '%s': the exporter reads over it%s", what, name,
        meant and ("; did you mean '%s'?"):format(meant) or "")
    end
  end
  return out
end

-- The items of a list.
function Reader:list(node, what)
  if node == nil or node.kind == "null" then
    return {}
  elseif node.kind ~= "list" then
    self:say("warn", node, "%s is a list; the exporter refuses anything else", what)
    return {}
  end
  return node
end

-- The text of a scalar; nil when it is none.
function Reader:text(node, what)
  if node == nil or node.kind == "null" then
    return nil
  elseif node.kind ~= "text" then
    self:say("warn", node, "%s is a text, not a %s: the exporter refuses the file", what, node.kind)
    return nil
  end
  return node.text
end

function Reader:number(node, what)
  local text = self:text(node, what)
  local n = tonumber(text)
  if text and not n then
    self:say("warn", node, "%s is a number, not '%s': the exporter refuses the file", what, text)
  end
  return n
end

local truths = { ["true"] = true, yes = true, on = true, y = true }

function Reader:boolean(node, what)
  local text = self:text(node, what)
  return text ~= nil and truths[text:lower()] == true
end

--------------------------------------------------------------------------------------------------------
-- Environment variables: the exporter puts them in before it reads the YAML

-- Calls literal(text) and variable(name) for the parts of a text.
local function each_part(text, literal, variable)
  local at = 1
  while true do
    local from = text:find("$", at, true)
    literal(text:sub(at, (from or 0) - 1))
    if not from then
      return
    end
    local name, stop = text:match("^{([%a_][%w_]*)}()", from + 1)
    if not name then
      name, stop = text:match("^([%a_][%w_]*)()", from + 1)
    end
    if not name then -- what a shell knows, and nobody has set
      stop = text:match("^[%*#%$@!%?%-%d]()", from + 1)
      name = stop and ""
    end
    if name and name ~= "" then
      variable(name)
    elseif not name then
      literal("$")
    end
    at = stop or from + 1
  end
end

function convert_text.has_variables(text)
  local any = false
  each_part(text, function() end, function() any = true end)
  return any
end

-- The text as it stands where there are no variables.
function convert_text.plain(text)
  local out = {}
  each_part(text, function(part) out[#out + 1] = part end, function() end)
  return table.concat(out)
end

--------------------------------------------------------------------------------------------------------
-- Lua source

local escapes = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\\"] = "\\\\", ['"'] = '\\"' }

local function quoted(text)
  return '"' .. text:gsub('[%c\\"]', function(c)
    return escapes[c] or ("\\%03d"):format(c:byte())
  end) .. '"'
end

-- Source that has been made already.
function convert_text.code(text)
  return { code = text }
end

-- A text with environment variables, as source. `change` is applied to what stands between them.
function convert_text.text(text, change)
  local parts, plain = {}, ""
  local function end_plain()
    if plain ~= "" then
      parts[#parts + 1] = quoted(change and change(plain) or plain)
    end
    plain = ""
  end
  each_part(text, function(part)
    plain = plain .. part
  end, function(name)
    end_plain()
    parts[#parts + 1] = ("env(%s)"):format(quoted(name))
  end)
  end_plain()
  return convert_text.code(#parts > 0 and table.concat(parts, " .. ") or '""')
end

local Table = {}
Table.__index = Table

-- A table constructor: t:item(value, comment), t:set(name, value, comment) in their order.
function convert_text.table()
  return setmetatable({ entries = {} }, Table)
end

function Table:item(value, comment)
  self.entries[#self.entries + 1] = { value = value, comment = comment }
  return self
end

-- nil is left out.
function Table:set(name, value, comment)
  if value ~= nil then
    self.entries[#self.entries + 1] = { name = name, value = value, comment = comment }
  end
  return self
end

function Table:is_empty()
  return #self.entries == 0
end

local keywords = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return
  then true until while]]):gmatch("%a+") do
  keywords[word] = true
end

local WIDTH = 110

local write

local function write_table(t, indent)
  local inner = indent .. "  "
  local parts, comments, lines = {}, false, false
  for i, entry in ipairs(t.entries) do
    local value = write(entry.value, inner)
    local name = entry.name and (entry.name:find("^[%a_][%w_]*$") and not keywords[entry.name] and entry.name
      or "[" .. quoted(entry.name) .. "]")
    parts[i] = (name and name .. " = " or "") .. value
    comments = comments or entry.comment ~= nil
    lines = lines or value:find("\n", 1, true) ~= nil
  end
  local line = #parts > 0 and "{ " .. table.concat(parts, ", ") .. " }" or "{}"
  if not comments and not lines and #line + #indent <= WIDTH then
    return line
  end
  local out = { "{" }
  for i, part in ipairs(parts) do
    local comment = t.entries[i].comment
    for text in (comment or ""):gmatch("[^\n]+") do
      out[#out + 1] = inner .. "-- " .. text
    end
    out[#out + 1] = inner .. part .. ","
  end
  out[#out + 1] = indent .. "}"
  return table.concat(out, "\n")
end

function write(value, indent)
  if type(value) == "string" then
    return quoted(value)
  elseif type(value) ~= "table" then
    return tostring(value)
  elseif value.code then
    return value.code
  end
  return write_table(value, indent)
end

-- The source of a value: a string, number, boolean, code or table.
function convert_text.write(value)
  return write(value, "")
end

return convert_text
