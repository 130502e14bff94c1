-- What hooks cost: always measured, in `status` and metrics.
local h = require("tests.e2e.harness")

local EVENTS = 346 -- of examples/data/events.jsonl

-- The value of a line of metrics whose name and labels match; nil when there is none.
local function metric(text, pattern)
  return tonumber(text:match("\n" .. pattern .. " (%S+)\n"))
end

describe("what hooks cost", function()
  local place, p
  before_each(function()
    place = h.place()
    place:shell("cp " .. h.root .. "/examples/data/events.jsonl in.jsonl")
    place:write("mooncrier.lua", [[return {
      sources = { { kind = "jsonl", path = "in.jsonl", follow = true } },
      sinks = { own = { kind = "script", script = "sink.lua" } },
      watchers = {
        { name = "one", script = "a.lua" },
        { name = "chain", scripts = { "a.lua", "b.lua" }, sinks = { "own" } },
      },
      admin = { listen = "127.0.0.1:0" },
    }]])
    place:write("a.lua", [[return { filter = function(event) return #(event.reason .. event.message) >= 0 end }]])
    place:write("b.lua", [[return {
      handle = function() end,
      route = function() return "own" end,
      tick = function() end,
      tick_every = "20ms",
    }]])
    place:write("sink.lua", [[return { write = function() end, flush = function() end }]])
    p = place:start({ "run" })
  end)
  after_each(function() place:remove() end)

  local function status()
    local r = place:run({ "status", "-o", "json" })
    return r.code == 0 and h.decode(r.out)
  end

  -- { "watcher/script/hook" = its figures }, when all events have come through.
  local function figures()
    return h.eventually("all events are written", function()
      local s = status()
      if not s or s.ledger.watchers[2].sinks[1].delivered ~= EVENTS then return nil end
      local by_name = {}
      for _, w in ipairs(s.watchers) do
        for _, hook in ipairs(w.hooks) do
          by_name[("%s/%s/%s"):format(w.name, hook.script, hook.hook)] = hook
        end
      end
      return by_name["chain/b.lua/tick"] and by_name["chain/sink.lua/flush"] and by_name
    end)
  end

  it("is in status, by watcher, script and hook", function()
    local all = figures()
    for name, calls in pairs({
      ["one/a.lua/filter"] = EVENTS,
      ["chain/a.lua/filter"] = EVENTS,
      ["chain/b.lua/handle"] = EVENTS,
      ["chain/b.lua/route"] = EVENTS,
      ["chain/sink.lua/write"] = EVENTS,
    }) do
      local f = all[name]
      assert.equal(calls, f.calls, name)
      assert.is_true(f.measured > 0 and f.measured <= calls, name)
      for _, of in ipairs({ f.ns_per_call, f.bytes_per_call }) do
        assert.is_true(0 <= of.p50 and of.p50 <= of.p99 and of.p99 <= of.max, name)
      end
      assert.is_true(f.ns > 0 and f.ns_per_call.max > 0, name)
    end
    assert.equal("own", all["chain/sink.lua/write"].sink)
    assert.equal(h.null, all["one/a.lua/filter"].sink)
    -- What a filter joins is longer than most messages, and allocated for each.
    assert.is_true(all["one/a.lua/filter"].bytes > EVENTS * 20)
    local text = place:run({ "status" }).out
    assert.matches("\n  hook +calls +time +p50 +p99 +max +allocated +p50 +p99 +max  script\n", text)
    assert.matches("\n  filter +" .. EVENTS .. " .*  a%.lua\n", text)
    assert.matches("\n  write +" .. EVENTS .. " .*  sink%.lua %(sink own%)\n", text)
  end)

  it("is in metrics", function()
    local all = figures()
    local text = place:shell("curl -s " .. p:err():match("admin requests are taken at (http://%S+)") .. "/metrics")
    local labels = '{watcher="chain",script="b.lua",sink="",hook="handle"'
    assert.equal(EVENTS, metric(text, "mooncrier_hook_seconds_count" .. labels .. "}"))
    local f = all["chain/b.lua/handle"]
    for name, expected in pairs({
      ["seconds_sum" .. labels .. "}"] = f.ns / 1e9,
      ["seconds" .. labels .. ',quantile="0.5"}'] = f.ns_per_call.p50 / 1e9,
      ["seconds" .. labels .. ',quantile="0.99"}'] = f.ns_per_call.p99 / 1e9,
      ["seconds_max" .. labels .. "}"] = f.ns_per_call.max / 1e9,
      ["allocated_bytes_sum" .. labels .. "}"] = f.bytes,
      ["allocated_bytes" .. labels .. ',quantile="0.99"}'] = f.bytes_per_call.p99,
      ["allocated_bytes_max" .. labels .. "}"] = f.bytes_per_call.max,
    }) do
      assert.near(expected, metric(text, "mooncrier_hook_" .. name), expected / 1e6, name)
    end
  end)
end)
