-- Reads the annotations of LuaLS (`---@class`, `---@field`, `---@param`, `---@return`, `---@alias`) with
-- the text around them out of Lua source. They are the one list of the API: the reference, its manual
-- page and the stubs of the modules are written from it.
--
-- read(text) is a list of items in the order of the source:
--   { kind = "section", title =, doc = }           "-- Title" below a line of dashes, and the comment on
--   { kind = "class", name =, variable =, fields = { { name =, type =, doc =, optional = } }, doc =, lines = }
--   { kind = "alias", name =, type =, doc =, lines = }
--   { kind = "function", owner =, name =, method =, arguments =, params =, returns =, doc =, lines = }
-- `doc` is a list of lines as written, `lines` the whole comment, without what is private.

local annotations = {}

-- Where the type that begins at `at` ends: "fun(s: string): boolean", '"a"|"b"', "table<string, any>[]".
local function type_end(text, at)
  local i = at
  while true do
    local is_function = text:match("^fun%(", i)
    if text:find('^"', i) then
      i = select(2, text:find('^"[^"]*"', i)) + 1
    elseif text:find("^{", i) then
      i = select(2, text:find("^%b{}", i)) + 1
    else
      i = (select(2, text:find("^[%w_.]+", i)) or i - 1) + 1
    end
    while text:find("^[<(%[?]", i) do
      local _, last = text:find("^%b<>", i)
      last = last or select(2, text:find("^%b()", i)) or select(2, text:find("^%b[]", i)) or i
      i = last + 1
    end
    if is_function and text:find("^: ", i) then
      i = type_end(text, i + 2)
      while text:find("^, [%w_.{\"]", i) do
        i = type_end(text, i + 2)
      end
    end
    if not text:find("^|", i) then
      return i
    end
    i = i + 1
  end
end

-- "type rest of the line" → type, rest
local function split_type(text)
  local stop = type_end(text, 1)
  return text:sub(1, stop - 1), text:sub(stop):match("^%s*(.*)$")
end

local function named(text)
  local name, optional, rest = text:match("^([%w_%.%[%]]+)(%??)%s+(.*)$")
  local type_text, doc = split_type(rest)
  return { name = name, optional = optional == "?", type = type_text, doc = doc }
end

local tags = {}

function tags.class(item, rest)
  item.kind, item.name, item.fields = "class", rest:match("^([%w_.]+)"), {}
end

function tags.alias(item, rest)
  item.kind, item.name = "alias", rest:match("^([%w_.]+)")
  item.type = rest:match("^[%w_.]+%s+(.*)$")
end

function tags.field(item, rest)
  if rest:match("^private ") then
    return false
  end
  if rest:match("^%[") then
    local key, type_text = rest:match("^(%b[]) (.*)$")
    item.fields[#item.fields + 1] = { name = key, type = type_text, doc = "" }
  else
    item.fields[#item.fields + 1] = named(rest)
  end
end

function tags.param(item, rest)
  if rest:match("^%.%.%.") then
    local type_text, doc = split_type(rest:match("^%.%.%.%s+(.*)$"))
    item.params[#item.params + 1] = { name = "...", type = type_text, doc = doc }
  else
    item.params[#item.params + 1] = named(rest)
  end
end

tags["return"] = function(item, rest)
  local type_text, after = split_type(rest)
  local name, doc = after:match("^([%a_]+)%s*(.*)$")
  item.returns[#item.returns + 1] = { type = type_text, name = name, doc = doc or "" }
end

function tags.generic() end

-- One comment: its text, and what its tags say.
local function read_comment(lines)
  local item = { params = {}, returns = {}, doc = {}, lines = {} }
  for _, line in ipairs(lines) do
    local text = line:match("^%-%-%-(.*)$")
    local tag, rest = text:match("^@(%a+)%s*(.*)$")
    local kept
    if tag then
      local read = tags[tag] or error(("the tag @%s is not known here: %s"):format(tag, line), 0)
      kept = read(item, rest)
    else
      item.doc[#item.doc + 1] = text
    end
    if kept ~= false then
      item.lines[#item.lines + 1] = line
    end
  end
  return item
end

-- What the line behind a comment makes of it; nil when it is nothing of the API.
local function settle(item, code)
  if item.kind == "class" then
    item.variable = code:match("^local ([%w_]+) = ") or code:match("^([%w_]+) = ")
    return item
  elseif item.kind then
    return item
  end
  local owner, separator, name, arguments = code:match("^function ([%w_]-)([.:]?)([%w_]+)(%b())")
  if not name then
    return nil
  end
  item.kind, item.name, item.arguments = "function", name, arguments
  item.owner, item.method = owner ~= "" and owner or nil, separator == ":"
  return item
end

---@param text string Lua source
---@return table[] items
function annotations.read(text)
  local items, comment, section = {}, {}, nil
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    if section and not line:match("^%-%- ?") then
      items[#items + 1], section = section, nil
    end
    if line:match("^%-%-%-%-%-%-%-%-+$") then
      section = { kind = "section", doc = {} }
    elseif section then
      local said = line:match("^%-%- ?(.*)$")
      if section.title then
        section.doc[#section.doc + 1] = said
      else
        section.title = said
      end
    elseif line:match("^%-%-%-@meta") then
      comment = {}
    elseif line:match("^%-%-%-") then
      comment[#comment + 1] = line
    elseif #comment > 0 then
      items[#items + 1] = settle(read_comment(comment), line)
      comment = {}
    end
  end
  return items
end

---How a function is called: "match.glob(glob)", "Window:add(key, n, now)".
---@param item table
---@return string
function annotations.call_of(item)
  local owner = item.owner and item.owner .. (item.method and ":" or ".") or ""
  return owner .. item.name .. item.arguments
end

return annotations
