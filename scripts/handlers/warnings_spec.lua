local mooncrier = require("mooncrier")

local EVENTS = "examples/data/events.jsonl"

-- How many events pass, and how many are dropped for which reason.
local function run(params)
  local script = mooncrier.load("scripts/handlers/warnings.lua", params)
  local passed, dropped = 0, {}
  for event in mooncrier.events(EVENTS) do
    local pass, reason = script:filter(event)
    if pass then
      passed = passed + 1
    else
      dropped[reason] = (dropped[reason] or 0) + 1
    end
  end
  return passed, dropped
end

describe("handlers/warnings", function()
  it("keeps warnings", function()
    local passed, dropped = run()
    assert.equal(182, passed)
    assert.same({ ["not a warning"] = 164 }, dropped)
  end)

  it("keeps those of the namespaces wanted", function()
    local passed, dropped = run({ namespaces = { "prod-*", "kube-system" }, except = "prod-data" })
    assert.same({ ["not a warning"] = 164, ["namespace not wanted"] = 182 - passed }, dropped)
    local counted = 0
    for event in mooncrier.events(EVENTS) do
      local namespace = event.metadata.namespace
      if event.type == "Warning" and namespace ~= "prod-data"
          and (namespace:find("^prod%-") or namespace == "kube-system") then
        counted = counted + 1
      end
    end
    assert.equal(counted, passed)
    assert.truthy(passed > 0)
  end)
end)
