-- What an expression of a script was that failed, as its author would write it:
-- `event.metadata.labels.app`, `event:get("a").b`. Lua's own messages name a variable or a field, or nothing.
-- Read out of the bytecode before the instruction that failed, with the values that variables have.

local bytecode = require("mooncrier.bytecode")
local util = require("jit.util")

local expression = {}

local op, ARGUMENT = bytecode.op, bytecode.ARGUMENT

local MAX_DEPTH, MAX_TEXT = 20, 120

-- What is known of an expression: its text; whether its value is known, and the value; of what it is a
-- member, by which key.
local function node(text, known, value)
  return { text = text, known = known, value = value }
end

local unknown = node(nil, false, nil)

-- Whether reading a member of a cdata runs nobody's code but ours: set by teach.lua.
function expression.is_ours()
  return false
end

-- base[key] without running code of the script: whether it is known, and the value.
function expression.member(base, key)
  for _ = 1, 5 do
    if type(base) == "string" then
      base = string
    elseif type(base) == "cdata" then
      if not expression.is_ours(base) then
        return false
      end
      -- A field that there is not raises.
      return pcall(function() return base[key] end)
    elseif type(base) ~= "table" then
      return false
    end
    local value = key ~= nil and rawget(base, key) or nil
    local metatable = debug.getmetatable(base)
    local index = metatable and rawget(metatable, "__index")
    if value ~= nil or index == nil then
      return true, value
    elseif type(index) ~= "table" then
      return false
    end
    base = index
  end
  return false
end

