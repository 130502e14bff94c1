local mooncrier = require("mooncrier")
local workload = require("mooncrier.workload")

describe("mooncrier.workload", function()
  for _, case in ipairs({
    { "Pod", "web-7d4b9c8f6d-x2x9k", "web" },
    { "Pod", "cni-agent-jg6kp", "cni-agent" },
    { "Pod", "postgres-0", "postgres" },
    { "Pod", "kafka-12", "kafka" },
    { "Pod", "report-5-29923510-chvc7", "report-5" },
    { "Pod", "adhoc-1795410555-abcde", "adhoc-1795410555-abcde" }, -- "abcde" has vowels: nobody generated it
    { "Pod", "adhoc-1795410555-bcdfg", "adhoc-1795410555" },
    { "Pod", "web-proxy", "web-proxy" },
    { "Pod", "host-00", "host-00" },
    { "Pod", "x2x9k", "x2x9k" },
    { "Pod", "", "" },
    { "Job", "report-29923510", "report" },
    { "Job", "report-2992351", "report-2992351" },
    { "ReplicaSet", "web-7d4b9c8f6d", "web" },
    { "ReplicaSet", "web-frstbknds", "web-frstbknds" },
    { "Deployment", "web-7d4b9c8f6d", "web-7d4b9c8f6d" },
    { "Node", "edge-7", "edge-7" },
  }) do
    it(("takes %s %s for one of %s"):format(case[1], case[2], case[3]), function()
      assert.equal(case[3], workload.of(case[1], case[2]))
    end)
  end

  it("knows the namespace", function()
    local function key(object)
      return workload.key(mooncrier.event({ involvedObject = object }))
    end
    assert.equal("prod/web", key({ kind = "Pod", namespace = "prod", name = "web-7d4b9c8f6d-x2x9k" }))
    assert.equal("edge-7", key({ kind = "Node", name = "edge-7" }))
  end)

  it("puts the pods of real workloads together", function()
    local names, pods = {}, {}
    for event in mooncrier.events("examples/data/troubles.jsonl") do
      local object = event.involvedObject
      if object.kind == "Pod" then
        pods[object.name] = true
        names[workload.of("Pod", object.name)] = true
      end
    end
    local n_names, n_pods = 0, 0
    for _ in pairs(names) do n_names = n_names + 1 end
    for _ in pairs(pods) do n_pods = n_pods + 1 end
    for _, name in ipairs({ "crashloop", "bad-command", "invoices", "frontend", "no-listener" }) do
      assert.is_true(names[name] or false, name)
    end
    assert.is_true(n_pods > 1.5 * n_names, n_pods .. " " .. n_names)
  end)
end)
