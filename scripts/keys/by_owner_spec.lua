local test = require("mooncrier.test")

describe("keys/by_owner", function()
  local function keys_of(references, name, params)
    return test.run("keys/by_owner.lua", {
      metadata = { namespace = "prod", ownerReferences = references },
      involvedObject = { name = name },
      reason = "BackOff",
    }, { params = params })[1].keys
  end

  local owners = { { kind = "Node", name = "n", uid = "u-0" }, { kind = "ReplicaSet", name = "web", uid = "u-1",
    controller = true } }

  it("takes the controller, else the first owner", function()
    local keys = keys_of(owners)
    assert.equal("owner\31u-1\31Warning\31BackOff", keys.aggregate_key)
    assert.equal("owner\31u-1\31Warning", keys.spam_key)
    assert.equal("owner\31u-0\31Warning\31BackOff", keys_of({ owners[1] }).aggregate_key)
  end)

  it("is the same for all objects of one owner", function()
    assert.same(keys_of(owners, "web-1"), keys_of(owners, "web-2"))
  end)

  it("goes by the name of an owner without uid", function()
    assert.equal("owner\31prod\31ReplicaSet\31web\31Warning\31BackOff",
      keys_of({ { kind = "ReplicaSet", name = "web" } }).aggregate_key)
  end)

  it("leaves events without an owner to client-go's keys", function()
    assert.same({}, keys_of(nil))
    assert.same({}, keys_of({ { kind = "ReplicaSet" } }))
  end)

  it("can leave the spam filter alone", function()
    local keys = keys_of(owners, "web-1", { spam = false })
    assert.is_nil(keys.spam_key)
    assert.truthy(keys.aggregate_key)
  end)
end)
