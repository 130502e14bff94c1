-- The reference as Markdown.

local annotations = require("annotations")

local markdown = {}

local function cell(text)
  return (text:gsub("|", "\\|"))
end

local function add(out, ...)
  for _, line in ipairs({ ... }) do
    out[#out + 1] = line
  end
end

local function add_doc(out, doc)
  for _, line in ipairs(doc) do
    out[#out + 1] = line
  end
  if #doc > 0 then
    out[#out + 1] = ""
  end
end

local function add_fields(out, fields)
  if #fields == 0 then
    return
  end
  add(out, "| field | type | |", "|---|---|---|")
  for _, field in ipairs(fields) do
    add(out, ("| `%s`%s | `%s` | %s |"):format(field.name, field.optional and " (optional)" or "",
      cell(field.type), cell(field.doc)))
  end
  add(out, "")
end

local write = {}

write["class"] = function(out, item)
  if #item.fields == 0 and #item.doc == 0 then
    return
  end
  add(out, "### " .. item.name, "")
  add_doc(out, item.doc)
  add_fields(out, item.fields)
end

function write.alias(out, item)
  add(out, "### " .. item.name, "")
  add_doc(out, item.doc)
  add(out, "    " .. item.type, "")
end

local function about(label, type_text, doc)
  return ("- %s`%s`%s"):format(label, type_text, doc ~= "" and ": " .. doc or "")
end

write["function"] = function(out, item)
  add(out, ("### `%s`"):format(annotations.call_of(item)), "")
  add_doc(out, item.doc)
  for _, param in ipairs(item.params) do
    add(out, about(("`%s`%s "):format(param.name, param.optional and " (optional)" or ""), param.type, param.doc))
  end
  for _, result in ipairs(item.returns) do
    add(out, about(("returns %s"):format(result.name and "`" .. result.name .. "` " or ""), result.type, result.doc))
  end
  if #item.params + #item.returns > 0 then
    add(out, "")
  end
end

---@param chapters table[] of outline.read
---@return string
function markdown.write(chapters)
  local out = {}
  add(out,
    "<!-- Written by lua/reference/write.lua from lua/meta/mooncrier.lua and lua/mooncrier/*.lua: change those. -->",
    "# The Lua API", "",
    "What scripts see. How to write one is in [README.md](README.md); the same text is `man mooncrier-lua`.",
    "Every line with `-->` is run by the tests, with the value behind it.", "")
  for _, chapter in ipairs(chapters) do
    add(out, "## " .. chapter.title, "")
    add_doc(out, chapter.doc)
    for _, item in ipairs(chapter.items) do
      write[item.kind](out, item)
    end
  end
  return (table.concat(out, "\n"):gsub("\n+$", "") .. "\n")
end

return markdown
