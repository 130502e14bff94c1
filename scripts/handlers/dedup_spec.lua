local test = require("mooncrier.test")

describe("handlers/dedup", function()
  local function at(time, name, message)
    return { reason = "BackOff", message = message, involvedObject = { name = name },
             lastTimestamp = "2026-11-23T" .. time .. "Z" }
  end

  -- "pass" or why not, for each event.
  local function run(params, events, options)
    local said = {}
    for i, outcome in ipairs(test.run({ "handlers/dedup.lua", every = params.every, message = params.message },
      events, options)) do
      said[i] = outcome.reason or "pass"
    end
    return said
  end

  it("lets one event per object and reason pass in each period", function()
    assert.same({ "pass", "repeat", "pass", "repeat", "pass", "repeat" }, run({ every = "10m" }, {
      at("05:00:00", "a"), at("05:00:01", "a"), at("05:00:02", "b"), at("05:09:59", "a"), at("05:10:00", "a"),
      at("05:10:01", "a"),
    }))
  end)

  it("hands over what it has let pass", function()
    local watcher = test.start("handlers/dedup.lua")
    assert.equal("passed", watcher:send(at("05:00:00", "a")).outcome)
    watcher:reload()
    assert.equal("repeat", watcher:send(at("05:00:01", "a")).reason)
    assert.equal("passed", watcher:send(at("05:10:00", "a")).outcome)
  end)

  it("looks at messages when told to", function()
    assert.same({ "pass", "pass", "repeat" },
      run({ message = true }, { at("05:00:00", "a", "x"), at("05:00:00", "a", "y"), at("05:00:00", "a", "x") }))
  end)

  it("uses the clock for events without a time", function()
    local watcher = test.start({ "handlers/dedup.lua", every = "10s" })
    local event = '{"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","name":"a"}}'
    assert.equal("passed", watcher:send(event).outcome)
    test.advance("9s")
    assert.equal("dropped", watcher:send(event).outcome)
    test.advance("1s")
    assert.equal("passed", watcher:send(event).outcome)
  end)
end)
