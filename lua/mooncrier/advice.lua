-- What a script says of events that can never be as its author thinks, found when it is loaded: fields that
-- there are not, comparisons that never hold, event:with whose result is dropped. Read out of the bytecode of
-- hooks, and of the functions that they call whose first parameter is called event, too.

local bytecode = require("mooncrier.bytecode")
local core = require("mooncrier.core")
local event = require("mooncrier.event")
local expression = require("mooncrier.expression")
local known_hooks = require("mooncrier.hooks")

local advice = {}

local op = bytecode.op

-- The type of each field: "text", "number", "list", "labels", "method" or, of an object, those of its own.
-- Taken from an event that has nothing.
local shape

local function shape_of(view, part)
  local types = { part = part }
  for name in pairs(event.fields[part]) do
    local value = view[name]
    if type(value) == "string" then
      types[name] = "text"
    elseif type(value) == "number" then
      types[name] = "number"
    elseif type(value) == "function" then
      types[name] = "method"
    elseif event.is_pairs(value) then
      types[name] = "labels"
    elseif type(value) == "table" then
      types[name] = "list"
    else
      types[name] = shape_of(value, name == "related" and "involvedObject" or name)
    end
  end
  return types
end

local function get_shape()
  if not shape and core.decode('{"kind":"Event"}') then
    shape = shape_of(event.take_made(), "")
  end
  return shape
end

-- The type of what a node is; nil when it is not known.
local function type_of(node)
  if not node.base then
    return node.is_event and get_shape() or nil
  end
  local base = type_of(node.base)
  if type(base) == "table" and node.key.known and type(node.key.value) == "string" then
    return base[node.key.value]
  end
end

local when_missing = { text = 'a missing one reads ""', number = "a missing one reads 0" }

local values = {
  type = { Normal = true, Warning = true },
  change = { new = true, ["repeat"] = true, deleted = true },
}

-- What is wrong with comparing a text with `value`.
local function odd_text(node, value)
  local known = node.base.is_event and values[node.key.value]
  if known and value ~= "" and not known[value] then
    local names = {}
    for name in pairs(known) do
      names[#names + 1] = name
    end
    table.sort(names)
    return ("%s is never %q, but %s"):format(node.text, value, table.concat(names, ", "))
  end
end

local function odd_comparison(node, value)
  local kind = type_of(node)
  if not kind or kind == "labels" and value ~= nil then
    return nil
  elseif value == nil then
    if kind == "method" then
      return nil
    end
    return ("%s is never nil; %s"):format(node.text, when_missing[kind] or "it is there with every event")
  elseif kind == "text" and type(value) ~= "string" then
    return ("%s is a text, which never equals %s"):format(node.text, tostring(value))
  elseif kind == "number" and type(value) ~= "number" then
    return ("%s is a number, which never equals %s"):format(
      node.text, type(value) == "string" and ("%q"):format(value) or tostring(value))
  elseif kind == "text" then
    return odd_text(node, value)
  end
end

local primitives = { [0] = nil, false, true }

-- opcode → what is wrong with the instruction.
local checks = {}

local function comparison(value_of)
  return function(frame, ins, pc)
    local node = expression.describe(frame, ins.a, pc)
    return node.base and odd_comparison(node, value_of(frame, ins))
  end
end

local function truth(frame, ins, pc)
  if frame.targets[pc + 2] then
    return nil -- `a and event.reason or b`, where it must be
  end
  local node = expression.describe(frame, ins.d, pc)
  local kind = node.base and type_of(node)
  if kind and kind ~= "method" then
    return ("%s counts as true, whatever it is; %s"):format(
      node.text, when_missing[kind] or "it is there with every event")
  end
end

local function member(frame, ins, pc)
  local node = expression.describe(frame, ins.b, pc)
  local kind = type_of(node)
  local key = expression.key(frame, ins)
  if type(kind) == "table" and key and not kind[key] then
    return event.no_field(kind.part, key, kind.part == "" and "an event" or kind.part)
  end
end

local function dropped_result(frame, ins, pc)
  local called = expression.called_by(frame, ins, pc)
  if ins.b == 1 and called.is_method and called.base.is_event and called.key.value == "with" then
    return "event:with changes nothing, it makes another event: return that"
  end
end

for _, kind in ipairs({ op.ISEQS, op.ISNES }) do
  checks[kind] = comparison(function(frame, ins) return bytecode.constant(frame.f, ins.d) end)
end
for _, kind in ipairs({ op.ISEQN, op.ISNEN }) do
  checks[kind] = comparison(function(frame, ins) return bytecode.number(frame.f, ins.d) end)
end
for _, kind in ipairs({ op.ISEQP, op.ISNEP }) do
  checks[kind] = comparison(function(_, ins) return primitives[ins.d] end)
end
for _, kind in ipairs({ op.IST, op.ISF, op.ISTC, op.ISFC }) do
  checks[kind] = truth
end
checks[op.TGETS] = member
checks[op.CALL] = dropped_result

-- Whether the event stays in the first register: nothing else is written there by instructions from `first` on.
local function keeps_event(code, first)
  for pc = first, #code do
    if code[pc].a_mode == bytecode.A_DST and code[pc].a == 0 then
      return false
    end
  end
  return true
end

-- Adds what there is to say of `f`, which has the event from the instruction at `first` on; of fields that there
-- are not only if `fields`.
local function advise(f, found, first, fields)
  local frame = expression.static_frame(f, "event")
  if not keeps_event(frame.code, first) then
    return
  end
  for pc, ins in ipairs(frame.code) do
    local check = (fields or ins.op ~= op.TGETS) and checks[ins.op]
    local problem = check and check(frame, ins, pc)
    if problem then
      found[#found + 1] = { place = expression.place(f, pc), text = problem }
    end
  end
end

-- Also the functions that `f` knows as local variables.
local function visit(f, found, seen)
  if seen[f] then
    return
  end
  seen[f] = true
  advise(f, found, 1, true)
  for i = 1, 60 do
    local name, value = debug.getupvalue(f, i)
    if not name then
      break
    elseif type(value) == "function" and debug.getinfo(value, "S").what ~= "C"
      and debug.getlocal(value, 1) == "event" then
      visit(value, found, seen)
    end
  end
end

-- What there is to say of the table of hooks: a list of { place = "file:line: ", text = }, in the order of the
-- hooks.
function advice.of_hooks(hooks)
  local found, seen = {}, {}
  for _, name in ipairs(known_hooks.with_event) do
    local hook = hooks[name]
    if type(hook) == "function" and debug.getinfo(hook, "S").what ~= "C" then
      visit(hook, found, seen)
    end
  end
  return found
end

-- The same for the chunk of an expression, "local event = ... return …". What fields there are not it says itself,
-- for the first event.
function advice.of_expression(chunk)
  local found = {}
  advise(chunk, found, 2, false)
  return found
end

return advice
