local test = require("mooncrier.test")

describe("routes/by_severity", function()
  local function route(params, fields)
    return test.run("routes/by_severity.lua", fields, { params = params, sinks = { "archive", "pager" } })[1].sinks
  end

  local params = { critical = { "pager", "archive" }, warning = "archive", info = {} }

  it("goes by the severity of the event", function()
    assert.same({ "archive", "pager" }, route(params, { severity = "critical" }))
    assert.same({ "archive" }, route(params, { severity = "warning" }))
    assert.same({}, route(params, { severity = "info", type = "Warning" }))
  end)

  it("goes by the type when there is none", function()
    assert.same({ "archive" }, route(params, { type = "Warning" }))
    assert.same({}, route(params, { type = "Normal" }))
  end)

  it("sends what is not listed to all sinks", function()
    local all = { "archive", "pager" }
    assert.same(all, route(params, { severity = "error" }))
    assert.same(all, route(params, { severity = "fatal" }))
    assert.same(all, route(nil, { type = "Normal" }))
  end)
end)
