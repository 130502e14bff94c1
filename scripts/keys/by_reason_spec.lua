local mooncrier = require("mooncrier")

describe("keys/by_reason", function()
  local script = mooncrier.load("scripts/keys/by_reason.lua")

  local function key(fields)
    fields.involvedObject = { kind = "Pod", namespace = "prod", name = fields.name, uid = "u-1", apiVersion = "v1" }
    fields.name = nil
    fields.source = { component = "kubelet", host = "node-1" }
    return script:spam_key(mooncrier.event(fields))
  end

  it("is client-go's with the reason", function()
    assert.equal("kubelet\31node-1\31Pod\31prod\31web-1\31u-1\31v1\31Warning\31Unhealthy",
      key({ name = "web-1", type = "Warning", reason = "Unhealthy", message = "m" }))
  end)

  it("differs by reason and by object, not by message", function()
    local first = key({ name = "a", reason = "Unhealthy", message = "one" })
    assert.equal(first, key({ name = "a", reason = "Unhealthy", message = "two" }))
    assert.are_not.equal(first, key({ name = "a", reason = "Killing", message = "one" }))
    assert.are_not.equal(first, key({ name = "b", reason = "Unhealthy", message = "one" }))
  end)

  it("leaves the other keys alone", function()
    assert.is_nil(script.hooks.aggregate_key)
    assert.is_nil(script.hooks.local_key)
  end)
end)
