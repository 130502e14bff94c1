local mooncrier = require("mooncrier")
local window = require("mooncrier.window")

describe("window.new", function()
  it("counts what happened within the span", function()
    local w = window.new({ span = "10m" })
    mooncrier.clock(6000)
    assert.equal(1, w:add("a"))
    assert.equal(2, w:add("a"))
    assert.equal(5, w:add("a", 3))
    assert.equal(1, w:add("b"))
    assert.equal(5, w:count("a"))
    assert.equal(0, w:count("c"))
    mooncrier.clock(6300)
    assert.equal(6, w:add("a"))
    mooncrier.clock(6599)
    assert.equal(6, w:count("a"))
    mooncrier.clock(6600)
    assert.equal(1, w:count("a"))
    mooncrier.clock(6900)
    assert.equal(0, w:count("a"))
    assert.equal(1, w:add("a"))
  end)

  it("lets an occurrence go at most one step early and never late", function()
    local w = window.new({ span = 60, steps = 6 })
    for start = 0, 9 do
      w:reset("k")
      local at = 1000000 + start
      w:add("k", 1, at)
      assert.equal(1, w:count("k", at + 50), start)
      assert.equal(0, w:count("k", at + 60), start)
    end
  end)

  it("agrees with counting one by one", function()
    local w = window.new({ span = 100, steps = 10 })
    local list = {}
    local now = 5000
    local seed = 42
    for _ = 1, 3000 do
      seed = (seed * 1103515245 + 12345) % 2 ^ 31
      now = now + seed % 37
      local n = seed % 3
      list[#list + 1] = { step = math.floor(now / 10), n = n }
      local want = 0
      for _, one in ipairs(list) do
        if one.step > math.floor(now / 10) - 10 then
          want = want + one.n
        end
      end
      if w:add("k", n, now) ~= want then
        error(("at %d: %d, wanted %d"):format(now, w:count("k", now), want))
      end
    end
  end)

  it("takes a time in a call, and an earlier one as the newest", function()
    local w = window.new({ span = "1m" })
    assert.equal(1, w:add("a", 1, 5000))
    assert.equal(2, w:add("a", 1, 1000))
    assert.equal(3, w:add("a", 1, 5001))
    assert.equal(1, w:add("b", 1, 1000))
    assert.equal(0, w:count("a", 5200))
    assert.equal(1, w:add("a", 1, 9e9))
  end)

  it("tumbles", function()
    local w = window.new({ span = "1m", tumbling = true })
    assert.equal(1, w:add("a", 1, 600))
    assert.equal(2, w:add("a", 1, 659.9))
    assert.equal(1, w:add("a", 1, 660))
  end)

  it("forgets the key used longest ago when it is full", function()
    local w = window.new({ span = "1m", max_keys = 3 })
    for _, key in ipairs({ "a", "b", "c" }) do
      w:add(key, 1, 100)
    end
    w:add("a", 1, 100)
    assert.equal(0, w:evicted())
    w:add("d", 1, 100)
    assert.equal(1, w:evicted())
    for key, count in pairs({ a = 2, b = 0, c = 1, d = 1 }) do
      assert.equal(count, w:count(key, 100), key)
    end
    for i = 1, 100 do
      w:add("k" .. i, 1, 100)
    end
    local kept = {}
    for key, count in w:each(100) do
      kept[#kept + 1] = key .. "=" .. count
    end
    assert.same({ "k100=1", "k99=1", "k98=1" }, kept)
  end)

  it("iterates over what is in the window, newest first, while keys are reset", function()
    local w = window.new({ span = "1m" })
    w:add("old", 1, 100)
    w:add("a", 1, 200)
    w:add("b", 2, 201)
    local seen = {}
    for key, count in w:each(210) do
      seen[#seen + 1] = key .. count
      w:reset(key)
    end
    assert.same({ "b2", "a1" }, seen)
    assert.equal(0, w:count("a", 210))
  end)

  it("works with a span of one key and one step", function()
    local w = window.new({ span = 1, steps = 1, max_keys = 1 })
    assert.equal(1, w:add("a", 1, 1))
    assert.equal(1, w:add("b", 1, 1))
    assert.equal(2, w:add("b", 1, 1.5))
    assert.equal(1, w:add("b", 1, 2))
  end)

  local mistakes = {
    { {}, "parameter 'span' is missing: a duration such as \"10m\"" },
    { { span = "soon" }, "parameter 'span' must be a duration such as \"10m\", not \"soon\"" },
    { { span = 0 }, "window.new: span must be more than 0" },
    { { span = 1, steps = 0 }, "parameter 'steps' must be a whole number from 1 on, not 0" },
    { { span = 1, max_keys = 1.5 }, "parameter 'max_keys' must be a whole number from 1 on, not 1.5" },
    { { span = 1, spam = 1 }, "unknown parameter 'spam'; did you mean 'span'?" },
    { "10m", "parameters are a table of name = value, not a string" },
  }
  for _, case in ipairs(mistakes) do
    it("refuses: " .. case[2], function()
      local ok, message = pcall(function()
        local w = window.new(case[1])
        return w
      end)
      assert.is_false(ok)
      assert.truthy(message:find(case[2], 1, true), message)
      assert.truthy(message:find("^[^:]*window_spec%.lua:%d+: "), message)
    end)
  end

  it("refuses keys that are no strings", function()
    local w = window.new({ span = 1 })
    local ok, message = pcall(w.add, w, nil)
    assert.is_false(ok)
    assert.truthy(message:find("a window's key is a string, not a nil", 1, true), message)
  end)
end)

describe("window.rate", function()
  it("allows a burst and then one per period", function()
    local limit = window.rate({ per = "10s", burst = 3 })
    local function at(now)
      return limit:allow("k", now)
    end
    assert.same({ true, true, true, false }, { at(100), at(100), at(100), at(100) })
    assert.is_false(at(109))
    assert.is_true(at(110))
    assert.is_false(at(110))
    assert.same({ true, true, true, false }, { at(1000), at(1000), at(1000), at(1000) })
    assert.is_true(limit:allow("other", 1000))
  end)

  it("allows one at a time by default and does not gain by a clock that goes back", function()
    local limit = window.rate({ per = 5 })
    mooncrier.clock(50)
    assert.is_true(limit:allow("k"))
    assert.is_false(limit:allow("k", 20))
    assert.is_false(limit:allow("k", 54))
    assert.is_true(limit:allow("k", 55))
  end)

  it("adds up fractions", function()
    local limit = window.rate({ per = 1 })
    limit:allow("k", 0)
    for i = 1, 9 do
      assert.is_false(limit:allow("k", i / 10))
    end
    assert.is_true(limit:allow("k", 1))
  end)

  it("is bounded", function()
    local limit = window.rate({ per = 10, max_keys = 1 })
    assert.same({ true, true, true }, { limit:allow("a", 0), limit:allow("b", 0), limit:allow("a", 0) })
    assert.equal(2, limit:evicted())
  end)
end)

describe("window.once", function()
  it("is true for the first in each period and counts the others", function()
    local fresh = window.once({ every = "10m" })
    assert.same({ true, 0 }, { fresh:first("k", 1000) })
    assert.same({ false, 1 }, { fresh:first("k", 1001) })
    assert.same({ false, 2 }, { fresh:first("k", 1599) })
    assert.same({ true, 0 }, { fresh:first("other", 1599) })
    assert.same({ true, 2 }, { fresh:first("k", 1600) })
    assert.same({ false, 1 }, { fresh:first("k", 1601) })
    fresh:reset("k")
    assert.same({ true, 0 }, { fresh:first("k", 1602) })
  end)

  it("is bounded", function()
    local fresh = window.once({ every = "10m", max_keys = 2 })
    for _, key in ipairs({ "a", "b", "c" }) do
      assert.is_true((fresh:first(key, 0)))
    end
    assert.equal(1, fresh:evicted())
    assert.is_false((fresh:first("c", 0)))
    assert.is_true((fresh:first("a", 0)))
  end)
end)

describe("what a window saves", function()
  local saved = require("mooncrier.saved")

  -- As a reload hands it over.
  local function hand_over(old, new)
    new:restore(saved.decode(assert(saved.encode(old:save()))))
    return new
  end

  it("is what the next one goes on with", function()
    local crashes = window.new({ span = "10m" })
    crashes:add("a", 3, 1000)
    crashes:add("b", 1, 1200)
    crashes = hand_over(crashes, window.new({ span = "10m" }))
    assert.equal(5, crashes:add("a", 2, 1300))
    assert.equal(2, crashes:add("b", 1, 1300))
    assert.equal(3, crashes:add("a", 1, 1610)) -- the first three have left
    assert.equal(0, hand_over(crashes, window.new({ span = "5m" })):count("a", 1610))

    local limit = window.rate({ per = 10, burst = 2 })
    assert.is_true(limit:allow("k", 0))
    assert.is_true(limit:allow("k", 0))
    assert.is_false(hand_over(limit, window.rate({ per = 10, burst = 2 })):allow("k", 5))

    local fresh = window.once({ every = "10m" })
    fresh:first("k", 1000)
    fresh = hand_over(fresh, window.once({ every = "10m" }))
    assert.same({ false, 1 }, { fresh:first("k", 1001) })
    assert.same({ true, 1 }, { fresh:first("k", 1600) })
  end)

  it("keeps the order of its keys, and those that are there", function()
    local old = window.once({ every = 60 })
    for _, key in ipairs({ "a", "b", "c" }) do old:first(key, 0) end
    local new = window.once({ every = 60, max_keys = 3 })
    new:first("b", 30)
    hand_over(old, new)
    assert.same({ true, 0 }, { new:first("d", 31) }) -- for which the oldest goes: b, then a
    assert.is_true((new:first("b", 32)))
    assert.is_false((new:first("c", 32)))
  end)

  it("begins empty with nothing", function()
    local fresh = window.once({ every = 60 })
    fresh:restore(nil)
    assert.is_true((fresh:first("a", 0)))
  end)

  it("is never too much: the newest keys are kept", function()
    local crashes, fresh = window.new({ span = "10m", max_keys = 100000 }), window.once({ every = "10m" })
    for i = 1, 20000 do
      local key = ("x"):rep(200) .. i
      for now = 0, 500, 50 do crashes:add(key, i, now) end
      fresh:first(key, 1000)
    end
    assert.truthy(saved.encode({ crashes:save(), fresh:save() }))
    fresh = hand_over(fresh, window.once({ every = "10m" }))
    assert.is_false((fresh:first(("x"):rep(200) .. 20000, 1001)))
    assert.is_true((fresh:first(("x"):rep(200) .. 1, 1001)))
  end)
end)
