-- Attempts to get out of the sandbox, or to change what other scripts see. Each is the body of a function
-- of a script, given an event; it must fail, or return nothing or false. What it returns otherwise is
-- how far it came. Used by escape_spec.lua on plain LuaJIT and by tests/e2e/escape_spec.lua in the program.

local attempts = {
  -- Libraries that are not there.
  "return io", "return ffi", "return debug", "return jit", "return package", "return _G.io", "return _G._G.io",
  "return rawget(_G, 'io')", "return rawget(_G, 'require')", "return _G['deb' .. 'ug']",
  "return load", "return loadstring", "return loadfile", "return dofile", "return module", "return gcinfo",
  "return setfenv", "return getfenv", "return newproxy", "return xpcall", "return collectgarbage",
  "return os.execute", "return os.getenv", "return os.exit", "return os.remove", "return os.rename",
  "return os.tmpname", "return os.setlocale", "return string.dump", "return ('').dump",
  "return table.foreach", "return coroutine.isyieldable", "return math.fmod and nil",
  "for name in pairs(_G) do return name end", "return next(_G)",
  -- require.
  "return require('ffi')", "return require('io')", "return require('os').execute", "return require('debug')",
  "return require('jit')", "return require('jit.util')", "return require('jit.opt')", "return require('jit.v')",
  "return require('package')", "return require('_G')", "return require('table.new')",
  "return require('string.buffer')",
  "return require('socket')", "return require('socket.core')", "return require('posix')", "return require('lfs')",
  "return require('mooncrier')", "return require('mooncrier.core')", "return require('mooncrier.event')",
  "return require('mooncrier.sandbox')", "return require('mooncrier.driver')", "return require('mooncrier.grants')",
  "return require('mooncrier.frozen')", "return require('mooncrier.scripts')", "return require('mooncrier.clock')",
  "return require('mooncrier.strings')", "return require('mooncrier/core')", "return require('/mooncrier.core')",
  "return require('mooncrier..core')", "return require('.mooncrier.core')", "return require('mooncrier.match.x')",
  "return require('../../../../etc/passwd')", "return require('/etc/hostname')", "return require('\\0ffi')",
  "return require('ffi\\0')", "return require(setmetatable({}, { __tostring = function() return 'ffi' end }))",
  "return require('%')", "return require(('?'):rep(50))", "return require('string').dump",
  -- Metatables of what is shared.
  "return getmetatable('')", "return getmetatable(print)", "return getmetatable(nil)", "return getmetatable(5)",
  "return getmetatable(event)", "return getmetatable(event.metadata)", "return getmetatable(event.metadata.labels)",
  "return getmetatable(json.null)", "return getmetatable(coroutine.create(print))",
  "getmetatable('').__index = {} return true", "return type(getmetatable(json.decode('[]'))) == 'table'",
  "getmetatable(json.array()).__index = {} return true", "return setmetatable(json.decode('[]'), {})",
  "return setmetatable(_G, {})", "return setmetatable(string, {})",
  "return setmetatable(require('mooncrier.match'), {})",
  "return setmetatable('', {})", "return setmetatable(event, {})", "return setmetatable(print, {})",
  "return json.array(_G)", "return json.array(string)", "return json.array(require('mooncrier.window'))",
  "return json.array(setmetatable({}, {}))",
  "local w = require('mooncrier.window').new{ span = 1 } return type(getmetatable(w)) == 'table'",
  "local w = require('mooncrier.window').new{ span = 1 } getmetatable(w).__index.add = print return true",
  "local r = require('mooncrier.match').regex('a') return getmetatable(r)",
  "local r = require('mooncrier.match').regex('a') r.test = print return true",
  "local r = require('mooncrier.match').regex('a') return r.__gc or r.__index",
  -- Changing what all scripts see.
  "print = nil return true", "_G.print = nil return true", "_G.new = 1 return true",
  "rawset(_G, 'print', 1) return true",
  "rawset(_G, 'new', 1) return true", "string.find = nil return true", "string.new = 1 return true",
  "rawset(string, 'find', print) return true", "table.insert = nil return true", "rawset(table, 'x', 1) return true",
  "json.encode = print return true", "rawset(json, 'null', 1) return true", "time.now = print return true",
  "shared.get = print return true", "log.info = print return true", "os.time = print return true",
  "math.huge = 1 return true", "bit.band = nil return true", "coroutine.wrap = nil return true",
  "require('mooncrier.match').glob = print return true", "rawset(require('mooncrier.match'), 'glob', 1) return true",
  "require('mooncrier.params').read = print return true", "require('string').find = print return true",
  "require('mooncrier.template').compile = print return true", "require('mooncrier.window').new = print return true",
  "function string:evil() end return (''):evil() or true", "function _G.evil() end return true",
  -- The event.
  "event.handle = 0 return true", "event.gen = 0 return true", "rawset(event, 'gen', 0) return true",
  "event.metadata.labels.part = 0 return true", "event.involvedObject.part = event.handle return true",
  "return rawget(event, 'handle')", "event.handle() return true", "return event.handle[0]", "return #event.handle",
  "return event.handle.x", "event.handle[0] = 1 return true", "return event()", "return event[0]",
  "event[0] = 1 return true",
  "return event + 1", "return event - event", "return event.metadata + 1", "return -event", "return event .. ''",
  "return event < event", "return next(event)", "return unpack(event)", "return ipairs(event)(event, 0)",
  "return select(event)", "return tonumber(event)", "return string.rep(event, 2)", "return ('').rep(event)",
  "return table.concat(event)", "return table.concat{ event }", "return math.abs(event)", "return bit.bor(event)",
  "return ('%d'):format(event)", "return ('%c'):format(event.handle + 2^40)", "return event.keep(event.metadata)",
  "return event.with(event.metadata, {})", "return event.get(event.metadata.labels, 'x')",
  "return event.keep(event.handle)",
  "return event.keep('x')", "return event.get({ handle = 0, gen = 0 }, 'x')", "return emit({ handle = 0, gen = 0 })",
  "return emit(event.metadata)", "return emit(event.handle)",
  -- The state of pairs is a table in the script's hands.
  "local f, s = pairs(event.metadata.labels) s.i = -1e6 return f(s)",
  "local f, s = pairs(event.metadata.labels) s.i = 1e15 return f(s)",
  "local f, s = pairs(event.metadata.labels) s.i = 0/0 return f(s)",
  "local f, s = pairs(event.metadata.labels) s.i = -0.5 return f(s)",
  "local f, s = pairs(event.metadata.labels) s.i = '0' return f(s)",
  "local f, s = pairs(event.metadata.labels) s.i = event.handle return f(s)",
  "local f, s = pairs(event.metadata.labels) s.view = event.involvedObject return f(s)",
  "local f, s = pairs(event.metadata.labels) s.view = event return f(s)",
  "local f, s = pairs(event.metadata.labels) s.view = { gen = 0, part = 4096 } return f(s)",
  "local f, s = pairs(event.metadata.labels) s.view = nil return f(s)",
  "local f = pairs(event.metadata.labels) return f({})", "local f = pairs(event.metadata.labels) return f()",
  "local f = pairs(event.metadata.labels) return f(event)",
  -- Values of C.
  "shared.set('k', event) return true", "shared.set('k', event.handle) return true",
  "shared.set('k', print) return true",
  "shared.set('k', {}) return true", "shared.set(event, 1) return true",
  "shared.set('k', coroutine.create(print)) return true",
  "return shared.get(event)", "return json.encode(print)", "return json.encode{ [event] = 1 }",
  "return json.encode(coroutine.create(print))", "local t = {} t.t = t return json.encode(t)",
  "return new_event{ involvedObject = print }", "return new_event{ involvedObject = event.handle }",
  "return event:with{ x = coroutine.create(print) }", "return event:with{ metadata = event.handle }",
  -- Errors, coroutines, functions of the library given each other.
  "return pcall(error, event) and true", "return select(2, pcall(error)) ", "return pcall(pcall) and true",
  "return coroutine.wrap(require)('ffi')", "return pcall(require, 'ffi') and true",
  "return select(2, pcall(coroutine.wrap(function() return io end))) == nil or nil",
  "local ok, m = pcall(string.rep) return m:find('sandbox.lua')",
  "local t = setmetatable({}, { __index = function(t, k) return _G[k] end }) return t.io",
  "return tostring(setmetatable({}, { __tostring = function() return io end }))",
  "return setmetatable({}, { __gc = print }).x", "return (function(...) return ... end)(_G.debug)",
  "return ('x').format == string.format and ('x').dump",
  -- Too much at once.
  "return ('x'):rep(1e9)", "return string.rep('xx', 2^40)", "return ('x'):rep(10, ('y'):rep(9e6))",
  "return (('x'):rep(1e7) .. ('x'):rep(1e7)):match('x')", "return (('x'):rep(1e7) .. ('x'):rep(1e7)):find('x+')",
  "return (('x'):rep(1e7) .. ('x'):rep(1e7)):gsub('x', 'y')", "return (('x'):rep(1e7) .. ('x'):rep(1e7)):gmatch('x')",
}

