local test = require("mooncrier.test")

describe("handlers/oom_kills", function()
  local function messages(script, events)
    local list = {}
    for i, one in ipairs(test.run(script, events).emitted) do
      list[i] = one.event.message
    end
    return list
  end

  local node = { kind = "Node", name = "edge-7" }

  -- What kubelet, node problem detector (by the kernel's version) and event generator say.
  local cases = {
    { "SystemOOM", "System OOM encountered, victim process: java, pid: 4711", node, "Node edge-7", "java" },
    { "OOMKilling", "Memory cgroup out of memory: Kill process 4481 (stress) score 1994 or sacrifice child", node,
      "Node edge-7", "stress" },
    { "OOMKilling", "Memory cgroup out of memory: Killed process 1012 (my app) total-vm:146748kB, anon-rss:1036kB, "
      .. "file-rss:4kB, shmem-rss:0kB, UID:0 pgtables:80kB oom_score_adj:999", node, "Node edge-7", "my app" },
    { "OOMKilling", "Out of memory: Killed process 77 (postgres), UID 70, total-vm:9kB", node, "Node edge-7",
      "postgres" },
    { "PreviousContainerWasOOMKilled", "The previous instance of the container 'app' (docker://5e1f) was OOMKilled",
      { kind = "Pod", namespace = "prod", name = "web-1" }, "Pod prod/web-1", "app" },
  }
  for _, case in ipairs(cases) do
    it("names the victim of: " .. case[2], function()
      assert.same({ case[4] .. " ran out of memory: 1 kill within 60 min, the last victim: " .. case[5] },
        messages("handlers/oom_kills.lua", { { reason = case[1], message = case[2], involvedObject = case[3] } }))
    end)
  end

  it("gives the message when it names no victim", function()
    assert.same({ "Node edge-7 ran out of memory: 1 kill within 60 min, the last one: oom" },
      messages("handlers/oom_kills.lua", { { reason = "SystemOOM", message = "oom", involvedObject = node } }))
  end)

  it("counts occurrences of each node, and tells once per window", function()
    local watcher = test.start({ "handlers/oom_kills.lua", threshold = 3, window = "1h", sink = "pager" })
    local function kill(count, name)
      return #watcher:send({ reason = "SystemOOM", message = "System OOM encountered, victim process: java, pid: 1",
                             involvedObject = { kind = "Node", name = name }, count = count }).emitted
    end
    assert.equal(0, kill(2, "a"))
    assert.equal(0, kill(2, "b"))
    assert.equal(1, kill(1, "a"))
    assert.equal("pager", watcher.result.emitted[1].sink)
    assert.equal(0, kill(9, "a"))
    test.advance("61m")
    watcher:reload()
    assert.equal(1, kill(3, "a"))
    assert.equal("OutOfMemory", watcher:stop().emitted[2].event.reason)
  end)

  it("finds none where there are none, and lets all pass", function()
    local result = test.run("handlers/oom_kills.lua", "examples/data/troubles.jsonl")
    assert.same({ 421, 0 }, { result.passed, #result.emitted })
  end)
end)
