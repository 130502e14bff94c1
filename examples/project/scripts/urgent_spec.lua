local test = require("mooncrier.test")

describe("urgent", function()
  it("keeps warnings of the namespaces that are wanted", function()
    local result = test.run({ "urgent.lua", namespaces = "prod-*" }, {
      { reason = "BackOff", involvedObject = { namespace = "prod-web" } },
      { reason = "Pulled", involvedObject = { namespace = "prod-web" } },
      { reason = "BackOff", involvedObject = { namespace = "dev" } },
    })
    assert.equal("passed", result[1].outcome)
    assert.equal("not a warning", result[2].reason)
    assert.equal("not of our namespaces", result[3].reason)
  end)

  it("says high from the third one within the window", function()
    local watcher = test.start({ "urgent.lua", threshold = 3, window = "10m" })
    local event, said = test.event({ reason = "BackOff" }), {}
    for i = 1, 4 do
      said[i] = watcher:send(event).event:get("severity")
      test.advance("1m")
      event = test.again(event)
    end
    assert.same({ "low", "low", "high", "high" }, said)
    test.advance("1h")
    assert.equal("low", watcher:send({ reason = "BackOff" }).event:get("severity"))
  end)

  it("remembers over a reload", function()
    local watcher = test.start({ "urgent.lua", threshold = 2 })
    watcher:send({ reason = "BackOff" })
    watcher:reload()
    assert.equal("high", watcher:send({ reason = "BackOff" }).event:get("severity"))
  end)

  it("finds what is urgent among the recorded events", function()
    local urgent = {}
    for _, outcome in ipairs(test.run({ "urgent.lua", threshold = 3 }, "events.jsonl")) do
      local event = outcome.event
      if event and event:get("severity") == "high" then
        urgent[#urgent + 1] = event.reason .. " of " .. event.involvedObject.name
      end
    end
    assert.same({
      "FailedToUpdateEndpointSlices of frontend", "BackOff of cni-agent-jg6kp", "BackOff of cni-agent-jg6kp",
      "Unhealthy of api-gateway-fd77d6bd5-n4l7v",
    }, urgent)
  end)
end)
