-- What hooks cost: always measured, in `status` and metrics; and where the time goes, by
-- `mooncrier profile`.
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

-- A script that has something to do all the time, and does what the name of an event says.
local busy = [[
local function spin(n)
  local sum = 0
  for i = 1, n do sum = (sum * 7 + i) % 1000003 end
  return sum
end

local function join()
  local all = ""
  for i = 1, 200 do all = (all .. i):gsub("1", "x"):sub(-50) end
  return all
end

local jobs = {
  loop = function() while true do end end,
  pattern = function() return ("a"):rep(3000):find((".-"):rep(9) .. "b") end,
}

return {
  handle = function(event)
    local job = jobs[event.metadata.name]
    if job then job() end
  end,
  tick = function() spin(100000) join() end,
  tick_every = "1ms",
}
]]

-- Does for each event what LuaJIT does not compile.
local interpreted = [[
local function visit(event)
  local reason = function() return event.reason end
  return reason()
end

return {
  tick = function()
    for _ = 1, 200 do visit({ reason = "x" }) end
    local n = 0
    for i = 1, 200 do n = n + #tostring(i):gsub("1", "2") end
    return n
  end,
  tick_every = "1ms",
}
]]

describe("mooncrier profile", function()
  local place, p
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  -- scripts: by watcher.
  local function start(scripts)
    place:write("in.jsonl", "")
    local watchers = {}
    for name, text in pairs(scripts) do
      place:write(name .. ".lua", text)
      watchers[#watchers + 1] = ('{ name = "%s", script = "%s.lua", deadline = "100ms" }'):format(name, name)
    end
    table.sort(watchers)
    place:write("mooncrier.lua", ([[return {
      sources = { { kind = "jsonl", path = "in.jsonl", follow = true } },
      watchers = { %s }, reload = { watch = false },
    }]]):format(table.concat(watchers, ", ")))
    p = place:start({ "run" })
    h.eventually("it answers", function() return place:run({ "status" }).code == 0 end)
  end

  local function profile(...)
    return place:run({ "profile", ... })
  end

  -- Profiles, on a machine that may have other things to do, until the output has all the patterns.
  local function profile_until(patterns, ...)
    local args = { ... }
    return h.eventually("the samples show it", function()
      local r = profile(unpack(args))
      assert.same({ 0, "" }, { r.code, r.err })
      for _, pattern in ipairs(patterns) do
        if not ("\n" .. r.out):match("\n" .. pattern) then return nil end
      end
      return r
    end)
  end

  -- A profile that has begun.
  local function start_profile(...)
    local profiling = place:start({ "profile", ... })
    h.eventually("it has begun", function()
      local r = profile("--watcher", "nobody") -- which would be refused anyway
      return r.code == 1 and r.err:find("one at a time", 1, true)
    end)
    return profiling
  end

  local function deadlines()
    local s = h.decode(place:run({ "status", "-o", "json" }).out)
    local w = s.ledger.watchers[1].scripts or s.ledger.watchers[1]
    return w.deadlines, w.discards
  end

  local function send(name)
    place:append("in.jsonl", h.event(name) .. "\n")
  end

  -- Samples of the lines of folded stacks that match.
  local function samples(folded, pattern)
    local sum = 0
    for _, line in ipairs(h.lines(folded)) do
      assert.matches("^[^;]+;.+;%[%l+%] %d+$", line)
      if line:match(pattern) then sum = sum + tonumber(line:match("%d+$")) end
    end
    return sum
  end

  it("gives the stacks, with hook, functions, line and what the machine did", function()
    start({ busy = busy })
    local spin = "tick of busy.lua;function busy.lua:23;spin busy.lua:1;busy.lua:3;%[jit%]"
    local join = "tick of busy.lua;function busy.lua:23;join busy.lua:7;busy.lua:9;"
    local r = profile_until({ spin, join }, "--for", "300ms", "-o", "folded")
    assert.is_true(samples(r.out, "^" .. spin) + samples(r.out, "^" .. join) > samples(r.out, "") / 2, r.out)
  end)

  it("leaves the scripts guarded: what runs for ever is stopped during one and after", function()
    start({ busy = busy })
    assert.equal(0, profile("--for", "100ms").code)
    send("loop")
    h.eventually("the loop is stopped", function() return deadlines() == 1 end)
    local r = profile("--for", "100ms", "--jit")
    assert.equal(0, r.code)
    send("loop")
    h.eventually("the loop is stopped after --jit", function() return deadlines() == 2 end)

    local profiling = start_profile("--for", "2s", "-o", "folded")
    send("loop")
    h.eventually("the loop is stopped meanwhile", function() return deadlines() == 3 end)
    r = profiling:wait()
    assert.same({ 0, "" }, { r.code, r.err })
    assert.is_true(samples(r.out, "^handle of busy.lua;function busy.lua:19;[%w_]+ busy.lua:14;") > 0, r.out)
  end)

  it("ends early with the state of a hook that had to be cut off, and another one goes on", function()
    start({ busy = busy })
    local profiling = start_profile("--for", "1h")
    send("pattern")
    h.eventually("the pattern is cut off", function() return select(2, deadlines()) == 1 end)
    local r = profiling:wait()
    assert.equal(0, r.code)
    assert.matches("watcher 'busy': the profile ended after %d+.%d s: a hook had to be cut off", r.err)
    profile_until({ "tick of busy.lua;.-;spin busy.lua:1;busy.lua:3;" }, "--for", "300ms", "-o", "folded")
    send("loop")
    h.eventually("the loop is stopped", function() return deadlines() == 2 end)
  end)

  it("ends early at a reload, after which the new scripts are guarded and can be profiled", function()
    start({ busy = busy })
    local profiling = start_profile("--for", "1h")
    place:write("busy.lua", "-- new\n" .. busy)
    assert.equal(0, place:run({ "reload" }).code)
    local r = profiling:wait()
    assert.equal(0, r.code)
    assert.matches("the scripts were loaded anew", r.err)
    profile_until({ "tick of busy.lua;.-;spin busy.lua:2;busy.lua:4;" }, "--for", "300ms", "-o", "folded")
    send("loop")
    h.eventually("the loop is stopped", function() return deadlines() == 1 end)
  end)

  it("lists where the time goes, of all watchers, which share it", function()
    start({ one = busy, two = "\n" .. busy })
    local share = " +[%d.]+ %%  +[%d.]+ %%  "
    local r = profile_until({
      "watcher one: 0%.%d s, ", " +self +total  where\n", share .. "one.lua:3\n", share .. "spin one.lua:1\n",
      "watcher two: 0%.%d s, [^\n]+\n  %l+ [%d.]+ %%", share .. "two.lua:4\n",
    }, "--for", "400ms")
    assert.is_true(r.out:find("watcher one", 1, true) < r.out:find("watcher two", 1, true))
    r = profile("--for", "100ms", "--watcher", "two", "-o", "json")
    local answer = h.decode(r.out)
    assert.same({ "stacks", 1, "two" }, { answer.kind, #answer.profiles, answer.profiles[1].watcher })
    assert.near(0.1, answer.profiles[1].seconds, 5)
  end)

  it("looks at scripts that are sinks, after those of their watcher", function()
    start({ w = "return { handle = function() end }" })
    place:write("sink.lua", (busy:gsub("handle = ", "write = ")))
    place:write("mooncrier.lua", (place:read("mooncrier.lua"):gsub("watchers = {",
      'sinks = { own = { kind = "script", script = "sink.lua" } }, watchers = {'):gsub('script = "w.lua"',
      '%0, sinks = { "own" }')))
    assert.equal(0, place:run({ "reload" }).code)
    profile_until({ "watcher w, sink own;tick of sink.lua;.-;spin sink.lua:1;" }, "--for", "400ms", "-o", "folded")
    local answer = h.decode(profile("--for", "50ms", "-o", "json").out)
    assert.same({ 2, h.null, "own" }, { #answer.profiles, answer.profiles[1].sink, answer.profiles[2].sink })
  end)

  it("draws a flame graph that is a file by itself", function()
    start({ busy = busy })
    profile_until({ " +[%d.]+ %%  +[%d.]+ %%  spin busy.lua:1\n" }, "--for", "300ms", "--svg", "flame.svg")
    local svg = place:read("flame.svg")
    assert.matches("^<%?xml.*<svg .*</svg>%s*$", svg)
    assert.is_nil(svg:match("<script") or svg:match("href") or svg:match("@import"))
    for _, label in ipairs({ "tick of busy.lua", "spin busy.lua:1", "%[jit%]" }) do
      assert.matches("<title>" .. label .. "\n%d+ samples, [%d.]+ %%</title>", svg)
    end
    local width = tonumber(svg:match('viewBox="0 0 (%d+) '))
    local n = 0
    for x, w in svg:gmatch('<rect x="([%d.]+)" y="[%d.]+" width="([%d.]+)"') do
      n = n + 1
      assert.is_true(tonumber(x) >= 0 and tonumber(x) + tonumber(w) <= width + 0.2)
    end
    assert.is_true(n > 5)
    assert.matches("<svg ", profile("--for", "50ms", "-o", "svg").out)
  end)

  it("--jit lists what is not compiled, with its line, why, and what to write instead", function()
    start({ slow = interpreted })
    local r = profile_until({ "  slow.lua:2: ", "  slow.lua:10: " }, "--jit", "--for", "300ms")
    assert.matches("^watcher slow: 0%.%d s, %d+ pieces of code compiled\n", r.out)
    assert.matches("  slow.lua:2: a function is created[^\n]*\n      instead: create it once, at the top", r.out)
    assert.matches("  slow.lua:10: string.gsub is not compiled: [^\n]*\n      instead: ", r.out)
    local kinds = h.eventually("both are in the JSON", function()
      local answer = h.decode(profile("--jit", "--for", "300ms", "-o", "json").out)
      local kinds = {}
      for _, found in ipairs(answer.profiles[1].jit.places) do
        kinds[found.place .. " " .. found.kind] = found.times
      end
      return kinds["slow.lua:2 abort"] and kinds["slow.lua:10 call"] and kinds
    end)
    assert.is_true(kinds["slow.lua:2 abort"] >= 1)
  end)

  it("refuses what it cannot do, with what to do instead", function()
    start({ busy = busy, none = "return {}" })
    for _, row in ipairs({
      { 1, "there is no watcher 'bussy', did you mean 'busy'?", "--watcher", "bussy" },
      { 1, "there is no watcher 'unlike'; there are: busy, none", "--watcher", "unlike" },
      { 2, "--for must be a duration up to 1h, such as 10s, not '2h'", "--for", "2h" },
      { 2, "-o must be text, folded, svg or json, not 'png'", "-o", "png" },
      { 2, "--jit has no stacks: -o text or json", "--jit", "-o", "svg" },
      { 1, "/nowhere/flame.svg: No such file", "--for", "10ms", "--watcher", "none", "--svg", "/nowhere/flame.svg" },
      { 1, "no mooncrier runs there", "-s", "nowhere.sock" },
    }) do
      local r = profile(unpack(row, 3))
      assert.equal(row[1], r.code, r.err)
      assert.matches(row[2], r.err, 1, true)
    end
    local first = start_profile("--for", "1s")
    assert.equal(0, first:wait().code)
  end)

  it("is answered when the program ends meanwhile", function()
    start({ busy = busy })
    local profiling = start_profile("--for", "1h", "-o", "folded")
    p:signal("TERM")
    assert.equal(0, p:wait().code)
    local r = profiling:wait()
    assert.equal(0, r.code, r.err)
    assert.is_true(samples(r.out, "spin busy.lua") > 0, r.out)
  end)
end)
