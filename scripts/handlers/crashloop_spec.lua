local mooncrier = require("mooncrier")

describe("handlers/crashloop", function()
  local function back_off(time, fields)
    local f = fields or {}
    return mooncrier.event(([[{"metadata":{"name":"e"},"involvedObject":{"kind":"Pod","namespace":"%s","name":"%s",
      "uid":"u-1"},"reason":"%s","type":"Warning","message":"%s","count":1,"lastTimestamp":"2026-11-23T%sZ"}]])
      :format(f.namespace or "prod-web", f.name or "api", f.reason or "BackOff",
        f.message or "Back-off restarting failed container app", time))
  end

  it("emits one event about a pod when there are threshold back-offs in the window", function()
    local script = mooncrier.load("scripts/handlers/crashloop.lua", { threshold = 3, window = "10m" })
    for _, time in ipairs({ "05:00:00", "05:01:00" }) do
      assert.is_nil(script:handle(back_off(time)))
      assert.same({}, mooncrier.emitted())
    end
    assert.is_nil(script:handle(back_off("05:02:00")))
    local list = mooncrier.emitted()
    assert.equal(1, #list)
    assert.is_nil(list[1].sink)
    local event = list[1].event
    assert.equal("CrashLoop", event.reason)
    assert.equal("Warning", event.type)
    assert.equal("Pod prod-web/api is in a crash loop: 3 back-offs within 10 min, the last one: "
      .. "Back-off restarting failed container app", event.message)
    assert.equal("u-1", event.involvedObject.uid)
    assert.equal("prod-web", event.metadata.namespace)
    assert.equal("2026-11-23T05:02:00Z", event.lastTimestamp)
    -- Once per window.
    script:handle(back_off("05:03:00"))
    script:handle(back_off("05:11:59"))
    assert.same({}, mooncrier.emitted())
    for _, time in ipairs({ "05:12:00", "05:12:01", "05:12:02" }) do
      script:handle(back_off(time))
    end
    assert.equal(1, #mooncrier.emitted())
  end)

  it("does not add up what is further apart", function()
    local script = mooncrier.load("scripts/handlers/crashloop.lua", { threshold = 2, window = "1m" })
    for _, time in ipairs({ "05:00:00", "05:01:00", "05:02:00" }) do
      script:handle(back_off(time))
    end
    assert.same({}, mooncrier.emitted())
  end)

  it("counts each pod by itself, of the namespaces wanted, and back-offs of containers only", function()
    local script = mooncrier.load("scripts/handlers/crashloop.lua",
      { threshold = 2, namespaces = "prod-*", sink = "pager" })
    script:handle(back_off("05:00:00"))
    script:handle(back_off("05:00:01", { name = "other" }))
    script:handle(back_off("05:00:02", { message = "Back-off pulling image" }))
    for _ = 1, 3 do
      script:handle(back_off("05:00:03", { namespace = "dev" }))
    end
    assert.same({}, mooncrier.emitted())
    script:handle(back_off("05:00:04", { reason = "CrashLoopBackOff", message = "x" }))
    local list = mooncrier.emitted()
    assert.equal(1, #list)
    assert.equal("pager", list[1].sink)
  end)

  local function loops_of(path, threshold)
    local script = mooncrier.load("scripts/handlers/crashloop.lua", { threshold = threshold })
    for event in mooncrier.events(path) do
      script:handle(event)
    end
    local pods = {}
    for i, one in ipairs(mooncrier.emitted()) do
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
