local test = require("mooncrier.test")

describe("keys/by_reason", function()
  local function key(fields)
    fields.involvedObject = { namespace = "prod", name = fields.name, uid = "u-1" }
    fields.name = nil
    local keys = test.run("keys/by_reason.lua", fields)[1].keys
    assert.same({ spam_key = keys.spam_key }, keys) -- the other keys are left alone
    return keys.spam_key
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
end)
