local test = require("mooncrier.test")

describe("handlers/crashloop", function()
  local function back_off(time, name, namespace, fields)
    fields = fields or {}
    return { reason = fields.reason or "BackOff", message = fields.message,
             lastTimestamp = "2026-11-23T" .. time .. "Z",
             involvedObject = { namespace = namespace or "prod-web", name = name or "api" } }
  end

  it("emits one event about a pod when there are threshold back-offs in the window", function()
    local watcher = test.start({ "handlers/crashloop.lua", threshold = 3, window = "10m" })
    local said = {}
    for i, time in ipairs({ "05:00:00", "05:01:00", "05:02:00", "05:03:00", "05:11:59", "05:12:00", "05:12:01" }) do
      local outcome = watcher:send(back_off(time))
      assert.same({ "passed", false }, { outcome.outcome, outcome.changed })
      said[i] = #outcome.emitted
    end
    -- Once per window.
    assert.same({ 0, 0, 1, 0, 0, 1, 0 }, said)
    local emitted = watcher:stop().emitted[1]
    local event = emitted.event
    assert.is_nil(emitted.sink)
    assert.same({ "CrashLoop", "Warning", "uid-of-api", "prod-web", "2026-11-23T05:02:00Z" },
      { event.reason, event.type, event.involvedObject.uid, event.metadata.namespace, event.lastTimestamp })
    assert.equal("Pod prod-web/api is in a crash loop: 3 back-offs within 10 min, the last one: "
      .. "Back-off restarting failed container app in pod api", event.message)
  end)

  it("does not add up what is further apart", function()
    local events = { back_off("05:00:00"), back_off("05:01:00"), back_off("05:02:00") }
    assert.same({}, test.run({ "handlers/crashloop.lua", threshold = 2, window = "1m" }, events).emitted)
  end)

  it("goes on counting after a reload", function()
    local watcher = test.start({ "handlers/crashloop.lua", threshold = 2 })
    watcher:send(back_off("05:00:00"))
    watcher:reload()
    assert.equal(1, #watcher:send(back_off("05:00:01")).emitted)
    watcher:reload()
    assert.equal(0, #watcher:send(back_off("05:00:02")).emitted)
  end)

  it("counts each pod by itself, of the namespaces wanted, and back-offs of containers only", function()
    local result = test.run({ "handlers/crashloop.lua", threshold = 2, namespaces = "prod-*", sink = "pager" }, {
      back_off("05:00:00"), back_off("05:00:01", "other"),
      back_off("05:00:02", "api", nil, { message = "Back-off pulling image" }),
      back_off("05:00:03", "api", "dev"), back_off("05:00:03", "api", "dev"), back_off("05:00:03", "api", "dev"),
      back_off("05:00:04", "api", nil, { reason = "CrashLoopBackOff", message = "x" }),
    })
    assert.equal(1, #result.emitted)
    assert.same({ "pager", "api" }, { result.emitted[1].sink, result.emitted[1].event.involvedObject.name })
    assert.equal(1, #result[7].emitted)
  end)

  local function loops_of(path, threshold)
    local pods = {}
    for i, one in ipairs(test.run({ "handlers/crashloop.lua", threshold = threshold }, path).emitted) do
      pods[i] = one.event.involvedObject.name
    end
    return pods
  end

  it("finds the crash loops of a watch stream, from repeats of one event", function()
    assert.same({ "cni-agent-jg6kp" }, loops_of("examples/data/watch.jsonl", 4))
    assert.same({}, loops_of("examples/data/watch.jsonl", 5))
  end)

  it("finds the crash loops of a list, from the counts", function()
    assert.same({
      "bad-command-64459c4bf9-rldxr", "crashloop-d45d6c7dd-6nk59", "two-containers-648cdf599f-2jrk6",
      "cni-agent-hjxp7", "slow-starter-68d6cc48d8-ggdnn",
    }, loops_of("examples/data/events.jsonl", 10))
  end)
end)
