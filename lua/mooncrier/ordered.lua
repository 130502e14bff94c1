-- The tables of scripts in an order that is the same in every process: LuaJIT's own depends on chance. In
-- the place of `pairs` and `next` where the same events must give the same bytes (core/rehearse): numbers
-- first, then strings, then booleans, each from the least on; other keys come last, as LuaJIT has them.

local ordered = {}

local function falsehood_first(a)
  return a == false
end

-- The keys of a table in order.
local function keys_of(t)
  local numbers, strings, booleans, others = {}, {}, {}, {}
  for key in next, t do
    local kind = type(key)
    local list = kind == "number" and numbers or kind == "string" and strings or kind == "boolean" and booleans
      or others
    list[#list + 1] = key
  end
  table.sort(numbers)
  table.sort(strings)
  table.sort(booleans, falsehood_first)
  for _, list in ipairs({ strings, booleans, others }) do
    for _, key in ipairs(list) do
      numbers[#numbers + 1] = key
    end
  end
  return numbers
end

-- `pairs` of a table. As with Lua's, fields may be changed and removed meanwhile.
function ordered.pairs(t)
  local keys, i = keys_of(t), 0
  return function()
    while true do
      i = i + 1
      local key = keys[i]
      if key == nil then
        return nil
      end
      local value = rawget(t, key)
      if value ~= nil then
        return key, value
      end
    end
  end, t, nil
end

-- Where the traversals by `next` are: table → its keys, and the place of the last one.
local traversals = setmetatable({}, { __mode = "k" })

-- The keys of `t`, and where `key` is among them.
local function find(t, key)
  local at = traversals[t]
  if at and at.keys[at.i] == key then
    return at, at.i
  end
  at = { keys = keys_of(t), i = 0 }
  for i, known in ipairs(at.keys) do
    if known == key then
      traversals[t] = at
      return at, i
    end
  end
  error("next: the key is not in the table", 3)
end

-- `next`.
function ordered.next(t, key)
  local first = next(t)
  if key == nil and (first == nil or next(t, first) == nil) then
    return first, rawget(t, first)
  end
  local at, i
  if key == nil then
    at, i = { keys = keys_of(t) }, 0
    traversals[t] = at
  else
    at, i = find(t, key)
  end
  local value
  repeat
    i = i + 1
    value = rawget(t, at.keys[i])
  until value ~= nil or i > #at.keys
  at.i = i
  return at.keys[i], value
end

return ordered
