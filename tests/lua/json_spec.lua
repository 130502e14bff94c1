-- json.decode and json.encode keep JSON's types.

local json = require("mooncrier").json

describe("json", function()
  it("comes back as it was", function()
    for _, text in ipairs({
      "null", "true", "false", "0", "-1", "1.5", "1e+300", "\"\"", "\"a\\\"b\\\\c\"", "[]", "{}",
      "[1,2,3]", "[[],{},[null]]", "{\"a\":{\"b\":[1,{\"c\":null}]}}", "9007199254740993",
      "-9223372036854775807", "9007199254740992", "0.1", "\"é\"", "\"\\u003ca\\u003e\"",
    }) do
      assert.equal(text, json.encode(json.decode(text)))
    end
  end)

  it("sorts fields, so that output does not depend on hash order", function()
    assert.equal("{\"a\":1,\"b\":2,\"c\":3}", json.encode({ c = 3, a = 1, b = 2 }))
  end)

  it("tells arrays from objects", function()
    assert.equal("{}", json.encode({}))
    assert.equal("[]", json.encode(json.array()))
    assert.equal("[]", json.encode(json.array({})))
  end)

  it("refuses what is not JSON, saying where", function()
    for text, fragment in pairs({
      ["{"] = "at byte 1", ["[1,]"] = "at byte 3", ["{\"a\" 1}"] = "expected ':'", ["tru"] = "byte",
      ["1 2"] = "something follows", ["[1 2]"] = "expected ','", [""] = "byte 0",
      [("["):rep(1000)] = "too deep",
    }) do
      local ok, message = pcall(json.decode, text)
      assert.is_false(ok, text)
      assert.truthy(message:find(fragment, 1, true), message)
    end
  end)

  it("refuses what JSON has no words for", function()
    local circle = {}
    circle[1] = circle
    for fragment, value in pairs({
      ["NaN"] = 0 / 0, ["infinity"] = 1 / 0, ["function"] = print, ["circle"] = circle,
      ["both list items"] = { 1, a = 2 },
    }) do
      local ok, message = pcall(json.encode, value)
      assert.is_false(ok)
      assert.truthy(message:find(fragment, 1, true), message)
    end
    assert.is_false(pcall(json.encode, { [1] = 1, [3] = 3 }))
    assert.is_false(pcall(json.encode, { [true] = 1 }))
  end)
end)
