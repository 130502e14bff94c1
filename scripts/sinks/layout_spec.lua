local mooncrier = require("mooncrier")
local sandbox = require("mooncrier.sandbox")

describe("sinks/layout", function()
  local path

  before_each(function()
    path = os.tmpname()
    sandbox.scripts_dir = "scripts" -- as the configuration says
  end)

  after_each(function()
    os.remove(path)
    sandbox.scripts_dir = nil
  end)

  local function lines()
    local list = {}
    for line in io.lines(path) do
      list[#list + 1] = line
    end
    return list
  end

  it("writes a line for each event", function()
    local sink = mooncrier.load_sink("scripts/sinks/layout.lua",
      { path = path, layout = { why = "{{reason}}", n = 1 } }, { "io" })
    assert.is_true(sink:open())
    local n = 0
    for event in mooncrier.events("examples/data/events.jsonl") do
      n = n + 1
      assert.is_nil(sink:write(event))
    end
    assert.is_nil(sink:flush())
    assert.equal(n, #lines())
    assert.same({ why = "KubeAPIReadyz", n = 1 }, mooncrier.json.decode(lines()[1]))
    os.remove(path)
    sink:reopen()
    sink:write(mooncrier.events("examples/data/events.jsonl")())
    sink:close()
    assert.equal(1, #lines())
  end)

  it("says when there is no such folder", function()
    local sink = mooncrier.load_sink("scripts/sinks/layout.lua", { path = path .. "/x", layout = {} }, { "io" })
    local ok, why = sink:open()
    assert.is_false(ok)
    assert.matches(path, why, 1, true)
  end)
end)
