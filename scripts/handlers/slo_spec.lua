local test = require("mooncrier.test")

describe("handlers/slo", function()
  local SCRIPT = "handlers/slo.lua"

  local function job(reason, name, namespace)
    return { reason = reason, involvedObject = { kind = "Job", namespace = namespace or "batch", name = name or "a" } }
  end

  local function params(more)
    local p = { SCRIPT, good = "Completed", bad = "BackoffLimitExceeded", objective = 90, burn = 2, least = 10,
                name = "Jobs" }
    for name, value in pairs(more or {}) do
      p[name] = value
    end
    return p
  end

  local function send(watcher, good, bad)
    for i = 1, good + bad do
      watcher:send(job(i <= good and "Completed" or "BackoffLimitExceeded", "job-" .. i))
    end
  end

  it("tells when the budget burns too fast, once in the window", function()
    local watcher = test.start(params({ sink = "pager" }))
    send(watcher, 7, 2) -- 22 % of 9: too few to say anything
    assert.is_nil(watcher.result.sinks.pager)
    watcher:reload()
    send(watcher, 0, 1)
    local event = watcher.result.sinks.pager[1].event
    assert.same({ "SLOBurn", "Warning", "Namespace", "batch", "Jobs of batch: 3 of 10 went wrong within 60 min (30 %, "
      .. "the objective allows 10 %): the error budget burns 3.0 times too fast, the last one: Job job-1 "
      .. "BackoffLimitExceeded" },
      { event.reason, event.type, event.involvedObject.kind, event.involvedObject.name, event.message })
    send(watcher, 0, 10)
    assert.equal(1, #watcher:stop().sinks.pager)
  end)

  it("is quiet when it is over already: the short window is fine", function()
    local watcher = test.start(params())
    send(watcher, 0, 9)
    test.advance("30m")
    send(watcher, 30, 1)
    assert.same({}, watcher:stop().emitted)
  end)

  it("counts occurrences, of which one event may tell many", function()
    local function failed(count)
      local event = job("BackoffLimitExceeded")
      event.count = count
      return #test.run(params(), { job("Completed"), event }).emitted
    end
    assert.same({ 0, 1 }, { failed(8), failed(9) })
  end)

  it("is content with what the objective allows", function()
    local watcher = test.start(params())
    send(watcher, 90, 10)
    assert.same({}, watcher:stop().emitted)
  end)

  it("counts each namespace, workload or the cluster", function()
    local function told(by)
      local events = {}
      for i = 1, 10 do
        local name = ("report-2992351%d"):format(i % 10)
        events[#events + 1] = job("BackoffLimitExceeded", name, i % 2 == 0 and "a" or "b")
      end
      local result = test.run(params({ by = by }), events)
      local list = {}
      for i, one in ipairs(result.emitted) do
        list[i] = one.event.involvedObject.kind .. " " .. one.event.involvedObject.name
      end
      return list
    end
    assert.same({}, told("namespace")) -- five of each
    assert.same({}, told("workload"))
    assert.same({ "Cluster cluster" }, told("cluster"))
    local events = {}
    for i = 1, 10 do
      events[i] = job("BackoffLimitExceeded", "report-2992351" .. i % 10)
    end
    local object = test.run(params({ by = "workload" }), events).emitted[1].event.involvedObject
    assert.same({ "Workload", "batch", "report" }, { object.kind, object.namespace, object.name })
    assert.error_matches(function() told("node") end, "'by' must be")
  end)

  it("reports how it stands", function()
    local watcher = test.start(params({ report = "10m" }))
    send(watcher, 19, 1)
    watcher:send(job("BackoffLimitExceeded", "a", "other"))
    test.advance("11m")
    watcher:send(job("Completed"))
    local event = watcher:stop().emitted[1].event
    assert.equal(2, #watcher.result.emitted)
    assert.equal("Jobs of other: 0 % of 1 within 60 min went well, the objective is 90 %; the budget burns at 10.0",
      watcher.result.emitted[2].event.message)
    assert.same({ "SLOReport", "Normal", "Jobs of batch: 95 % of 20 within 60 min went well, the objective is 90 %; "
      .. "the budget burns at 0.5" }, { event.reason, event.type, event.message })
  end)

  it("refuses what cannot be", function()
    for _, case in ipairs({
      { { objective = 100 }, "between 0 and 100" }, { { burn = 11 }, "nothing burns faster than 10" },
    }) do
      assert.error_matches(function() test.run(params(case[1]), {}) end, case[2])
    end
  end)

  it("finds the Jobs that fail too often in real events", function()
    local result = test.run(params({ least = 5 }), "examples/data/troubles.jsonl")
    assert.equal(421, result.passed)
    assert.equal(1, #result.emitted)
    assert.equal("Jobs of staging-batch: 2 of 5 went wrong", result.emitted[1].event.message:match("^.-wrong"))
  end)
end)
