local mooncrier = require("mooncrier")

describe("handlers/severity", function()
  local function severity_of(params, type, reason)
    local script = mooncrier.load("scripts/handlers/severity.lua", params)
    local event = mooncrier.event({ type = type, reason = reason, involvedObject = { kind = "Pod", name = "a" } })
    return script:handle(event):get("severity")
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
    local json = mooncrier.json
    local script = mooncrier.load("scripts/handlers/severity.lua")
    for event in mooncrier.events("examples/data/events.jsonl") do
      local after = json.decode(tostring(script:handle(event)))
      after.severity = nil
      assert.equal(json.encode(event:get()), json.encode(after))
    end
  end)
end)
