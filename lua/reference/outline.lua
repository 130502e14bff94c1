-- What the reference describes, in its order: the world of a script, then the modules it can require.

local annotations = require("annotations")

local outline = {}

outline.modules = { "match", "window", "template", "params", "alarm", "workload", "test" }

local function read_file(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

---@param module string
---@return table[] items of lua/mooncrier/MODULE.lua; the first is the class that stands for the module
function outline.module(module)
  local items = {}
  for _, item in ipairs(annotations.read(read_file("lua/mooncrier/" .. module .. ".lua"))) do
    if item.kind ~= "section" then
      items[#items + 1] = item
    end
  end
  return items
end

---The chapters: { title =, doc =, items = }.
---@return table[]
function outline.read()
  local chapters = {}
  for _, item in ipairs(annotations.read(read_file("lua/meta/mooncrier.lua"))) do
    if item.kind == "section" then
      chapters[#chapters + 1] = { title = item.title, doc = item.doc, items = {} }
    else
      table.insert(chapters[#chapters].items, item)
    end
  end
  for _, name in ipairs(outline.modules) do
    local items = outline.module(name)
    local module = table.remove(items, 1)
    chapters[#chapters + 1] = { title = "mooncrier." .. name, doc = module.doc, items = items, module = name }
  end
  return chapters
end

return outline
