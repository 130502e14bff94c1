-- The names of sinks that a script has in its code, before it runs: what route returns as a constant,
-- and the second argument of emit. Read out of the bytecode, as the text alone does not say which of
-- its strings are names of sinks. What is computed is not seen; it is counted when it happens.

local bytecode = require("mooncrier.bytecode")
local util = require("jit.util")

local sink_names = {}

local decode, constant_at, ARGUMENT = bytecode.decode, bytecode.constant, bytecode.ARGUMENT
local A_DST, A_BASE, D_VAR, D_JUMP = bytecode.A_DST, bytecode.A_BASE, bytecode.D_VAR, bytecode.D_JUMP

local op = bytecode.op
local KSTR, RET1, TDUP, GGET, RET = op.KSTR, op.RET1, op.TDUP, op.GGET, op.RET
local CALLT, CALL, MOV, JMP = op.CALLT, op.CALL, op.MOV, op.JMP

-- The instructions of a function, by their place, each with those that may jump to it.
local function read_code(f)
  local code = {}
  for pc = 1, math.huge do
    local ins = decode(f, pc)
    if not ins then
      break
    end
    code[pc] = ins
  end
  for pc, ins in ipairs(code) do
    if ins.d_mode == D_JUMP then
      local target = code[bytecode.jump_target(ins, pc)]
      if target then
        target.from = target.from or {}
        table.insert(target.from, pc)
      end
    end
  end
  return code
end

-- Calls each(pc) for every instruction that may have run right before the one at `pc`.
local function each_before(code, pc, each)
  local last, one_more = code[pc - 1], code[pc - 2]
  if last and last.op ~= JMP and last.op ~= RET and last.op ~= RET1 and last.op ~= CALLT then
    each(pc - 1)
  end
  -- A comparison skips the jump behind it.
  if last and last.op == JMP and one_more and one_more.op < MOV then
    each(pc - 2)
  end
  for _, jump in ipairs(code[pc].from or {}) do
    each(jump)
  end
end

-- Calls each(instruction, pc) for those whose constant may be in `register` when the one at `pc` runs.
local function each_source(code, pc, register, each)
  local seen, waiting = {}, {}
  local function look(at, r)
    local key = at * 256 + r
    if not seen[key] then
      seen[key] = true
      waiting[#waiting + 1] = { at, r }
    end
  end
  look(pc, register)
  while #waiting > 0 do
    local at, r = unpack(table.remove(waiting))
    each_before(code, at, function(before)
      local ins = code[before]
      local writes = ins.a_mode == A_DST and ins.a == r
      if writes and ins.op == MOV then
        look(before, ins.d)
      elseif writes and ins.op < MOV and ins.d_mode == D_VAR then -- a copy, if it is true
        look(before, ins.d)
        look(before, r)
      elseif writes then
        each(ins, before)
      elseif not (ins.a_mode == A_BASE and r >= ins.a) then
        look(before, r)
      end
    end)
  end
end

-- The constant that an instruction loads.
local function constant(f, ins)
  return constant_at(f, ins.d)
end

local function add(names, f, pc, name)
  local info = util.funcinfo(f, pc)
  names[#names + 1] = { name = name, place = ("%s:%d: "):format(info.source:sub(2), info.currentline) }
end

-- Adds the names of a list, or of a map name → true, as route may return them.
local function add_table(names, f, pc, members)
  local sorted = {}
  for key, value in pairs(members) do
    local name = type(key) == "number" and value or value == true and key
    if type(name) == "string" then
      sorted[#sorted + 1] = name
    end
  end
  table.sort(sorted)
  for _, name in ipairs(sorted) do
    add(names, f, pc, name)
  end
end

-- What the route hook `f` returns: a list of { name =, place = "file:line: " }.
function sink_names.of_route(f)
  local names, code = {}, read_code(f)
  for pc, ins in ipairs(code) do
    if ins.op == RET1 or ins.op == RET then
      each_source(code, pc, ins.a, function(source, at)
        if source.op == KSTR then
          add(names, f, at, constant(f, source))
        elseif source.op == TDUP then
          add_table(names, f, at, constant(f, source))
        end
      end)
    end
  end
  return names
end

local function add_emits(names, f)
  local code = read_code(f)
  for pc, ins in ipairs(code) do
    local arguments = ins.op == CALL and ins.c - 1 or ins.op == CALLT and ins.d - 1 or 0
    local emits = false
    if arguments == 2 then
      each_source(code, pc, ins.a, function(source)
        emits = source.op == GGET and constant(f, source) == "emit"
      end)
    end
    if emits then
      each_source(code, pc, ins.a + ARGUMENT + 1, function(source, at)
        if source.op == KSTR then
          add(names, f, at, constant(f, source))
        end
      end)
    end
  end
  for i = 1, math.huge do
    local k = util.funck(f, -i)
    if k == nil then
      break
    elseif type(k) == "proto" then
      add_emits(names, k)
    end
  end
end

-- The sinks that `emit(event, "sink")` has anywhere in the chunk of a script; the same list.
function sink_names.of_emits(chunk)
  local names = {}
  add_emits(names, chunk)
  return names
end

return sink_names
