local test = require("mooncrier.test")

describe("handlers/sample", function()
  local function events_of(n, fields)
    local list = {}
    for i = 1, n do
      local event = { reason = "Pulled", metadata = { name = "e" .. i, namespace = "prod", uid = "uid-" .. i } }
      for name, value in pairs(fields or {}) do
        event[name] = value
      end
      list[i] = event
    end
    return list
  end

  it("lets the first of each reason and a share of the others pass", function()
    local result = test.run({ "handlers/sample.lua", rate = 0.1, first = 10 }, events_of(1010))
    assert.is_true(result.passed > 10 + 60 and result.passed < 10 + 140, result.passed)
    assert.equal(1010 - result.passed, result.reasons["not in the sample"])
    for i = 1, 10 do
      assert.equal("passed", result[i].outcome)
    end
    assert.equal(20, test.run({ "handlers/sample.lua", rate = 0, first = 20 }, events_of(100)).passed)
    assert.equal(100, test.run({ "handlers/sample.lua", rate = 1, first = 1 }, events_of(100)).passed)
  end)

  it("begins anew in each window", function()
    local watcher = test.start({ "handlers/sample.lua", rate = 0, first = 2, window = "1m" })
    local passed = {}
    for i, event in ipairs(events_of(6)) do
      passed[i] = watcher:send(event).outcome
      if i == 3 then
        test.advance("1m")
      end
      watcher:reload()
    end
    watcher:stop()
    assert.same({ "passed", "passed", "dropped", "passed", "passed", "dropped" }, passed)
  end)

  it("treats all repeats of an event alike, wherever it runs", function()
    local function passed(seed)
      local result = test.run({ "handlers/sample.lua", rate = 0.5, first = 1 }, events_of(100), { seed = seed })
      local list = {}
      for i, outcome in ipairs(result) do
        list[i] = outcome.outcome
      end
      return list
    end
    assert.same(passed(1), passed(2))
    local events = events_of(2)
    local watcher = test.start({ "handlers/sample.lua", rate = 0.5, first = 1 })
    watcher:send(events[1])
    local first = watcher:send(events[2]).outcome
    for _ = 1, 10 do
      assert.equal(first, watcher:send(events[2]).outcome)
    end
    watcher:stop()
  end)

  it("leaves warnings and other reasons, unless told to", function()
    local warnings = events_of(50, { type = "Warning" })
    assert.equal(50, test.run({ "handlers/sample.lua", rate = 0, first = 1 }, warnings).passed)
    assert.equal(1, test.run({ "handlers/sample.lua", rate = 0, first = 1, warnings = true }, warnings).passed)
    local others = test.run({ "handlers/sample.lua", rate = 0, first = 1, reasons = "Created" }, events_of(50))
    assert.equal(50, others.passed)
    assert.error_matches(function() test.run({ "handlers/sample.lua", rate = 2 }, {}) end, "between 0 and 1, not 2")
  end)

  it("keeps every warning and every reason of real events", function()
    local result = test.run({ "handlers/sample.lua", rate = 0, first = 1, window = "1h" }, "examples/data/events.jsonl")
    local before, after, warnings, kinds, n_kinds = {}, {}, 0, {}, 0
    for _, outcome in ipairs(result) do
      before[outcome.input.reason] = true
      local kind = outcome.input.metadata.namespace .. " " .. outcome.input.reason
      if outcome.input.type ~= "Warning" and not kinds[kind] then
        kinds[kind], n_kinds = true, n_kinds + 1
      end
      if outcome.outcome == "passed" then
        after[outcome.input.reason] = true
        warnings = warnings + (outcome.input.type == "Warning" and 1 or 0)
      end
    end
    assert.same(before, after)
    assert.equal(182, warnings)
    assert.equal(182 + n_kinds, result.passed)
    assert.truthy(n_kinds < 164)
  end)
end)
