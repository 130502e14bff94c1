-- Names of sinks read out of a script's bytecode.

local sink_names = require("mooncrier.sink_names")

local function names_in(list)
  local names = {}
  for i, named in ipairs(list) do
    names[i] = named.place:match("^s.lua:(%d+): $") .. named.name
  end
  table.sort(names)
  return table.concat(names, " ")
end

-- The names that a route with this body returns, each behind its line.
local function returned(body)
  return names_in(sink_names.of_route(assert(loadstring("return function(e) " .. body .. " end", "@s.lua"))()))
end

local function emitted(text)
  return names_in(sink_names.of_emits(assert(loadstring(text, "@s.lua"))))
end

describe("sinks that route returns", function()
  for body, names in pairs({
    ["return 'a'"] = "1a",
    ["return"] = "",
    ["return nil"] = "",
    ["return false, 'why'"] = "",
    ["return 'a', 'why'"] = "1a",
    ["return { 'b', 'c' }"] = "1b 1c",
    ["return { b = true, c = false, d = true }"] = "1b 1d",
    ["return { 'b', e.x, c = e:with{ reason = 'r' } }"] = "1b",
    ["if e.x == 'no' then return 'a' end\nreturn 'b'"] = "1a 2b",
    ["if e.x then return 'a' elseif e.y then return { 'b' } else\nreturn { c = true }, 3 end"] = "1a 1b 2c",
    ["return e.type == 'Warning' and 'a' or 'b'"] = "1a 1b",
    ["return e.x or 'b'"] = "1b",
    ["local to = 'a'\nif e.x then\nto = 'b' end return to"] = "1a 3b",
    ["local x = e == 1 and 'a' or e == 2 and 'b' return x or { c = true }"] = "1a 1b 1c",
    ["local to for k in pairs(e) do to = k == 'q' and 'a' end return to"] = "1a",
    ["for i = 1, 3 do if e[i] == 'no' then return 'a' end end"] = "1a",
    ["while e.x do local s = 'no' s() end local t = e() return t"] = "",
    ["local s = 'no' s = e(s) return s"] = "",
    ["return e('no')"] = "",
    ["return 'no' .. e.x"] = "",
    ["return e.no"] = "",
    ["return ({ W = 'unseen' })[e.type]"] = "",
    ["local f = function() return 'no' end f() return 'a'"] = "1a",
  }) do
    it("are seen in: " .. body:gsub("\n", " "), function()
      assert.equal(names, returned(body))
    end)
  end

  it("are seen in long functions, in no time", function()
    local lines = {}
    for i = 1, 2000 do
      lines[i] = ("if e.x == %d then e.y = 'n%d' end"):format(i, i)
    end
    assert.equal("2001a", returned(table.concat(lines, "\n") .. "\nreturn 'a'"))
  end)
end)

describe("sinks that emit is given", function()
  for text, names in pairs({
    ["emit(e, 'a')"] = "1a",
    ["return { handle = function(e)\nemit(e:with{ x = 'no' }, 'a') end }"] = "2a",
    ["local ok = emit(e, e.x and 'a' or 'b') print(ok, 'no')"] = "1a 1b",
    ["return function() return function() return emit(e, 'a') end end"] = "1a",
    ["local to = 'a' emit(e, to)"] = "1a",
    ["emit('no')"] = "",
    ["emit(e, 'no', 'no')"] = "",
    ["emit(e, e.sink)"] = "",
    ["log.info('%s', 'no') omit(e, 'no')"] = "",
    ["local emit = print emit(e, 'no')"] = "",
  }) do
    it("are seen in: " .. text:gsub("\n", " "), function()
      assert.equal(names, emitted(text))
    end)
  end
end)
