-- Tables that scripts can read and not change: what all scripts of a state share.

local frozen = {}

local is_frozen = setmetatable({}, { __mode = "k" })

-- A view of `source`, whose members it always shows; `what` is how messages call it.
function frozen.view(source, what)
  local view = setmetatable({}, {
    __index = source,
    __newindex = function(_, key)
      error(("%s.%s cannot be changed: all scripts share it"):format(what, tostring(key)), 2)
    end,
    __metatable = "read-only",
  })
  is_frozen[view] = true
  return view
end

-- Has rawset refuse `t` as well.
function frozen.mark(t)
  is_frozen[t] = true
  return t
end

-- Whether `t` is such a view.
function frozen.is(t)
  return is_frozen[t] == true
end

-- rawset for scripts.
function frozen.rawset(t, key, value)
  if is_frozen[t] then
    error(("rawset: '%s' cannot be changed: all scripts share it"):format(tostring(key)), 2)
  end
  return rawset(t, key, value)
end

return frozen
