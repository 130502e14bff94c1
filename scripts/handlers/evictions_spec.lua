local test = require("mooncrier.test")

describe("handlers/evictions", function()
  local function event_of(reason, message, pod, fields)
    local event = { reason = reason, message = message,
                    involvedObject = { kind = "Pod", namespace = "prod", name = pod, uid = "u-" .. pod } }
    for name, value in pairs(fields or {}) do
      event[name] = value
    end
    return event
  end

  local kubelet = { source = { component = "kubelet", host = "edge-7" } }

  it("tells when many pods lose their nodes, and why", function()
    local list = test.run({ "handlers/evictions.lua", threshold = 6, cluster = "prod-1", sink = "pager" }, {
      event_of("Evicted", "The node was low on resource: memory. Threshold quantity: 100Mi, available: 60Mi. ", "a",
        kubelet),
      event_of("Evicted", "The node had condition: [DiskPressure]. ", "b", kubelet),
      event_of("Evicted", 'Usage of EmptyDir volume "tmp" exceeds the limit "1Gi". ', "c", kubelet),
      event_of("TaintManagerEviction", "Marking for deletion Pod prod/d", "d"),
      event_of("Preempted", "Preempted by pod 0b6f2cd7 on node gpu-1", "e"),
      event_of("LowNodeUtilization", "pod evicted from edge-8 node by sigs.k8s.io/descheduler", "f",
        { action = "Descheduled" }),
      event_of("TaintManagerEviction", "Marking for deletion Pod prod/g", "g"),
    }).sinks.pager
    assert.equal(1, #list)
    assert.same({ "EvictionStorm", "Warning", "Cluster", "prod-1" }, { list[1].event.reason, list[1].event.type,
      list[1].event.involvedObject.kind, list[1].event.involvedObject.name })
    assert.equal("6 pods of cluster prod-1 lost their nodes within 5 min: 1 descheduled, 1 driven away by a taint, "
      .. "1 evicted for DiskPressure, 1 evicted for its own storage limit, 1 evicted for memory, 1 more; as far as is "
      .. "known from: 3 edge-7, 1 edge-8, 1 gpu-1, 1 node-1", list[1].event.message)
  end)

  it("counts pods, not events, and not what was cancelled", function()
    local events = {}
    for i = 1, 5 do
      events[#events + 1] = event_of("TaintManagerEviction", "Marking for deletion Pod prod/a", "a", { count = i })
      events[#events + 1] = event_of("TaintManagerEviction", "Cancelling deletion of Pod prod/b" .. i, "b" .. i)
      events[#events + 1] = event_of("Killing", "Stopping container app", "c" .. i)
      events[#events + 1] = event_of("Preempted", "Preempted by pod x on node n", "d" .. i, { change = "deleted" })
      events[#events + 1] = event_of("Evicted", "x", "e" .. i, { involvedObject = { kind = "Node", name = "n" } })
    end
    assert.same({}, test.run({ "handlers/evictions.lua", threshold = 2 }, events).emitted)
  end)

  it("forgets what is longer ago than the window, and goes on after a reload", function()
    local watcher = test.start({ "handlers/evictions.lua", threshold = 2, window = "5m" })
    for i, pause in ipairs({ "1s", "6m", "1m", "1s" }) do
      watcher:send(event_of("Preempted", "Preempted by pod x on node n", "pod-" .. i))
      test.advance(pause)
      watcher:reload()
    end
    local list = watcher:stop().emitted
    assert.same({ 2, "2 pods", "2 pods" },
      { #list, list[1].event.message:match("^%d+ pods"), list[2].event.message:match("^%d+ pods") })
  end)

  it("finds the storms of a bad quarter of an hour", function()
    local result = test.run("handlers/evictions.lua", "examples/data/troubles.jsonl")
    local seen = {}
    for i, one in ipairs(result.emitted) do
      seen[i] = one.event.message:match("^(.-);")
    end
    assert.same({
      "10 pods lost their nodes within 5 min: 6 driven away by a taint, 4 preempted",
      "10 pods lost their nodes within 5 min: 4 evicted for ephemeral-storage, 4 evicted for memory, 1 evicted for "
        .. "DiskPressure, 1 evicted for its own storage limit",
    }, seen)
    assert.equal(421, result.passed)
  end)
end)
