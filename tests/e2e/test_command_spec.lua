-- `mooncrier test`, as a user types it.

local h = require("tests.e2e.harness")

local cjson = require("cjson")
local test = require("mooncrier.test")

local script = [[
return {
  filter = function(event)
    return event.type == "Warning", "not a warning"
  end,
}
]]

local spec = [[
local test = require("mooncrier.test")

describe("warnings", function()
  it("keeps warnings", function()
    local result = test.run("warnings.lua", { { reason = "BackOff" }, { reason = "Pulled" } })
    assert.equal(1, result.passed)
    assert.equal("not a warning", result[2].reason)
  end)

  it("looks as it did", function()
    test.golden("warning.json", test.run("warnings.lua", { { reason = "BackOff" } })[1].event)
  end)
end)
]]

describe("mooncrier test", function()
  local place

  before_each(function()
    place = h.place()
    place:shell("mkdir -p scripts more .hidden")
    place:write("scripts/warnings.lua", script)
    place:write("scripts/warnings_spec.lua", spec)
    place:write(".hidden/x_spec.lua", "error('not this one')")
  end)

  after_each(function() place:remove() end)

  it("fails while there is no golden file, writes it with --bless, and then passes", function()
    local r = place:run({ "test" })
    assert.same({ 1, "1 passed, 1 failed (1 spec)\n" }, { r.code, r.err })
    assert.matches("scripts/golden/warning.json yet; MOONCRIER_BLESS=1, or mooncrier test --bless, writes it", r.out,
      1, true)
    r = place:run({ "test", "--bless" })
    assert.same({ 0, "2 passed, 0 failed (1 spec)\n" }, { r.code, r.err })
    assert.equal("BackOff", cjson.decode(place:read("scripts/golden/warning.json")).reason)
    r = place:run({ "test", "scripts/warnings_spec.lua" })
    assert.same({ 0, "2 passed, 0 failed (1 spec)\n" }, { r.code, r.err })
    place:write("scripts/warnings_spec.lua", (spec:gsub("BackOff\" } }%)%[1%]", "Failed\" } })[1]")))
    r = place:run({ "test", "." })
    assert.equal(1, r.code)
    assert.matches('scripts/golden/warning.json: line', r.out, 1, true)
    assert.matches('file:%s+"message": "Back%-off restarting', r.out)
    assert.matches('now:%s+"message": "Error: ImagePullBackOff', r.out)
  end)

  it("is driven by MOONCRIER_BLESS as well", function()
    local r = place:run({ "test", "-q" }, { env = "MOONCRIER_BLESS=1" })
    assert.same({ 0, "" }, { r.code, r.err })
    assert.truthy(place:read("scripts/golden/warning.json"))
  end)

  it("runs the tests that --filter names, in the format that is asked for", function()
    local r = place:run({ "test", "--filter", "^warnings keeps", "-o", "tap" })
    assert.same({ 0, "1 passed, 0 failed (1 spec)\n" }, { r.code, r.err })
    assert.equal("ok 1 - warnings keeps warnings\n1..1\n", r.out)
    r = place:run({ "test", "--filter", "keeps", "--filter", "looks", "-o", "JSON", "--bless" })
    assert.same({ 0, 2 }, { r.code, #cjson.decode(r.out).successes })
    r = place:run({ "test", "--filter", "no such name" })
    assert.same({ 1, "mooncrier test: no test has a name that --filter looks for\n" }, { r.code, r.err })
  end)

  it("says what is wrong with a spec, and goes on with the others", function()
    place:write("more/broken_spec.lua", "it('x' function() end)")
    place:write("more/raises_spec.lua", "error('oh no')")
    place:write("more/fine_spec.lua", "it('is fine', function() end)")
    local r = place:run({ "test", "more" })
    assert.same({ 1, "1 passed, 2 failed (3 specs)\n" }, { r.code, r.err })
    assert.matches("more/broken_spec.lua:1:", r.out, 1, true)
    assert.matches("more/raises_spec.lua:1: oh no", r.out, 1, true)
  end)

  it("names the script's line when a hook fails, and not its own", function()
    place:write("scripts/warnings.lua", "return {\n  filter = function(event)\n    return event.reasn\n  end,\n}\n")
    local r = place:run({ "test", "--filter", "keeps" })
    assert.equal(1, r.code)
    assert.matches("filter of warnings.lua failed on BackOff of Pod default/web-1: scripts/warnings.lua:3:", r.out, 1,
      true)
    assert.matches("did you mean 'reason'?", r.out, 1, true)
  end)

  it("wants specs", function()
    place:shell("rm scripts/warnings_spec.lua")
    local r = place:run({ "test" })
    assert.equal(1, r.code)
    assert.matches("no specs: files that end with _spec.lua", r.err, 1, true)
    place:write("more/empty_spec.lua", "")
    r = place:run({ "test", "more" })
    assert.same({ 1, "mooncrier test: no test in any of the specs\n" }, { r.code, r.err })
    r = place:run({ "test", "nowhere" })
    assert.same({ 1, "mooncrier test: nowhere: No such file or directory\n" }, { r.code, r.err })
  end)

  it("says what to install when there is no busted", function()
    local r = place:run({ "test" }, { env = "LUA_PATH=/nowhere/?.lua" })
    assert.same({ 1, "" }, { r.code, r.out })
    assert.matches("busted is not installed", r.err, 1, true)
    assert.matches("apt-get install lua-busted", r.err, 1, true)
    place:shell("mkdir -p lib/busted; echo 'return nil' >lib/busted/core.lua")
    r = place:run({ "test" }, { env = "LUA_PATH=./lib/?.lua" })
    assert.equal(1, r.code)
    assert.matches("busted is not whole: there is no module 'busted'", r.err, 1, true)
  end)

  it("refuses a format that there is not", function()
    local r = place:run({ "test", "-o", "yaml" })
    assert.equal(2, r.code)
    assert.matches("--output must be text, tap, json, junit or gtest, not 'yaml'", r.err, 1, true)
  end)

  it("gives specs the kit as busted does", function()
    local r = place:run({ "test", "tests/lua/test_module_spec.lua" }, { before = "cd '" .. h.root .. "'" })
    assert.equal(0, r.code, r.out)
    assert.matches("^%d+ passed, 0 failed %(1 spec%)\n$", r.err)
  end)

  for _, name in ipairs({ "warnings", "quiet", "severity", "dedup", "redact" }) do
    it("has scripts do what the program has them do: " .. name, function()
      local path, events = "scripts/handlers/" .. name .. ".lua", "examples/data/events.jsonl"
      local r = place:run({ "eval", "--script", h.root .. "/" .. path, h.root .. "/" .. events })
      assert.equal(0, r.code, r.err)
      local lines = {}
      for _, outcome in ipairs(test.run(path, events)) do
        lines[#lines + 1] = outcome.event and tostring(outcome.event) .. "\n"
      end
      assert.truthy(#lines > 100)
      assert.equal(r.out, table.concat(lines))
    end)
  end

  it("passes the shipped scripts", function()
    local r = place:run({ "test", h.root .. "/scripts" }, { before = "cd '" .. h.root .. "'" })
    assert.equal(0, r.code, r.out)
    assert.matches("%f[%d]%d%d%d passed, 0 failed", r.err) -- after what scripts have logged
  end)
end)
