local h = require("tests.e2e.harness")
local served = require("tests.e2e.served")

describe("record", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  it("stores the event at the server", function()
    local s = served.start(place)
    local r = place:run({ "record", "pod/web-1", "-n", "prod", "--type", "Warning", "--reason", "BackOff",
      "--server", s.url, "hello" })
    assert.equal(0, r.code, r.err)
    local name = r.out:match("^event/(web%-1%.%x+) recorded\n$")
    local got = s:request("GET", "/api/v1/namespaces/prod/events/" .. name).json
    assert.same({ "Warning", "BackOff", "hello", "Pod" },
      { got.type, got.reason, got.message, got.involvedObject.kind })
    s:stop()
  end)

  it("says how many are left when no server answers", function()
    local r = place:run({ "record", "pod/a", "-n", "b", "--reason", "R", "--server", "http://127.0.0.1:1",
      "--timeout", "200ms", "m" })
    assert.same({ 3, "" }, { r.code, r.out })
    assert.matches("1 event is left", r.err)
  end)

  it("refuses another type", function()
    assert.equal(2, place:run({ "record", "pod/a", "--type", "Bad", "--reason", "R", "m" }).code)
  end)
end)
