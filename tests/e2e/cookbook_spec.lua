-- The cookbook (scripts/) in the program itself: all of it at once, and the sink that asks curl.

local h = require("tests.e2e.harness")
local received = require("tests.e2e.received")

local TROUBLES = h.root .. "/examples/data/troubles.jsonl"

describe("the cookbook", function()
  local place, server

  before_each(function() place = h.place() end)

  after_each(function()
    if server then server:stop() end
    server = nil
    place:remove()
  end)

  local function configure(watchers, sinks)
    place:write("mooncrier.lua", ([[
      return {
        scripts = %q,
        sources = { { kind = "jsonl", path = %q } },
        sinks = { all = { kind = "file", path = "all.jsonl" }, found = { kind = "file", path = "found.jsonl" }, %s },
        watchers = { %s },
      }]]):format(h.root .. "/scripts", TROUBLES, sinks or "", watchers))
  end

  -- Those that look, those that mark, and those that thin out, in one watcher.
  local everything = [[{
    name = "everything", sinks = { "all", "found" },
    scripts = {
      "handlers/redact.lua", "handlers/severity.lua",
      { "handlers/namespace_owners.lua", owners = { { "prod-*", team = "web" } }, cluster = { team = "infra" } },
      { "handlers/crashloop.lua", sink = "found" }, { "handlers/oom_kills.lua", sink = "found" },
      { "handlers/image_pulls.lua", sink = "found" }, { "handlers/quota_alarms.lua", sink = "found" },
      { "handlers/node_flaps.lua", sink = "found" }, { "handlers/job_failures.lua", sink = "found" },
      { "handlers/volumes.lua", sink = "found" }, { "handlers/evictions.lua", sink = "found" },
      { "handlers/scheduling_digest.lua", sink = "found" }, { "handlers/slo.lua", least = 5, sink = "found" },
      { "handlers/heartbeat.lua", every = "5m", sink = "found" }, { "handlers/incidents.lua", sink = "found" },
      { "handlers/sample.lua", warnings = true, first = 5 }, { "handlers/dedup_owner.lua", every = "5m" },
      { "handlers/quiet_hours.lua", hours = "05:00-05:09", sink = "found" },
    },
  }]]

  it("finds what there is, all in one watcher, and lets nothing get lost", function()
    configure(everything .. [[, { name = "metrics", sinks = { "metrics" } }]],
      [[metrics = {
        kind = "script", script = { "sinks/metrics.lua", file = "events.prom", allow = { "io", "os" } },
      }]])
    local result = place:run({ "run", "-o", "json" })
    assert.same({ 0, "" }, { result.code, result.out })
    local watcher = h.ledger(result).watchers[1]
    assert.equal(421, watcher.filtered + watcher.routed)
    local n = {}
    for _, line in ipairs(h.lines(place:read("found.jsonl"))) do
      local event = h.decode(line)
      if event.source.component == "mooncrier" then
        n[event.reason] = (n[event.reason] or 0) + 1
      end
    end
    for reason, count in pairs({ CrashLoop = 8, ImagePullFailure = 11, QuotaExceeded = 4, QuotaNotSpecified = 1,
                                 NodeFlapping = 2, JobFailure = 7, VolumeTrouble = 12, EvictionStorm = 2,
                                 SchedulingDigest = 1, QuietHoursOver = 1 }) do
      assert.equal(count, n[reason], reason)
    end
    assert.truthy(n.IncidentOpened > 20)
    assert.truthy(place:read("events.prom"):find('reason="BackOff",type="Warning"} %d+\n'))
  end)

  it("says the same in a replay, twice", function()
    configure(everything)
    local first = place:run({ "replay", TROUBLES })
    assert.equal(0, first.code)
    assert.truthy(first.out:find('"reason":"EvictionStorm"', 1, true))
    assert.equal(first.out, place:run({ "replay", TROUBLES }).out)
  end)

  it("answers in threads of Slack, by curl, and waits when it must", function()
    server = received.start(place, '200={"ok":true,"ts":"1.0"}', '429={"ok":false,"error":"ratelimited"}',
      '200={"ok":true,"ts":"2.0"}')
    configure([[{
      name = "slack", sinks = { "slack" },
      scripts = { "only.lua", { "handlers/crashloop.lua", threshold = 3, sink = "slack" } },
    }]], ([[slack = {
      kind = "script", retry = { wait = "50ms" },
      script = { "sinks/slack_threads.lua", channel = "#o", url = %q, allow = { "io", "os" }, deadline = "30s" },
    }]]):format(server.url .. "/api/chat.postMessage"))
    place:write("only.lua", [[return { filter = function(event)
      return event.reason == "BackOff" and event.involvedObject.name:find("^bad%-command") and event.count == 1
        or event.reason == "NodeReady"
    end }]])
    local result = place:run({ "run", "-o", "json" }, { env = "SLACK_TOKEN=xoxb-1" })
    assert.equal(0, result.code, result.err)
    local sink = h.ledger(result).watchers[1].sinks[1]
    assert.equal(sink.assigned, sink.delivered)
    local threads, texts = {}, {}
    for i, request in ipairs(server:requests()) do
      assert.same({ "/api/chat.postMessage", "Bearer xoxb-1" }, { request.path, request.headers.authorization })
      local body = h.decode(request.body)
      threads[i], texts[i] = body.thread_ts or "", body.text
    end
    assert.same({ "", "", "" }, { threads[1], threads[2], threads[3] })
    assert.equal(texts[2], texts[3]) -- once more after 429
    local answered = {}
    for _, thread in ipairs(threads) do answered[thread] = (answered[thread] or 0) + 1 end
    assert.truthy(answered["1.0"] >= 1 and answered["2.0"] >= 1)
  end)
end)
