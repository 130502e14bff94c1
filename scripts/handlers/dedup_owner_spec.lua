local test = require("mooncrier.test")

describe("handlers/dedup_owner", function()
  local function back_off(pod, fields)
    local event = { reason = "BackOff", involvedObject = { kind = "Pod", namespace = "prod", name = pod } }
    for name, value in pairs(fields or {}) do
      event[name] = value
    end
    return event
  end

  local function outcomes(result)
    local list = {}
    for i, outcome in ipairs(result) do
      list[i] = outcome.outcome
    end
    return list
  end

  it("takes the pods of a workload for one", function()
    local result = test.run("handlers/dedup_owner.lua", {
      back_off("web-7d4b9c8f6d-x2x9k"), back_off("web-7d4b9c8f6d-bbbbb"), back_off("web-5c5d7b9f88-x2x9k"),
      back_off("db-0"), back_off("db-1"), back_off("web-7d4b9c8f6d-x2x9k", { reason = "Unhealthy" }),
      back_off("web-7d4b9c8f6d-x2x9k", { involvedObject = { kind = "Pod", namespace = "dev", name = "web-0" } }),
    })
    assert.same({ "passed", "dropped", "dropped", "passed", "dropped", "passed", "passed" }, outcomes(result))
    assert.same({ ["repeat of the same workload"] = 3 }, result.reasons)
    assert.is_false(result[1].changed)
  end)

  it("tells how many it dropped, also after a reload", function()
    local watcher = test.start({ "handlers/dedup_owner.lua", every = "10m" })
    watcher:send(back_off("web-0"))
    watcher:send(back_off("web-1", { count = 4 }))
    watcher:send(back_off("web-2"))
    test.advance("10m")
    watcher:reload()
    assert.equal(5, watcher:send(back_off("web-3")).event:get("repeats"))
    test.advance("10m")
    assert.is_nil(watcher:send(back_off("web-3")).event:get("repeats"))
    watcher:stop()
  end)

  it("looks at the reasons that it is told", function()
    local events = { back_off("web-0"), back_off("web-1") }
    assert.equal(2, test.run({ "handlers/dedup_owner.lua", reasons = "Failed*" }, events).passed)
    assert.equal(1, test.run({ "handlers/dedup_owner.lua", reasons = { "Failed*", "BackOff" } }, events).passed)
  end)

  it("makes little of many real events", function()
    local result = test.run({ "handlers/dedup_owner.lua", every = "1h" }, "examples/data/troubles.jsonl")
    assert.same({ 421, 161 }, { result.passed + result.dropped, result.passed })
    local seen = {}
    for _, outcome in ipairs(result) do
      local object = outcome.input.involvedObject
      local name = object.name:match("^crashloop%-") and outcome.input.reason == "BackOff" and "crashloop"
      if name and outcome.outcome == "passed" then
        seen[#seen + 1] = name
      end
    end
    assert.same({ "crashloop" }, seen)
  end)
end)
