local mooncrier = require("mooncrier")

describe("keys/by_owner", function()
  local function event(references, name)
    return mooncrier.event({
      metadata = { namespace = "prod", ownerReferences = references },
      involvedObject = { kind = "Pod", name = name or "web-1" },
      type = "Warning",
      reason = "BackOff",
    })
  end

  local owners = { { kind = "Node", name = "n", uid = "u-0" }, { kind = "ReplicaSet", name = "web", uid = "u-1",
    controller = true } }

  it("takes the controller, else the first owner", function()
    local script = mooncrier.load("scripts/keys/by_owner.lua")
    assert.equal("owner\31u-1\31Warning\31BackOff", script:aggregate_key(event(owners)))
    assert.equal("owner\31u-1\31Warning", script:spam_key(event(owners)))
    assert.equal("owner\31u-0\31Warning\31BackOff", script:aggregate_key(event({ owners[1] })))
  end)

  it("is the same for all objects of one owner", function()
    local script = mooncrier.load("scripts/keys/by_owner.lua")
    assert.equal(script:aggregate_key(event(owners, "web-1")), script:aggregate_key(event(owners, "web-2")))
  end)

  it("goes by the name of an owner without uid", function()
    local script = mooncrier.load("scripts/keys/by_owner.lua")
    assert.equal("owner\31prod\31ReplicaSet\31web\31Warning\31BackOff",
      script:aggregate_key(event({ { kind = "ReplicaSet", name = "web" } })))
  end)

  it("leaves events without an owner to client-go's keys", function()
    local script = mooncrier.load("scripts/keys/by_owner.lua")
    for _, references in ipairs({ false, mooncrier.json.array({}), { { kind = "ReplicaSet" } } }) do
      local ev = event(references or nil)
      assert.is_nil(script:aggregate_key(ev))
      assert.is_nil(script:spam_key(ev))
    end
  end)

  it("can leave the spam filter alone", function()
    local script = mooncrier.load("scripts/keys/by_owner.lua", { spam = false })
    assert.is_nil(script:spam_key(event(owners)))
    assert.truthy(script:aggregate_key(event(owners)))
  end)
end)
