local mooncrier = require("mooncrier")

describe("routes/by_severity", function()
  local function route(params, fields)
    local script = mooncrier.load("scripts/routes/by_severity.lua", params)
    local event = mooncrier.event({ type = fields.type, involvedObject = { kind = "Pod", name = "a" } })
    return script:route(fields.severity and event:with({ severity = fields.severity }) or event)
  end

  local params = { critical = { "pager", "archive" }, warning = "archive", info = {} }

  it("goes by the severity of the event", function()
    assert.same({ "pager", "archive" }, route(params, { severity = "critical" }))
    assert.same({ "archive" }, route(params, { severity = "warning" }))
    assert.same({}, route(params, { severity = "info", type = "Warning" }))
  end)

  it("goes by the type when there is none", function()
    assert.same({ "archive" }, route(params, { type = "Warning" }))
    assert.same({}, route(params, { type = "Normal" }))
  end)

  it("sends what is not listed to all sinks", function()
    assert.is_nil(route(params, { severity = "error" }))
    assert.is_nil(route(params, { severity = "fatal" }))
    assert.is_nil(route(nil, { type = "Normal" }))
  end)
end)