local function short(value)
  if type(value) == "string" then
    return ("%q"):format(#value > 40 and value:sub(1, 40) .. "…" or value)
  end
  return tostring(value)
end

local function member_of(base, key, is_constant)
  if not base.text then
    return unknown
  end
  local text
  if is_constant and type(key.value) == "string" and key.value:find("^[%a_][%w_]*$") then
    text = base.text .. "." .. key.value
  elseif key.text then
    text = base.text .. "[" .. key.text .. "]"
  else
    return unknown
  end
  local known, value = false, nil
  if base.known and key.known then
    known, value = expression.member(base.value, key.value)
  end
  local made = node(text, known, value)
  made.base, made.key = base, key
  return made
end

local function constant(value)
  return node(short(value), true, value)
end

local describe

-- The instruction before `pc` that has put something into `register`; nil when that cannot be told.
local function writer(frame, pc, register)
  for at = pc - 1, 1, -1 do
    local ins = frame.code[at]
    if ins.op == op.JMP or frame.targets[at + 1] then
      return nil -- it depends on the way taken
    elseif ins.a_mode == bytecode.A_DST and ins.a == register then
      return ins, at
    elseif ins.a_mode == bytecode.A_BASE and register >= ins.a then
      return ins, at
    end
  end
end

-- What the call instruction `ins` at `pc` calls: `object:name` for a method.
local function called_by(frame, ins, pc, depth)
  local called, at = writer(frame, pc, ins.a)
  local before = called and called.op == op.TGETS and frame.code[at - 1]
  local made = describe(frame, ins.a, pc, depth)
  if before and before.op == op.MOV and before.a == ins.a + ARGUMENT and before.d == called.b and made.base then
    made.text = ("%s:%s"):format(made.base.text, made.key.value)
    made.is_method = true
  end
  return made
end

local function result_of_call(frame, ins, pc, depth)
  local f = called_by(frame, ins, pc, depth)
  local given = ins.c - 1 - (f.is_method and 1 or 0)
  return f.text and node(f.text .. (given == 0 and "()" or "(…)")) or unknown
end

local function set(...)
  local members = {}
  for _, member in ipairs({ ... }) do
    members[member] = true
  end
  return members
end

local arithmetic_vn, arithmetic_nv, arithmetic_vv = {}, {}, {}
for i = 0, 4 do -- + - * / %
  arithmetic_vn[op.ADDVN + i] = true
  arithmetic_nv[op.ADDNV + i] = true
  arithmetic_vv[op.ADDVV + i] = true
end
arithmetic_vv[op.POW] = true

-- Instructions whose result has no name, but a type.
local results = {
  [op.TNEW] = node(nil, true, {}), [op.TDUP] = node(nil, true, {}), [op.FNEW] = node(nil, true, set),
  [op.CAT] = node(nil, true, ""), [op.LEN] = node(nil, true, 0), [op.UNM] = node(nil, true, 0),
}
for _, family in ipairs({ arithmetic_vn, arithmetic_nv, arithmetic_vv }) do
  for kind in pairs(family) do
    results[kind] = results[op.LEN]
  end
end

local function made_by(frame, ins, pc, depth)
  local f, kind = frame.f, ins.op
  if kind == op.MOV then
    return describe(frame, ins.d, pc, depth)
  elseif kind == op.KSTR then
    return constant(bytecode.constant(f, ins.d))
  elseif kind == op.KSHORT then
    return constant(ins.d < 0x8000 and ins.d or ins.d - 0x10000)
  elseif kind == op.KNUM then
    return constant(util.funck(f, ins.d))
  elseif kind == op.KPRI then
    local values = { [0] = "nil", "false", "true" }
    return node(values[ins.d], true, ({ [1] = false, [2] = true })[ins.d])
  elseif kind == op.GGET then
    local name = bytecode.constant(f, ins.d)
    return node(name, expression.member(debug.getfenv(f), name))
  elseif kind == op.UGET then
    local name, value = debug.getupvalue(f, ins.d + 1)
    return name and node(name, true, value) or unknown
  elseif kind == op.TGETS then
    return member_of(describe(frame, ins.b, pc, depth), constant(bytecode.constant(f, ins.c)), true)
  elseif kind == op.TGETB then
    return member_of(describe(frame, ins.b, pc, depth), constant(ins.c), true)
  elseif kind == op.TGETV then
    return member_of(describe(frame, ins.b, pc, depth), describe(frame, ins.c, pc, depth), false)
  elseif kind == op.CALL then
    return result_of_call(frame, ins, pc, depth)
  end
  return results[kind] or unknown
end

-- What is in `register` when the instruction at `pc` runs.
function describe(frame, register, pc, depth)
  depth = depth + 1
  if depth > MAX_DEPTH then
    return unknown
  end
  local name = frame.names[register]
  if name then
    local made = node(name, not frame.has_event, frame.values[register])
    made.is_event, made.register = frame.has_event, register
    return made
  end
  local ins, at = writer(frame, pc, register)
  if not ins or (ins.a_mode == bytecode.A_BASE and ins.a ~= register) then
    return unknown
  end
  return made_by(frame, ins, at, depth)
end

local function read_code(f)
  local code, targets = {}, {}
  for pc = 1, math.huge do
    local ins = bytecode.decode(f, pc)
    if not ins then
      return code, targets
    end
    code[pc] = ins
    if ins.d_mode == bytecode.D_JUMP then
      targets[bytecode.jump_target(ins, pc)] = true
    end
  end
end

-- The function `f` as it stands in its script: its first parameter is an event that is called `name`, the
-- others are not known.
function expression.static_frame(f, name)
  local frame = { f = f, names = { [0] = name }, values = {}, has_event = true }
  frame.code, frame.targets = read_code(f)
  return frame
end

function expression.describe(frame, register, pc)
  return describe(frame, register, pc, 0)
end

function expression.called_by(frame, ins, pc)
  return called_by(frame, ins, pc, 0)
end

-- "file:line: " of the instruction at `pc`.
function expression.place(f, pc)
  local info = util.funcinfo(f, pc)
  return ("%s:%d: "):format((info.source:gsub("^[@=]", "")), info.currentline)
end

-- The function that runs at `level` (of the caller), its variables and its code; nil for one of C.
function expression.frame(level)
  local info = debug.getinfo(level + 1, "fl")
  if not info or info.currentline < 0 then
    return nil
  end
  local frame = { f = info.func, line = info.currentline, names = {}, values = {} }
  for i = 1, 250 do
    local name, value = debug.getlocal(level + 1, i)
    if not name then
      break
    elseif name:sub(1, 1) ~= "(" then
      frame.names[i - 1], frame.values[i - 1] = name, value
    end
  end
  frame.code, frame.targets = read_code(info.func)
  return frame
end

local reads = set(op.TGETS, op.TGETB, op.TGETV, op.TSETS, op.TSETB, op.TSETV)
local calls = set(op.CALL, op.CALLM, op.CALLT, op.CALLMT)
local compares = set(op.ISLT, op.ISGE, op.ISLE, op.ISGT)

-- The operands of an instruction that does `what`; nil when it does something else.
local operands = {
  index = function(frame, ins, pc)
    return reads[ins.op] and { describe(frame, ins.b, pc, 0) }
  end,
  call = function(frame, ins, pc)
    return calls[ins.op] and { called_by(frame, ins, pc, 0) }
  end,
  ["get length of"] = function(frame, ins, pc)
    return ins.op == op.LEN and { describe(frame, ins.d, pc, 0) }
  end,
  concatenate = function(frame, ins, pc)
    if ins.op ~= op.CAT then
      return nil
    end
    local list = {}
    for register = ins.b, ins.c do
      list[#list + 1] = describe(frame, register, pc, 0)
    end
    return list
  end,
  ["perform arithmetic on"] = function(frame, ins, pc)
    if ins.op == op.UNM then
      return { describe(frame, ins.d, pc, 0) }
    elseif arithmetic_vn[ins.op] then
      return { describe(frame, ins.b, pc, 0), constant(util.funck(frame.f, ins.c)) }
    elseif arithmetic_nv[ins.op] then
      return { constant(util.funck(frame.f, ins.c)), describe(frame, ins.b, pc, 0) }
    elseif arithmetic_vv[ins.op] then
      return { describe(frame, ins.b, pc, 0), describe(frame, ins.c, pc, 0) }
    end
  end,
  compare = function(frame, ins, pc)
    return compares[ins.op] and { describe(frame, ins.a, pc, 0), describe(frame, ins.d, pc, 0) }
  end,
}

-- What the variable `of` was given last before the instruction at `pc`; unknown when that depends on the way taken.
function expression.origin(frame, of, pc)
  local ins, at = writer(frame, pc, of.register)
  if not ins or (ins.a_mode == bytecode.A_BASE and ins.a ~= of.register) then
    return unknown
  end
  -- It and the variables behind it had no names yet.
  local names = {}
  for register, name in pairs(frame.names) do
    names[register] = register < of.register and name or nil
  end
  local before = { f = frame.f, names = names, values = frame.values, code = frame.code, targets = frame.targets }
  return made_by(before, ins, at, 0)
end

-- The arguments of the call `ins` at `pc`, as far as their number stands in the code.
function expression.arguments(frame, ins, pc)
  -- Those of M have one more, the results of the call before.
  local n = ins.op == op.CALL and ins.c - 1 or ins.op == op.CALLT and ins.d - 1
    or ins.op == op.CALLM and ins.c + 1 or ins.d + 1
  local list = {}
  for i = 1, n do
    list[i] = describe(frame, ins.a + ARGUMENT + i - 1, pc, 0)
  end
  return list
end

-- Calls each(operands, instruction, pc) for all instructions at the line of the frame that do `what`, one
-- of the verbs of Lua's messages ("index"…), in their order, until it returns something.
function expression.each(frame, what, each)
  for pc, ins in ipairs(frame.code) do
    if util.funcinfo(frame.f, pc).currentline == frame.line then
      local list = operands[what](frame, ins, pc)
      local found = list and each(list, ins, pc)
      if found then
        return found
      end
    end
  end
end

-- The text of a node, when it is short enough to be of use.
function expression.text(of)
  return of.text and #of.text <= MAX_TEXT and of.text or nil
end

-- The name that an index instruction looks up, when it is a constant.
function expression.key(frame, ins)
  if ins.op == op.TGETS or ins.op == op.TSETS then
    return bytecode.constant(frame.f, ins.c)
  end
end

return expression
