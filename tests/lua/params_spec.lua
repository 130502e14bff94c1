require("mooncrier")
local params = require("mooncrier.params")

describe("params.read", function()
  it("reads every kind", function()
    local cases = {
      { "string", "x", "x" }, { "number", 1.5, 1.5 }, { "boolean", true, true }, { "boolean", false, false },
      { "count", 3, 3 }, { "duration", "10m", 600 }, { "duration", 5, 5 }, { "strings", "a", { "a" } },
      { "strings", { "a", "b" }, { "a", "b" } }, { "strings", {}, {} }, { "table", { 1 }, { 1 } },
    }
    for _, case in ipairs(cases) do
      assert.same({ p = case[3] }, params.read({ p = case[2] }, { p = { case[1] } }))
      assert.same({ p = case[3] }, params.read(nil, { p = { case[1], case[2] } }))
    end
  end)

  it("leaves out what is optional", function()
    assert.same({}, params.read({}, { p = { "string", false }, q = { "strings", false } }))
    assert.same({ p = false }, params.read({}, { p = { "boolean", false } }))
  end)

  local mistakes = {
    { { p = 5 }, "string", "parameter 'p' must be a string, not 5" },
    { { p = "5" }, "number", 'parameter \'p\' must be a number, not "5"' },
    { { p = "no" }, "boolean", 'parameter \'p\' must be true or false, not "no"' },
    { { p = 0 }, "count", "parameter 'p' must be a whole number from 1 on, not 0" },
    { { p = "1 h" }, "duration", 'parameter \'p\' must be a duration such as "10m", not "1 h"' },
    { { p = { 5 } }, "strings", "parameter 'p' must be a string or a list of strings, not table" },
    { { p = { a = "b" } }, "strings", "parameter 'p' must be a string or a list of strings, not table" },
    { { p = "x" }, "table", 'parameter \'p\' must be a table, not "x"' },
    { {}, "string", "parameter 'p' is missing: a string" },
    { { p = "x", q = 1 }, "string", "unknown parameter 'q'" },
    { { [1] = "x" }, "string", "unknown parameter '1'" },
    { "x", "string", "parameters are a table of name = value, not a string" },
  }
  for _, case in ipairs(mistakes) do
    it("refuses: " .. case[3], function()
      local ok, message = pcall(params.read, case[1], { p = { case[2] } })
      assert.is_false(ok)
      assert.truthy(message:find(case[3], 1, true), message)
    end)
  end
end)
