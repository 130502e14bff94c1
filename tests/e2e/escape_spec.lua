-- The sandbox as the program has it, with its modules embedded: the attempts of tests/lua/escapes.lua.

local h = require("tests.e2e.harness")
local escapes = require("tests.lua.escapes")

describe("a script in the program", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  it("gets nowhere, and leaves the world as it was", function()
    local lines = { "local attempts = {" }
    for _, body in ipairs(escapes.attempts) do
      lines[#lines + 1] = ("{ %q, function(event) %s end },"):format(body, body)
    end
    lines[#lines + 1] = [[}
      return { handle = function(event)
        local out = {}
        for _, attempt in ipairs(attempts) do
          local ok, value = pcall(attempt[2], event)
          if ok and value then
            out[#out + 1] = attempt[1]
          end
        end
        return event:with{ escaped = out }
      end }]]
    place:write("attempts.lua", table.concat(lines, "\n"))
    place:write("intact.lua", "return { handle = function(event)\nlocal kept = event:with{ escaped = json.null }\n"
      .. "local ok, why = pcall(function()\n" .. escapes.intact .. "end)\n"
      .. "return event:with{ intact = ok, why = tostring(why) } end }")
    place:write("mooncrier.lua", [[return {
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { out = { kind = "stdout" } },
      watchers = { { name = "w", scripts = { "attempts.lua", "intact.lua" }, sinks = { "out" } } },
    }]])
    local r = place:run({ "run" }, { stdin = escapes.event .. "\n" })
    assert.equal(0, r.code, r.err)
    assert.matches('"escaped":{}', r.out, 1, true)
    assert.matches('"intact":true', r.out, 1, true)
  end)

  it("gets what its configuration grants, alone, and check shows it", function()
    place:write("granted.lua", "return { handle = function(event) return event:with{ granted = io.open ~= nil } end }")
    place:write("other.lua", "return { handle = function(event)\n"
      .. "return event:with{ other = pcall(function() return io end) } end }")
    place:write("mooncrier.lua", [[return {
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { out = { kind = "stdout" } },
      watchers = { { name = "w", scripts = { { "granted.lua", allow = { "io", "ffi" } }, "other.lua" },
                     sinks = { "out" } } },
    }]])
    local r = place:run({ "run" }, { stdin = escapes.event .. "\n" })
    assert.equal(0, r.code, r.err)
    assert.matches('"granted":true', r.out, 1, true)
    assert.matches('"other":false', r.out, 1, true)
    r = place:run({ "check" })
    assert.matches("granted.lua (handle; allowed: ffi, io)", r.out, 1, true)
    assert.matches("other.lua (handle)", r.out, 1, true)
  end)

  it("that takes too much memory fails with a message, and works again", function()
    place:write("bomb.lua", "return { handle = function(event)\nif event.reason == 'R' then\n"
      .. "local t = {} while true do t[#t + 1] = {} end end end }")
    place:write("mooncrier.lua", [[return {
      sources = { { kind = "jsonl", path = "-" } },
      sinks = { out = { kind = "stdout" } },
      limits = { memory = "16MiB", deadline = "60s" },
      watchers = { { name = "w", script = "bomb.lua", sinks = { "out" } } },
    }]])
    local r = place:run({ "run" }, { stdin = escapes.event .. "\n" .. escapes.event:gsub('"R"', '"S"') .. "\n" })
    assert.matches("bomb.lua:1: script memory limit of 16 MiB reached", r.err, 1, true)
    assert.matches('"reason":"S"', r.out, 1, true)
    assert.is_nil(r.out:find('"reason":"R"', 1, true))
  end)
end)
