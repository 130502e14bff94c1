local test = require("mooncrier.test")

describe("handlers/severity", function()
  local function severity_of(params, type, reason)
    local result = test.run("handlers/severity.lua", { type = type, reason = reason }, { params = params })
    return result[1].event:get("severity")
  end

  local cases = {
    { "Normal", "Pulled", "info" },
    { "Normal", "NodeNotReady", "critical" },
    { "Warning", "CrashLoop", "critical" },
    { "Warning", "Evicted", "critical" },
    { "Warning", "FailedScheduling", "error" },
    { "Warning", "BackOff", "error" },
    { "Normal", "BackOff", "info" },
    { "Warning", "ReplicaSetCreateError", "error" },
    { "Warning", "Unhealthy", "warning" },
    { "Warning", "", "warning" },
    { "Warning", "EvictionStorm", "critical" },
    { "Warning", "OutOfMemory", "critical" },
    { "Warning", "ImagePullFailure", "error" },
    { "Warning", "CloudQuotaExceeded", "error" },
    { "Warning", "SchedulingDigest", "warning" },
    { "Normal", "IncidentClosed", "info" },
  }
  for _, case in ipairs(cases) do
    it(("calls %s %s %s"):format(case[1], case[2], case[3]), function()
      assert.equal(case[3], severity_of(nil, case[1], case[2]))
    end)
  end

  it("takes other lists", function()
    assert.equal("critical", severity_of({ critical = "Backup*" }, "Warning", "BackupFailed"))
    assert.equal("warning", severity_of({ error = {} }, "Warning", "FailedScheduling"))
  end)

  it("changes nothing else", function()
    for _, outcome in ipairs(test.run("handlers/severity.lua", "examples/data/events.jsonl")) do
      local after = outcome.event:get()
      after.severity = nil
      assert.same(outcome.input:get(), after)
    end
  end)
end)
