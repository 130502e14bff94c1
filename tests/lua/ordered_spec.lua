-- mooncrier.ordered: tables of scripts in an order that is the same in every process.

local ordered = require("mooncrier.ordered")

local function keys(iterator, state, first)
  local list = {}
  for key, value in iterator, state, first do
    list[#list + 1] = tostring(key) .. "=" .. tostring(value)
  end
  return table.concat(list, " ")
end

describe("mooncrier.ordered", function()
  local mixed = { "one", "two", [10] = "ten", [-1.5] = "less", b = "B", a = "A", ["10"] = "text", [true] = "yes",
                  [false] = "no" }
  local sorted = "-1.5=less 1=one 2=two 10=ten 10=text a=A b=B false=no true=yes"

  it("has numbers, strings and booleans in order", function()
    assert.equal(sorted, keys(ordered.pairs(mixed)))
    assert.equal(sorted, keys(ordered.next, mixed))
    assert.equal("", keys(ordered.pairs({})))
    assert.equal("", keys(ordered.next, {}))
    assert.equal("x=1", keys(ordered.next, { x = 1 }))
  end)

  it("has other keys as well", function()
    local key = {}
    local t = { [key] = 1, a = 2 }
    local seen = {}
    for k, v in ordered.pairs(t) do seen[#seen + 1] = { k, v } end
    assert.same({ { "a", 2 }, { key, 1 } }, seen)
    assert.equal(key, (ordered.next(t, "a")))
  end)

  it("lets fields be removed and changed meanwhile", function()
    for _, way in ipairs({ ordered.pairs, function(t) return ordered.next, t end }) do
      local t, seen = { a = 1, b = 2, c = 3, d = 4 }, {}
      for key, value in way(t) do
        seen[#seen + 1] = key .. value
        t[key] = nil
        if key == "a" then t.b, t.c = nil, 30 end
      end
      assert.same({ "a1", "c30", "d4" }, seen)
      assert.is_nil(next(t))
    end
  end)

  it("does not mix up loops in loops", function()
    local t, seen = { a = 1, b = 2 }, {}
    for outer in ordered.next, t do
      for inner in ordered.next, t do seen[#seen + 1] = outer .. inner end
    end
    assert.same({ "aa", "ab", "ba", "bb" }, seen)
    assert.has_error(function() ordered.next(t, "z") end, "next: the key is not in the table")
  end)
end)
