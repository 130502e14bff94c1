-- What LuaJIT makes of a function: its bytecode beneath the lines of source it comes from.

local core = require("mooncrier.core")
local util = require("jit.util")

local listing = {}

-- The names of the instructions are in a file that LuaJIT's own tools bring along.
local function opcode_names()
  local ok, vmdef = pcall(require, "jit.vmdef")
  if not ok or type(vmdef.bcnames) ~= "string" then
    error("the names of LuaJIT's instructions are in jit/vmdef.lua, which is not installed "
      .. "(on Debian: apt-get install luajit)", 0)
  end
  return vmdef.bcnames
end

-- The lines of the chunk `source`, where they can be had.
local function lines_of(source, texts)
  local text = texts[source] or source:sub(1, 1) == "@" and core.read_file(source:sub(2)) or ""
  local lines = {}
  for line in text:gmatch("([^\n]*)\n?") do
    lines[#lines + 1] = line
  end
  return lines
end

local MODE_A, MODE_B, MODE_C = 7, 15 * 8, 15 * 128
-- Kinds of operands.
local UPVALUE, SIGNED, NUMBER, STRING, TABLE, FUNCTION, JUMP, CDATA = 5, 7, 9, 10, 11, 12, 13, 14

local function constant(func, kind, operand)
  local value
  if kind == NUMBER then
    value = util.funck(func, operand)
  elseif kind == STRING or kind == TABLE or kind == FUNCTION or kind == CDATA then
    value = util.funck(func, -operand - 1)
  elseif kind == UPVALUE then
    return util.funcuvname(func, operand)
  end
  if type(value) == "string" then
    return core.json_encode(#value > 40 and value:sub(1, 40) .. "…" or value)
  elseif type(value) == "proto" then
    local info = util.funcinfo(value)
    return ("function at line %d"):format(info.linedefined)
  end
  return value ~= nil and tostring(value) or nil
end

-- One instruction: its name, its operands, and what these stand for.
local function instruction(func, names, pc)
  local word, mode = util.funcbc(func, pc)
  if not word then
    return nil
  end
  local opcode = bit.band(word, 0xff)
  local name = names:sub(opcode * 6 + 1, opcode * 6 + 6):gsub("%s+$", "")
  local a, d = bit.band(bit.rshift(word, 8), 0xff), bit.rshift(word, 16)
  local kind_b, kind_c = bit.band(mode, MODE_B) / 8, bit.band(mode, MODE_C) / 128
  local operands, notes = {}, {}
  if bit.band(mode, MODE_A) ~= 0 then
    operands[1] = tostring(a)
    notes[#notes + 1] = constant(func, bit.band(mode, MODE_A), a)
  end
  if kind_b ~= 0 then
    operands[#operands + 1] = tostring(bit.rshift(d, 8))
    notes[#notes + 1] = constant(func, kind_b, bit.rshift(d, 8))
    d = bit.band(d, 0xff)
  end
  if kind_c == JUMP then
    operands[#operands + 1] = ("→ %d"):format(pc + d - 0x7fff)
  elseif kind_c ~= 0 then
    operands[#operands + 1] = tostring(kind_c == SIGNED and d > 0x7fff and d - 0x10000 or d)
    notes[#notes + 1] = constant(func, kind_c, d)
  end
  local note = #notes > 0 and "  ; " .. table.concat(notes, ", ") or ""
  return ("  %4d  %-6s %s%s"):format(pc, name, table.concat(operands, " "), note)
end

-- The listing of `func`, a Lua function. `texts` is the text of chunks that are no files, by name.
function listing.list(func, texts)
  local info = util.funcinfo(func)
  if not info.linedefined then
    error("it is not written in Lua: there is no bytecode", 0)
  end
  local names = opcode_names()
  local lines, seen = lines_of(info.source, texts or {}), nil
  local out = { ("function at %s, lines %d to %d: %d instructions, %d constants, %d upvalues, %d slots"):format(
    info.loc, info.linedefined, info.lastlinedefined, info.bytecodes, info.gcconsts + info.nconsts,
    info.upvalues, info.stackslots) }
  for pc = 1, info.bytecodes - 1 do
    local line = util.funcinfo(func, pc).currentline
    if line ~= seen then
      seen = line
      out[#out + 1] = ("%4d:%s"):format(line, (lines[line] or "") ~= "" and " " .. lines[line] or "")
    end
    out[#out + 1] = instruction(func, names, pc)
  end
  return table.concat(out, "\n") .. "\n"
end

return listing
