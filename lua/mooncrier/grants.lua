-- What the configuration can grant to a script beyond the sandbox (core/script/grants.h has the
-- names): `{ "x.lua", allow = { "io", "ffi" } }`. Each realm gets copies, so that nothing a script
-- does to them reaches scripts without the grant.

local grants = {}

local function copy(source)
  local out = {}
  for name, value in pairs(source) do
    out[name] = value
  end
  return out
end

-- name → what it adds to the globals of a realm; `globals` are those of everybody.
local open = {
  io = function(opened)
    opened.io = copy(io)
  end,
  -- The clock stays that of the run.
  os = function(opened, globals)
    opened.os = copy(os)
    for name, value in pairs(globals.os) do
      opened.os[name] = value
    end
  end,
  env = function(opened, globals)
    opened.os = opened.os or copy(globals.os)
    opened.os.getenv = os.getenv
  end,
  ffi = function(opened)
    opened.ffi = copy(require("ffi"))
  end,
  debug = function(opened)
    opened.debug = copy(debug)
  end,
  jit = function(opened)
    opened.jit = copy(jit)
  end,
  c_modules = function() end,
}

-- The set of the grants in `names`, separated by commas, as C gives them.
function grants.set(names)
  local set = { names = names }
  for name in names:gmatch("[%w_]+") do
    set[name] = open[name] ~= nil or error("no grant '" .. name .. "'")
  end
  return set
end

grants.none = grants.set("")

-- The globals that `allowed` adds to `globals`, in a table of their own.
function grants.open(allowed, globals)
  local opened = {}
  for _, name in ipairs({ "io", "os", "env", "ffi", "debug", "jit", "c_modules" }) do
    if allowed[name] then
      open[name](opened, globals)
    end
  end
  return opened
end

-- What `require(name)` gives for a granted library; nil when it is none.
function grants.library(allowed, opened, name)
  if rawget(opened, name) ~= nil and allowed[name] then
    return opened[name]
  elseif allowed.jit and name:match("^jit%.") then
    return require(name)
  end
end

-- The C library `name`, when that is granted; nil when it is not or there is none, and the message
-- when there is one that does not load.
function grants.c_module(allowed, name)
  if not allowed.c_modules or name:match("^mooncrier%f[%.%z]") then
    return nil
  end
  local file_name, symbol = name:gsub("%.", "/"), name:gsub("^.*%-", ""):gsub("%.", "_")
  for template in package.cpath:gmatch("[^;]+") do
    local path = template:gsub("%?", (file_name:gsub("%%", "%%%%")))
    local file = path:sub(1, 1) == "/" and io.open(path, "r")
    if file then
      file:close()
      local opener, message = package.loadlib(path, "luaopen_" .. symbol)
      if not opener then
        return nil, ("module '%s': %s"):format(name, message)
      end
      -- C libraries of one package expect their siblings where Lua keeps modules.
      if package.loaded[name] == nil then
        local value = opener(name)
        package.loaded[name] = value == nil and true or value
      end
      return package.loaded[name]
    end
  end
end

return grants
