local mooncrier = require("mooncrier")

describe("handlers/dedup", function()
  local function event_at(time, name, message)
    return mooncrier.event(([[{"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","namespace":"n","name":"%s"},
      "reason":"BackOff","type":"Warning","message":"%s","lastTimestamp":"2026-11-23T%sZ"}]])
      :format(name, message or "", time))
  end

  it("lets one event per object and reason pass in each period", function()
    local script = mooncrier.load("scripts/handlers/dedup.lua", { every = "10m" })
    local seen = {}
    for _, case in ipairs({ { "05:00:00", "a" }, { "05:00:01", "a" }, { "05:00:02", "b" }, { "05:09:59", "a" },
                            { "05:10:00", "a" }, { "05:10:01", "a" } }) do
      local pass, reason = script:filter(event_at(case[1], case[2]))
      seen[#seen + 1] = pass and "pass" or reason
    end
    assert.same({ "pass", "repeat", "pass", "repeat", "pass", "repeat" }, seen)
  end)

  it("hands over what it has let pass", function()
    local old = mooncrier.load("scripts/handlers/dedup.lua")
    assert.is_true((old:filter(event_at("05:00:00", "a"))))
    local new = mooncrier.load("scripts/handlers/dedup.lua")
    new:restore(old:save())
    assert.is_false((new:filter(event_at("05:00:01", "a"))))
    assert.is_true((new:filter(event_at("05:10:00", "a"))))
  end)

  it("looks at messages when told to", function()
    local script = mooncrier.load("scripts/handlers/dedup.lua", { message = true })
    assert.is_true((script:filter(event_at("05:00:00", "a", "x"))))
    assert.is_true((script:filter(event_at("05:00:00", "a", "y"))))
    assert.is_false((script:filter(event_at("05:00:00", "a", "x"))))
  end)

  it("uses the clock for events without a time", function()
    local script = mooncrier.load("scripts/handlers/dedup.lua", { every = "10s" })
    local event = mooncrier.event([[{"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","name":"a"}}]])
    mooncrier.clock(1000)
    assert.is_true((script:filter(event)))
    mooncrier.clock(1009)
    assert.is_false((script:filter(event)))
    mooncrier.clock(1010)
    assert.is_true((script:filter(event)))
  end)
end)
