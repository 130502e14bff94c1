local mooncrier = require("mooncrier")

local EVENTS = "examples/data/events.jsonl"

describe("handlers/quiet", function()
  local function event_of(type, reason)
    return mooncrier.event({ type = type, reason = reason, involvedObject = { kind = "Pod", name = "a" } })
  end

  it("drops daily work by its reason, and says which", function()
    local script = mooncrier.load("scripts/handlers/quiet.lua")
    assert.same({ false, "quiet: Pulled" }, { script:filter(event_of("Normal", "Pulled")) })
    assert.same({ true }, { script:filter(event_of("Normal", "NodeReady")) })
    assert.same({ true }, { script:filter(event_of("Warning", "Killing")) })
  end)

  it("drops warnings when told to, and other reasons", function()
    local script = mooncrier.load("scripts/handlers/quiet.lua", { warnings = true, also = "Node*" })
    assert.same({ false, "quiet: Killing" }, { script:filter(event_of("Warning", "Killing")) })
    assert.same({ false, "quiet: NodeReady" }, { script:filter(event_of("Normal", "NodeReady")) })
  end)

  it("takes another list", function()
    local script = mooncrier.load("scripts/handlers/quiet.lua", { reasons = { "Backup*" } })
    assert.same({ true }, { script:filter(event_of("Normal", "Pulled")) })
    assert.same({ false, "quiet: BackupSucceeded" }, { script:filter(event_of("Normal", "BackupSucceeded")) })
  end)

  it("leaves every warning of the real data", function()
    local script = mooncrier.load("scripts/handlers/quiet.lua")
    local kept, warnings = 0, 0
    for event in mooncrier.events(EVENTS) do
      local warning = event.type == "Warning"
      local pass = script:filter(event)
      kept = kept + (pass and 1 or 0)
      warnings = warnings + (warning and pass and 1 or 0)
    end
    assert.equal(182, warnings)
    assert.equal(254, kept)
  end)
end)