-- Run after all of them, in another script: what it sees is as it was. True when all is well.
local intact = [[
  assert(("abc"):find("b") == 2 and string.find("abc", "b") == 2 and ("a"):rep(3) == "aaa")
  assert(select("#", ("x"):find("y")) == 1 and select(3, ("k=v"):find("(%w)=")) == "k")
  assert(("a,b"):gsub(",", ";") == "a;b" and ("ab"):match("(b)") == "b" and ("ab"):gmatch(".")() == "a")
  assert(require("mooncrier.match").glob("a*")("abc") and require("mooncrier.match").regex("b"):test("abc"))
  assert(require("mooncrier.window").new{ span = "1m" }:add("k") == 1)
  assert(require("mooncrier.template").compile("{{reason}}")(event) == "R")
  assert(json.encode(json.decode('[{"a":[]}]')) == '[{"a":[]}]' and json.encode(json.array{}) == "[]")
  assert(math.huge > 1 and bit.band(3, 1) == 1 and type(os.time()) == "number" and type(time.now()) == "number")
  local t = { 3, 1, 2 }
  table.sort(t)
  table.insert(t, 4)
  assert(table.concat(t, ",") == "1,2,3,4" and type(print) == "function" and tostring(1) == "1")
  assert(coroutine.wrap(function() coroutine.yield(5) end)() == 5 and shared.get("k") == nil)
  assert(event.reason == "R" and event.metadata.labels.a == "1" and #event.metadata.labels == 2)
  local n = 0
  for key, value in pairs(event.metadata.labels) do n = n + #key + #value end
  assert(n == 4 and not pcall(function() return new end) and not pcall(function() return evil end))
  return true
]]

return {
  attempts = attempts,
  intact = intact,
  event = [[{"reason":"R","metadata":{"name":"n","labels":{"a":"1","b":"2"}},]]
    .. [["involvedObject":{"kind":"Pod","name":"p","namespace":"ns"}}]],
}
