local test = require("mooncrier.test")

describe("handlers/quota_alarms", function()
  local function refused(message, fields)
    local event = { reason = "FailedCreate", type = "Warning", message = message,
                    involvedObject = { kind = "ReplicaSet", namespace = "prod", name = "web-5d4" } }
    for name, value in pairs(fields or {}) do
      event[name] = value
    end
    return event
  end

  local PODS = 'Error creating: pods "web-5d4-%s" is forbidden: exceeded quota: compute, requested: pods=1, used: '
    .. "pods=10, limited: pods=10"

  it("tells what is used of what, once for the quota", function()
    local result = test.run("handlers/quota_alarms.lua", { refused(PODS:format("a")), refused(PODS:format("b")) })
    assert.equal(1, #result.emitted)
    local event = result.emitted[1].event
    assert.equal("QuotaExceeded", event.reason)
    assert.equal("Quota compute of namespace prod is exhausted: pods 10 of 10 used, 1 requested; 1 refused within "
      .. "60 min, the last one for ReplicaSet web-5d4", event.message)
    assert.same({ "ResourceQuota", "prod", "compute" },
      { event.involvedObject.kind, event.involvedObject.namespace, event.involvedObject.name })
  end)

  it("tells of each resource that it is about", function()
    local result = test.run({ "handlers/quota_alarms.lua", sink = "slack" }, {
      refused("exceeded quota: q, requested: limits.cpu=2,requests.memory=1Gi, used: limits.cpu=7,requests.memory=8Gi, "
        .. "limited: limits.cpu=8,requests.memory=8Gi"),
      refused(PODS),
    })
    assert.equal(2, #result.sinks.slack)
    assert.truthy(result.sinks.slack[1].event.message:find(
      "limits.cpu 7 of 8 used, 2 requested; requests.memory 8Gi of 8Gi used, 1Gi requested;", 1, true))
  end)

  -- Google, Amazon and Microsoft, by the cluster autoscaler and the cloud controllers.
  for _, message in ipairs({
    "Node scale up in zones us-central1-c associated with this pod failed: GCE quota exceeded. Pod is at risk of not "
      .. "being scheduled.",
    "Error syncing load balancer: failed to ensure load balancer: googleapi: Error 403: Quota 'FORWARDING_RULES' "
      .. "exceeded.  Limit: 15.0 globally., quotaExceeded",
    "could not launch: VcpuLimitExceeded: You have requested more vCPU capacity than your current vCPU limit of 32",
    "Code=\"OperationNotAllowed\" Message=\"Operation could not be completed as it results in exceeding approved "
      .. "standardDSv3Family Cores quota.\"",
  }) do
    it("knows quotas of the cloud: " .. message:sub(1, 60), function()
      local result = test.run("handlers/quota_alarms.lua", { refused(message, { reason = "FailedScaleUp" }) })
      assert.equal("CloudQuotaExceeded", result.emitted[1].event.reason)
      assert.equal("ReplicaSet", result.emitted[1].event.involvedObject.kind)
    end)
  end

  it("leaves what is about no quota", function()
    assert.same({}, test.run("handlers/quota_alarms.lua", {
      refused("Error creating: pods \"a\" is forbidden: violates PodSecurity"),
      refused("Readiness probe failed: connection limit exceeded"),
      refused(PODS, { type = "Normal" }),
      refused("GCE quota exceeded", { change = "deleted" }),
    }).emitted)
  end)

  it("finds the quotas of real events, also after a reload", function()
    local watcher = test.start("handlers/quota_alarms.lua")
    local events = test.events("examples/data/troubles.jsonl")
    for _ = 1, 2 do
      for _, event in ipairs(events) do
        watcher:send(event)
      end
      watcher:reload()
    end
    local seen = {}
    for i, one in ipairs(watcher:stop().emitted) do
      seen[i] = one.event.reason .. ": " .. one.event.message:match("^(.-); %d")
    end
    assert.same({
      "QuotaExceeded: Quota compute of namespace staging-quota is exhausted: count/replicasets.apps 6 of 6 used, "
        .. "1 requested",
      "QuotaExceeded: Quota compute of namespace staging-quota is exhausted: pods 4 of 4 used, 1 requested",
      "QuotaExceeded: Quota compute of namespace staging-quota is exhausted: requests.storage 0 of 2Gi used, "
        .. "3Gi requested",
      "QuotaNotSpecified: Quota compute of namespace staging-quota wants pods to specify requests.cpu for: app; "
        .. "requests.memory for: app",
      "QuotaExceeded: Quota compute of namespace staging-quota is exhausted: count/jobs.batch 2 of 2 used, 1 requested",
    }, seen)
  end)
end)
