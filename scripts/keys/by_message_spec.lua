local test = require("mooncrier.test")

describe("keys/by_message", function()
  local function key(message)
    return test.run("keys/by_message.lua", { message = message })[1].keys.local_key
  end

  it("folds what varies", function()
    assert.equal("#/# nodes are available: # Insufficient cpu.",
      key("0/7 nodes are available: 3 Insufficient cpu."))
    assert.equal(key("Created pod: web-7d4b9c6f5-x2x7p"), key("Created pod: web-7d4b9c6f5-9kbsv"))
    assert.equal("volume pvc-* not found", key("volume pvc-882e0a33-726b-457c-b44e-380c2a2c3573 not found"))
  end)

  it("keeps what does not", function()
    assert.equal("Started container app", key("Started container app"))
    assert.are_not.equal(key("pulling image nginx"), key("pulling image redis"))
    assert.equal("", key(""))
  end)
end)
