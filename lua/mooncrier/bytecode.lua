-- LuaJIT's bytecode, as far as it is read here: to find what a script names in its code (sink_names.lua)
-- and what an expression that failed was (expression.lua).

local bit = require("bit")
local util = require("jit.util")

local bytecode = {}

-- Modes of operands in LuaJIT's lj_bc.h.
bytecode.A_DST, bytecode.A_BASE, bytecode.D_VAR, bytecode.D_JUMP = 1, 2, 3, 13

-- The instruction at `pc` of the function `f`; nil behind its end.
function bytecode.decode(f, pc)
  local ins, mode = util.funcbc(f, pc)
  if not ins then
    return nil
  end
  return {
    op = bit.band(ins, 0xff),
    a = bit.band(bit.rshift(ins, 8), 0xff),
    b = bit.rshift(ins, 24),
    c = bit.band(bit.rshift(ins, 16), 0xff),
    d = bit.rshift(ins, 16),
    a_mode = bit.band(mode, 7),
    d_mode = bit.band(bit.rshift(mode, 7), 15),
  }
end

-- The place of the instruction that the jump `ins` at `pc` leads to.
function bytecode.jump_target(ins, pc)
  return pc + 1 + ins.d - 0x8000
end

-- The string or table that an instruction refers to by `index`, its D or C.
function bytecode.constant(f, index)
  return util.funck(f, -1 - index)
end

-- The number that it refers to.
function bytecode.number(f, index)
  return util.funck(f, index)
end

-- Opcodes have numbers of their own in each LuaJIT: they are looked up in code whose bytecode is known.
local function opcode(text, pc)
  return bytecode.decode(assert(loadstring(text)), pc).op
end

local op = {
  KSTR = opcode("return 'x'", 1),
  RET1 = opcode("return 'x'", 2),
  TDUP = opcode("return { 'x' }", 1),
  TNEW = opcode("return {}", 1),
  FNEW = opcode("return function() end", 1),
  GGET = opcode("return x", 1),
  RET = opcode("return 'x', 'y'", 3),
  CALLT = opcode("return x('y')", 3),
  CALLMT = opcode("return x(...)", 3),
  CALL = opcode("x('y')", 3),
  CALLM = opcode("x(...)", 3),
  VARG = opcode("x(...)", 2),
  MOV = opcode("local a = ... local b = a", 2),
  JMP = opcode("local a = ... if a then return 'x' end", 3),
  TGETS = opcode("local a = ... return a.b", 2),
  TGETB = opcode("local a = ... return a[1]", 2),
  TGETV = opcode("local a = ... return a[a]", 2),
  TSETS = opcode("local a = ... a.b = a", 2),
  TSETB = opcode("local a = ... a[1] = a", 2),
  TSETV = opcode("local a = ... a[a] = a", 2),
  LEN = opcode("local a = ... return #a", 2),
  UNM = opcode("local a = ... return -a", 2),
  ADDVN = opcode("local a = ... return a + 1", 2),
  ADDNV = opcode("local a = ... return 1 + a", 2),
  ADDVV = opcode("local a = ... return a + a", 2),
  POW = opcode("local a = ... return a ^ a", 2),
  CAT = opcode("local a = ... return a .. a", 4),
  ISLT = opcode("local a = ... return a < a", 2),
  ISGE = opcode("local a = ... if a < a then return end", 2),
  ISLE = opcode("local a = ... return a <= a", 2),
  ISGT = opcode("local a = ... if a <= a then return end", 2),
  ISEQS = opcode("local a = ... if a ~= 'x' then return end", 2),
  ISNES = opcode("local a = ... if a == 'x' then return end", 2),
  ISEQN = opcode("local a = ... if a ~= 1 then return end", 2),
  ISNEN = opcode("local a = ... if a == 1 then return end", 2),
  ISEQP = opcode("local a = ... if a ~= nil then return end", 2),
  ISNEP = opcode("local a = ... if a == nil then return end", 2),
  IST = opcode("local a = ... if not a then return end", 2),
  ISF = opcode("local a = ... if a then return end", 2),
  ISTC = opcode("local a = ... local b = a or 1", 2),
  ISFC = opcode("local a = ... local b = a and 1", 2),
  KSHORT = opcode("return 1", 1),
  KNUM = opcode("return 0.5", 1),
  KPRI = opcode("return true, nil", 1),
}
bytecode.op = op

do
  local inner = util.funck(assert(loadstring("local a = ... return function() return a end")), -1)
  op.UGET = bytecode.decode(inner, 1).op
end

-- The first argument of a call is so far from what is called.
bytecode.ARGUMENT = bytecode.decode(assert(loadstring("x('y')")), 2).a

return bytecode
