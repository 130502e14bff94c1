local test = require("mooncrier.test")

describe("handlers/volumes", function()
  local function trouble(reason, message, fields)
    local event = { reason = reason, message = message,
                    involvedObject = { kind = "Pod", namespace = "prod", name = "db-7d4b9c8f6d-x2x9k" } }
    for name, value in pairs(fields or {}) do
      event[name] = value
    end
    return event
  end

  local MISSING = 'MountVolume.SetUp failed for volume "tls" : secret "web-tls" not found'

  it("tells of a mount that goes on failing, not of one that failed now and then", function()
    local watcher = test.start("handlers/volumes.lua")
    watcher:send(trouble("FailedMount", MISSING, { count = 2 }))
    assert.same({}, watcher.result.emitted)
    watcher:reload()
    watcher:send(trouble("FailedMount", MISSING))
    watcher:send(trouble("FailedMount", MISSING))
    local list = watcher:stop().emitted
    assert.equal(1, #list)
    assert.same({ "VolumeTrouble", "Warning", "Pod prod/db-7d4b9c8f6d-x2x9k, volume tls: a Secret or ConfigMap of the "
      .. "volume is not there: " .. MISSING .. " (FailedMount, 3 times within 15 min)" },
      { list[1].event.reason, list[1].event.type, list[1].event.message })
  end)

  it("begins anew when the volume was attached after all", function()
    local failed = 'AttachVolume.Attach failed for volume "pv-1" : rpc error: code = Internal desc = x'
    assert.same({}, test.run("handlers/volumes.lua", {
      trouble("FailedAttachVolume", failed, { count = 2 }),
      trouble("SuccessfulAttachVolume", 'AttachVolume.Attach succeeded for volume "pv-1" '),
      trouble("FailedAttachVolume", failed, { count = 2 }),
    }).emitted)
  end)

  it("tells once for all pods of a workload", function()
    local events = {}
    for i, pod in ipairs({ "db-7d4b9c8f6d-x2x9k", "db-7d4b9c8f6d-bbbbb", "db-0" }) do
      events[i] = trouble("FailedMount", MISSING,
        { count = 3, involvedObject = { kind = "Pod", namespace = "prod", name = pod } })
    end
    events[4] = trouble("FailedMount", MISSING,
      { count = 3, involvedObject = { kind = "Pod", namespace = "prod", name = "web-0" } })
    local names = {}
    for i, one in ipairs(test.run({ "handlers/volumes.lua", sink = "storage" }, events).sinks.storage) do
      names[i] = one.event.involvedObject.name
    end
    assert.same({ "db-7d4b9c8f6d-x2x9k", "web-0" }, names)
  end)

  local cases = {
    { "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!" },
    { "VolumeResizeFailed", 'resize volume "pv-1" by resizer "ebs.csi.aws.com" failed: rpc error' },
    { "FileSystemResizeFailed", 'MountVolume.NodeExpandVolume failed for volume "pv-1" : x' },
  }
  for _, case in ipairs(cases) do
    it("tells at once of " .. case[1], function()
      local event = trouble(case[1], case[2],
        { type = "Warning", involvedObject = { kind = "PersistentVolumeClaim", namespace = "prod", name = "data" } })
      local result = test.run("handlers/volumes.lua", { event, event })
      assert.equal(1, #result.emitted)
      assert.truthy(result.emitted[1].event.message:find("^PersistentVolumeClaim prod/data"))
      assert.same({}, test.run({ "handlers/volumes.lua", namespaces = "dev" }, { event }).emitted)
    end)
  end

  it("says what is wrong with real volumes", function()
    local seen = {}
    local result = test.run("handlers/volumes.lua", "examples/data/troubles.jsonl")
    for i, one in ipairs(result.emitted) do
      seen[i] = one.event.message:gsub("^%S+ ", ""):match("^[^,]-:[^:]*") or one.event.message:match("^%S+ (.-:.-):")
    end
    assert.same({
      "dev-alice/missing-secret-d6b9655fb-brgqr, volume s: a Secret or ConfigMap of the volume is not there",
      "dev-alice/nfs-user-57f9d68cf9-pd8sz, volume n: the storage does not answer in time",
      "dev-alice/csi-inline-75cc6d7b54-t7dsx, volume n: the CSI driver does not run on the node",
      'prod-data/claim-mismatch: Cannot bind to requested volume "pv-small"',
      "dev-alice/missing-config-665cfb76cd-bbdhk, volume c: a Secret or ConfigMap of the volume is not there",
      "prod-data/attach-error-6c994bc596-r6z7x, volume pv-err: AttachVolume.Attach failed for volume \"pv-err\" ",
      "prod-data/multi-attach-5b6c7cf5d8-7t49r, volume pv-multi: the CSI driver does not run on the node",
      "prod-data/data-kafka-0: no storage class makes this volume",
      "prod-data/claim-lost: Bound claim has lost its PersistentVolume. Data on the volume is lost! (ClaimLost, 1 time "
        .. "within 15 min)",
      "dev-alice/missing-pv-host, volume p: a Secret or ConfigMap of the volume is not there",
      "prod-data/multi-attach-5b6c7cf5d8-2h4dx, volume d: the storage cannot be reached",
      "dev-alice/missing-secret-d6b9655fb-26jpq, volume kube-api-access-5nbj7: the storage does not answer in time",
    }, seen)
    assert.equal(421, result.passed)
  end)
end)
