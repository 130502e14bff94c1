-- Input of every bad sort: one message with line and byte, counted, and the next document is read.
local h = require("tests.e2e.harness")

describe("malformed input", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local good_1, good_2 = h.event("before"), h.event("after")

  local function wrap(fields)
    return '{"kind":"Event","apiVersion":"v1","metadata":{"name":"bad"},' .. fields .. "}"
  end

  local cases = {
    ["broken JSON"] = '{"kind":"Event","apiVersion":"v1","metadata":{"name":"bad"',
    ["a missing colon"] = '{"kind" "Event"}',
    ["a stray word"] = "hello world",
    ["a number"] = "42",
    ["an array"] = "[1,2,3]",
    ["null"] = "null",
    ["another kind"] = '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"bad"}}',
    ["a string for the count"] = wrap('"count":"3"'),
    ["a fraction for the count"] = wrap('"count":1.5'),
    ["a number for the message"] = wrap('"message":7'),
    ["an array for the source"] = wrap('"source":[]'),
    ["a time that is none"] = wrap('"lastTimestamp":"yesterday"'),
    ["invalid UTF-8"] = wrap('"message":"caf\233"'),
    ["a cut-off UTF-8 sequence"] = wrap('"message":"caf\195"'),
    ["an overlong UTF-8 sequence"] = wrap('"message":"\192\175"'),
    ["a lone high surrogate"] = wrap([["message":"\ud800x"]]),
    ["a lone low surrogate"] = wrap([["message":"\udc00"]]),
    ["an unknown escape"] = wrap([["message":"\q"]]),
    ["a raw control character"] = wrap('"message":"a\1b"'),
    ["a NUL byte in a string"] = wrap('"message":"a\0b"'),
    ["NUL bytes alone"] = "\0\0\0\0",
    ["nesting 10,000 deep"] = wrap('"x":' .. ("["):rep(10000) .. ("]"):rep(10000)),
    ["objects 10,000 deep"] = wrap('"x":' .. ('{"a":'):rep(10000) .. "1" .. ("}"):rep(10000)),
    ["text after the document"] = good_1 .. " x",
    ["a comma too many"] = wrap('"count":1,'),
    ["a leading zero"] = wrap('"count":01'),
  }

  for what, bad in pairs(cases) do
    it("is survived: " .. what, function()
      local r = place:run({ "eval", "-v", "true" },
        { stdin = good_1 .. "\n" .. bad .. "\n" .. good_2 .. "\n" })
      assert.equal(1, r.code)
      -- What stands before text that follows a document is still an event.
      local names = h.names(r.out)
      assert.same({ "before", "after" }, { names[1], names[#names] })
      local _, messages = r.err:gsub("stdin:2: byte %d+: [^\n]+\n", "")
      assert.equal(1, messages)
      assert.matches("%f[%d]1 malformed", r.err)
    end)
  end

  it("in the last line, cut off", function()
    local r = place:run({ "eval", "-v", "true" }, { stdin = good_1 .. "\n" .. good_2:sub(1, -20) })
    assert.same({ 1, { "before" } }, { r.code, h.names(r.out) })
    assert.matches("stdin:2: byte %d+: ", r.err)
    assert.matches("%f[%d]1 malformed", r.err)
  end)

  it("longer than the limit is skipped with bounded memory", function()
    place:shell("{ echo " .. "'" .. good_1 .. "'; printf '{\"message\":\"'; head -c 100000000 /dev/zero "
      .. "| tr '\\0' x; printf '\"}\\n'; echo '" .. good_2 .. "'; } > in.jsonl")
    local r = place:run({ "eval", "-v", "true", "in.jsonl" }, { before = "ulimit -v 400000" })
    assert.same({ 1, { "before", "after" } }, { r.code, h.names(r.out) })
    assert.matches("in%.jsonl:2: byte %d+: [^\n]*4", r.err)
    assert.matches("%f[%d]1 malformed", r.err)
  end)

  it("in an open document ends where a { stands in column 0", function()
    local r = place:run({ "eval", "true" },
      { stdin = '{\n  "kind": "Event",\n  "message": "never closed\n' .. good_2 .. "\n" })
    assert.same({ 1, { "after" } }, { r.code, h.names(r.out) })
    assert.matches("^[^\n]*stdin:%d: byte %d+: [^\n]+\n$", r.err)
  end)
end)

describe("unusual input that is well-formed", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local event = h.event("a")

  for what, input in pairs({
    ["CRLF line ends"] = event .. "\r\n" .. event .. "\r\n",
    ["a byte order mark"] = "\239\187\191" .. event .. "\n" .. event .. "\n",
    ["empty lines"] = "\n\n" .. event .. "\n\n \n" .. event .. "\n",
    ["no newline at the end"] = event .. "\n" .. event,
    ["two documents on one line"] = event .. event .. "\n",
  }) do
    it("is read: " .. what, function()
      local r = place:run({ "eval", "true" }, { stdin = input })
      assert.same({ 0, event .. "\n" .. event .. "\n", "" }, { r.code, r.out, r.err })
    end)
  end

  for what, input in pairs({ ["nothing"] = "", ["white space"] = " \n\t\r\n" }) do
    it("is no event: " .. what, function()
      local r = place:run({ "eval", "true" }, { stdin = input })
      assert.same({ 0, "", "" }, { r.code, r.out, r.err })
    end)
  end

  it("keeps surrogate pairs, escapes and big integers", function()
    local odd = [[{"kind":"Event","apiVersion":"v1","metadata":{"name":"a"},"message":"\ud83d\ude00\u2028\"",]]
      .. [["big":12345678901234567890,"frac":1.10,"e":[]}]]
    local r = place:run({ "eval", "true" }, { stdin = odd .. "\n" })
    assert.same({ 0, odd .. "\n", "" }, { r.code, r.out, r.err })
  end)
end)
