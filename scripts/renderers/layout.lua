-- Renders events by a layout: a table of any shape, whose strings are templates (`mooncrier.template`), as JSON. What
-- is no string stays as it is. `mooncrier convert` writes layouts from those of kubernetes-event-exporter.
--
-- Besides the fields of the event, templates may have {{timestampMs}}, the Unix milliseconds of its first occurrence as
-- the exporter takes it (firstTimestamp, else eventTime), {{timestampISO}}, the same as 2006-01-02T15:04:05.000Z, and
-- {{event}}, all of it as JSON.
--
-- @param layout  table (none)  what is sent; left out: what the sink would send anyway
-- @param headers table ()      headers of the request, name = template
--
-- { "renderers/layout.lua", layout = { text = "{{reason}}: {{message}}", pod = { name = "{{involvedObject.name}}" } } }

local params = require("mooncrier.params")
local template = require("mooncrier.template")

local layout, headers

-- Names that are no fields, and what they stand for.
local special = {
  timestampMs = function(event)
    local first = event.firstTimestamp ~= "" and event.firstTimestamp or event.eventTime
    return first ~= "" and ("%.0f"):format(time.parse(first) * 1000) or "0"
  end,
  timestampISO = function(event)
    local first = event.firstTimestamp ~= "" and event.firstTimestamp or event.eventTime
    local seconds = first ~= "" and time.parse(first) or 0
    return time.format(seconds, 3)
  end,
  event = function(event)
    return tostring(event)
  end,
}

-- A template as a function(event). The special names are cut out before mooncrier.template sees it.
local function compile(text, where)
  local parts, at = {}, 1
  while true do
    local from, to, name = text:find("{{%s*(%a+)%s*}}", at)
    while from and not special[name] do
      from, to, name = text:find("{{%s*(%a+)%s*}}", to + 1)
    end
    local ok, part = pcall(template.compile, text:sub(at, (from or 0) - 1))
    if not ok then
      error(where .. ": " .. part:gsub("^[^:]*:%d+: (template)", "%1"), 0)
    end
    parts[#parts + 1] = part
    if not from then
      break
    end
    parts[#parts + 1] = special[name]
    at = to + 1
  end
  if #parts == 1 then
    return parts[1]
  end
  return function(event)
    local texts = {}
    for i, part in ipairs(parts) do
      texts[i] = part(event)
    end
    return table.concat(texts)
  end
end

local function compile_value(value, where)
  if type(value) == "string" then
    return compile(value, where)
  elseif type(value) ~= "table" then
    return function() return value end
  end
  local members = {}
  for name, member in pairs(value) do
    members[name] = compile_value(member, ("%s.%s"):format(where, tostring(name)))
  end
  local is_list = #value > 0
  return function(event)
    local out = {}
    for name, member in pairs(members) do
      out[name] = member(event)
    end
    return is_list and json.array(out) or out
  end
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, { layout = { "table", false }, headers = { "table", {} } })
    layout = given.layout and compile_value(given.layout, "layout")
    headers = next(given.headers) and compile_value(given.headers, "headers") or nil
  end,

  render = function(event)
    return layout and layout(event) or nil, headers and { headers = headers(event) } or nil
  end,
}
