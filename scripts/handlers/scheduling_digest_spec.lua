local test = require("mooncrier.test")

describe("handlers/scheduling_digest", function()
  local FULL = "0/3 nodes are available: 2 Insufficient cpu, 1 node(s) had untolerated taint {gpu: present}. "
    .. "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling."

  local function waits(pod, message, namespace)
    return { reason = "FailedScheduling", message = message or FULL,
             involvedObject = { kind = "Pod", namespace = namespace or "prod", name = pod } }
  end

  local function scheduled(pod)
    return { reason = "Scheduled", involvedObject = { kind = "Pod", namespace = "prod", name = pod } }
  end

  local function messages(result)
    local list = {}
    for i, one in ipairs(result.emitted) do
      list[i] = one.event.message
    end
    return list
  end

  it("makes one message of pods that wait", function()
    local watcher = test.start("handlers/scheduling_digest.lua")
    watcher:send(waits("web-7d4b9c8f6d-x2x9k"))
    watcher:send(waits("web-7d4b9c8f6d-bbbbb"))
    watcher:send(waits("web-7d4b9c8f6d-bbbbb"))
    watcher:send(waits("db-0",
      "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: x"))
    watcher:send(waits("gone"))
    watcher:send(scheduled("gone"))
    assert.same({}, watcher.result.emitted)
    watcher:reload()
    test.advance("14m")
    assert.same({}, watcher.result.emitted)
    test.advance("2m")
    assert.same({ "3 pods cannot be scheduled: 2× Insufficient cpu, 2× node(s) had untolerated taint {gpu: present}, "
      .. "1× pod has unbound immediate PersistentVolumeClaims; of prod/web (2), prod/db" }, messages(watcher.result))
    local event = watcher.result.emitted[1].event
    assert.same({ "SchedulingDigest", "Warning", "Cluster", 3 },
      { event.reason, event.type, event.involvedObject.kind, event.count })
    test.advance("1h")
    local result = watcher:stop()
    assert.same({ 1, 6, 0 }, { #result.emitted, result.passed, result.dropped })
  end)

  it("names the five most frequent, and how many more there are", function()
    local events = {}
    for i = 1, 7 do
      for k = 1, i do
        events[#events + 1] = waits(("app%d-%d"):format(i, k), ("0/1 nodes are available: 1 cause %d."):format(i))
      end
    end
    assert.same({ "28 pods cannot be scheduled: 7× cause 7, 6× cause 6, 5× cause 5, 4× cause 4, 3× cause 3, 2 more; of "
      .. "prod/app7 (7), prod/app6 (6), prod/app5 (5), prod/app4 (4), prod/app3 (3), 2 more" },
      messages(test.run("handlers/scheduling_digest.lua", events)))
  end)

  local cases = {
    { "0/1 nodes are available: 1 node(s) had taint {a: b}, that the pod didn't tolerate.",
      "1× node(s) had taint {a: b}" },
    { "0/5 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
      "1× node(s) didn't match Pod's node affinity/selector" },
    { 'persistentvolumeclaim "data" not found', '1× persistentvolumeclaim "data" not found' },
    { "running PreBind plugin \"VolumeBinding\": binding volumes: timed out waiting for the condition",
      '1× running PreBind plugin "VolumeBinding": binding volumes' },
  }
  for _, case in ipairs(cases) do
    it("reads: " .. case[1], function()
      local result = test.run("handlers/scheduling_digest.lua", { waits("a", case[1]) })
      assert.same({ "1 pod cannot be scheduled: " .. case[2] .. "; of prod/a" }, messages(result))
    end)
  end

  it("can make one for each namespace, to sinks, and hold the events back", function()
    local result = test.run({ "handlers/scheduling_digest.lua", by = "namespace", keep = false, sink = "slack" },
      { waits("a"), waits("b", nil, "dev"), scheduled("c") })
    assert.same({ 1, 2, 2 }, { result.passed, result.dropped, result.reasons["told by the scheduling digest"] })
    assert.equal("dev", result.sinks.slack[1].event.metadata.namespace)
    assert.equal("prod", result.sinks.slack[2].event.involvedObject.name)
  end)

  it("tells of no more pods than there is room for", function()
    local events = {}
    for i = 1, 502 do
      events[i] = waits("pod-x" .. i)
    end
    local result = test.run("handlers/scheduling_digest.lua", events)
    assert.truthy(messages(result)[1]:find("^500 or more pods cannot be scheduled"))
  end)

  it("sums up real events by their own time", function()
    local result = test.run({ "handlers/scheduling_digest.lua", every = "10m" }, "examples/data/events.jsonl")
    local counts = {}
    for i, message in ipairs(messages(result)) do
      counts[i] = message:match("^%d+ pods?") .. " since " .. result.emitted[i].event.firstTimestamp
    end
    assert.same({ "29 pods since 2026-11-23T05:08:59Z", "8 pods since 2026-11-23T05:19:17Z" }, counts)
  end)
end)
