-- The reference as a manual page, mooncrier-lua(7), in mdoc.

local annotations = require("annotations")

local manual = {}

local function escape(text)
  text = text:gsub("\\", "\\e")
  return (text:gsub("^([.'])", "\\&%1"))
end

-- An argument of a macro: white space keeps it one, and words that are macros stay words.
local function quoted(text)
  return '"' .. escape(text):gsub('"', '\\(dq') .. '"'
end

local function add(out, ...)
  for _, line in ipairs({ ... }) do
    out[#out + 1] = line
  end
end

-- Running text: every sentence begins a line.
local function add_text(out, text)
  text = text:gsub("`", ""):gsub("([%w%)%.][.!?]) +", "%1\n")
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    add(out, escape(line))
  end
end

-- Text with paragraphs, ```lua blocks and indented lines.
local function add_doc(out, doc)
  local literal, fenced, gap = false, false, false
  local function set_literal(on)
    if on ~= literal then
      add(out, on and ".Bd -literal -offset indent" or ".Ed")
      literal, gap = on, false
    end
  end
  for _, line in ipairs(doc) do
    if line:match("^```") then
      fenced = not fenced
      set_literal(fenced)
    elseif fenced then
      add(out, escape(line))
    elseif line:match("^  ") then
      set_literal(true)
      add(out, escape(line:sub(3)))
    elseif line == "" then
      set_literal(false)
      gap = true
    else
      set_literal(false)
      if gap then
        add(out, ".Pp")
      end
      gap = false
      add_text(out, line)
    end
  end
  set_literal(false)
end

local function add_list(out, rows)
  if #rows == 0 then
    return
  end
  add(out, ".Bl -tag -width 4n")
  for _, row in ipairs(rows) do
    add(out, ".It " .. quoted(row[1]))
    if row[2] ~= "" then
      add_text(out, row[2])
    end
  end
  add(out, ".El")
end

local write = {}

write["class"] = function(out, item)
  if #item.fields == 0 and #item.doc == 0 then
    return
  end
  add(out, ".Ss " .. quoted(item.name))
  add_doc(out, item.doc)
  local rows = {}
  for i, field in ipairs(item.fields) do
    rows[i] = { ("%s%s: %s"):format(field.name, field.optional and "?" or "", field.type), field.doc }
  end
  add_list(out, rows)
end

function write.alias(out, item)
  add(out, ".Ss " .. quoted(item.name))
  add_doc(out, item.doc)
  add(out, ".Dl " .. quoted(item.type))
end

write["function"] = function(out, item)
  add(out, ".Ss " .. quoted(annotations.call_of(item)))
  add_doc(out, item.doc)
  local rows = {}
  for _, param in ipairs(item.params) do
    rows[#rows + 1] = { ("%s%s: %s"):format(param.name, param.optional and "?" or "", param.type), param.doc }
  end
  for _, result in ipairs(item.returns) do
    local name = result.name and result.name .. ": " or ""
    rows[#rows + 1] = { "returns " .. name .. result.type, result.doc }
  end
  add_list(out, rows)
end

---@param chapters table[] of outline.read
---@return string
function manual.write(chapters)
  local out = {}
  add(out,
    '.\\" Written by lua/reference/write.lua from lua/meta/mooncrier.lua and lua/mooncrier/*.lua: change those.',
    ".Dd November 23, 2026", ".Dt MOONCRIER-LUA 7", ".Os", ".Sh NAME", ".Nm mooncrier-lua",
    ".Nd what scripts of mooncrier see", ".Sh DESCRIPTION",
    "A script is a Lua file that returns a table of hooks, which",
    ".Xr mooncrier 1",
    "calls for each event.",
    "In the examples, what stands behind --> is the value of the line.")
  for _, chapter in ipairs(chapters) do
    add(out, ".Sh " .. quoted(chapter.title:upper()))
    add_doc(out, chapter.doc)
    for _, item in ipairs(chapter.items) do
      write[item.kind](out, item)
    end
  end
  add(out, ".Sh SEE ALSO", ".Xr luajit 1 ,", ".Xr mooncrier 1")
  return table.concat(out, "\n") .. "\n"
end

return manual
