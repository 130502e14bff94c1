local test = require("mooncrier.test")

describe("handlers/quiet", function()
  -- "pass" or why not.
  local function said_of(params, type, reason)
    local script = { "handlers/quiet.lua", warnings = params.warnings, also = params.also, reasons = params.reasons }
    return test.run(script, { type = type, reason = reason })[1].reason or "pass"
  end

  for _, case in ipairs({
    { {}, "Normal", "Pulled", "quiet: Pulled" },
    { {}, "Normal", "NodeReady", "pass" },
    { {}, "Warning", "Killing", "pass" },
    { { warnings = true, also = "Node*" }, "Warning", "Killing", "quiet: Killing" },
    { { warnings = true, also = "Node*" }, "Normal", "NodeReady", "quiet: NodeReady" },
    { { reasons = { "Backup*" } }, "Normal", "Pulled", "pass" },
    { { reasons = { "Backup*" } }, "Normal", "BackupSucceeded", "quiet: BackupSucceeded" },
  }) do
    local name = next(case[1]) and " with parameters" or ""
    it(("says of %s %s%s: %s"):format(case[2], case[3], name, case[4]), function()
      assert.equal(case[4], said_of(case[1], case[2], case[3]))
    end)
  end

  it("leaves every warning of the real data", function()
    local result = test.run("handlers/quiet.lua", "examples/data/events.jsonl")
    local warnings = 0
    for _, outcome in ipairs(result) do
      warnings = warnings + (outcome.event and outcome.event.type == "Warning" and 1 or 0)
    end
    assert.same({ 182, 254 }, { warnings, result.passed })
  end)
end)
