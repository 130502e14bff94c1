local test = require("mooncrier.test")

local EVENTS = "examples/data/events.jsonl"

describe("handlers/warnings", function()
  it("keeps warnings", function()
    local result = test.run("handlers/warnings.lua", EVENTS)
    assert.equal(182, result.passed)
    assert.same({ ["not a warning"] = 164 }, result.reasons)
  end)

  it("keeps those of the namespaces wanted", function()
    local result = test.run({ "handlers/warnings.lua", namespaces = { "prod-*", "kube-system" }, except = "prod-data" },
      EVENTS)
    for _, outcome in ipairs(result) do
      local event, namespace = outcome.input, outcome.input.metadata.namespace
      local wanted = namespace ~= "prod-data" and (namespace:find("^prod%-") or namespace == "kube-system")
      assert.equal(event.type ~= "Warning" and "not a warning" or not wanted and "namespace not wanted" or nil,
        outcome.reason)
    end
    assert.same({ 346, 164 }, { result.passed + result.dropped, result.reasons["not a warning"] })
    assert.truthy(result.passed > 0)
  end)
end)
