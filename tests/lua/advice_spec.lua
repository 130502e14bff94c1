-- What is said of hooks when they are loaded: what can never be as its author thinks.

local advice = require("mooncrier.advice")
local core = require("mooncrier.core")
local world = require("tests.lua.world")

local function said(text)
  local list = {}
  for i, piece in ipairs(advice.of_hooks(world.load(text))) do
    list[i] = piece.place:match("spec%.lua:%d+: ") .. piece.text
  end
  return list
end

describe("advice", function()
  local warn = core.warn
  setup(function() core.warn = function() end end)
  teardown(function() core.warn = warn end)

  for body, want in pairs({
    ["if event.count == '3' then return end"] = 'event.count is a number, which never equals "3"',
    ["if event.series.count ~= '3' then return end"] = 'event.series.count is a number, which never equals "3"',
    ["if event.reason == 3 then return end"] = "event.reason is a text, which never equals 3",
    ["if event.reason == nil then return end"] = 'event.reason is never nil; a missing one reads ""',
    ["return event.time ~= nil"] = "event.time is never nil; a missing one reads 0",
    ["if event.series == nil then return end"] = "event.series is never nil; it is there with every event",
    ["if event.related then return end"] = "event.related counts as true, whatever it is; it is there with every event",
    ["if not event.message then return end"] =
      'event.message counts as true, whatever it is; a missing one reads ""',
    ["local ns = event.metadata.namespace or 'default' return ns"] =
      'event.metadata.namespace counts as true, whatever it is; a missing one reads ""',
    ["if event.type == 'warning' then return end"] = 'event.type is never "warning", but Normal, Warning',
    ["return event.change == 'added'"] = 'event.change is never "added", but deleted, new, repeat',
    ["event:with{ reason = 'x' }"] = "event:with changes nothing, it makes another event: return that",
    ["if event.count > 5 then return event.involvedobject end"] =
      "no field 'involvedobject'; did you mean 'involvedObject'?",
    ["return event.metadata.lables.app == 'x'"] = "no field 'lables'; did you mean 'labels'?",
    -- All of these are what they should be.
    ["return event.count == 3 and event.reason == 'x' and event.type == 'Warning' and event.change == 'new'"] = false,
    ["return event.metadata.labels.app == nil or event.metadata.annotations.x == 'y'"] = false,
    ["if event.metadata.labels.app then return end"] = false,
    ["return event.reason ~= '' and event.reason or 'none'"] = false,
    ["return event.time ~= 0 and event.time or event:get('x') or 5"] = false,
    ["return event:get('a') == nil and event.metadata.ownerReferences[1] == nil"] = false,
    ["event = { count = '3' } return event.count == '3'"] = false,
    ["local other = { cuont = 1 } return other.cuont == '3' and other.x == nil"] = false,
    ["local e = event:with{ reason = 'x' } return e"] = false,
  }) do
    it((want and "warns of " or "is silent about ") .. body, function()
      assert.same(want and { "spec.lua:3: " .. want } or {},
        said("return {\nhandle = function(event)\n" .. body .. "\nend }"))
    end)
  end

  it("looks at every hook, and at functions that they call with an event", function()
    assert.same({
      "spec.lua:2: event.count is a number, which never equals \"2\"",
      "spec.lua:6: event.count is a number, which never equals \"5\"",
      "spec.lua:7: event.count is a number, which never equals \"6\"",
    }, said([[
local function often(event)
  return event.count == "2"
end
return {
  filter = function(event) return often(event) end,
  route = function(event) return event.count == "5" and {} or nil end,
  render = function(event) return event.count == "6" and "" or nil end,
  tick = function(now) return now == "7" end,
  aggregate_key = { "reason" },
}]]))
  end)

  it("has nothing to say of the scripts that come with mooncrier", function()
    local scripts = io.popen("find scripts examples -name '*.lua'")
    local n = 0
    for path in scripts:lines() do
      if not path:find("_spec%.lua$") and not path:find("/mooncrier%.lua$") then
        local ok, script = pcall(require("mooncrier").load, path)
        if ok then
          n = n + 1
          assert.same({}, advice.of_hooks(script.hooks), path)
        end
      end
    end
    scripts:close()
    assert.truthy(n > 20, n)
  end)
end)
