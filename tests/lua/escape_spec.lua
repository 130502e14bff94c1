-- Nothing leads out of the sandbox: every attempt of escapes.lua fails, and leaves the world as it was.

local mooncrier = require("mooncrier")
local escapes = require("tests.lua.escapes")
local world = require("tests.lua.world")

local event = mooncrier.event(escapes.event)

local function handle(body)
  return world.load("return { handle = function(event) " .. body .. " end }").handle
end

describe("a script", function()
  for _, body in ipairs(escapes.attempts) do
    it("gets nowhere with: " .. body, function()
      local ok, value = pcall(handle(body), event)
      if ok and value then
        error(("escaped: %s"):format(tostring(value)), 0)
      end
    end)
  end

  it("leaves the world as it was", function()
    assert.is_true(handle(escapes.intact)(event))
  end)
end)
