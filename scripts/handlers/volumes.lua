-- Tells of volumes that are in trouble for longer than a start-up takes. Mounting fails now and then while a pod
-- comes up; what has failed `threshold` times within `window` for one pod and volume is told of, with what is wrong
-- in plain words and what to look at. What no waiting mends (a claim that lost its volume, a resize or a provisioning
-- that failed) is told at once. Emits a Warning event VolumeTrouble about the first such pod, claim or volume, once
-- per window for all pods of one workload; every event passes unchanged. A volume that is attached or mounted after
-- all begins anew.
--
-- @param threshold  count    (3)      failures of a pod's volume within the window that are told of
-- @param window     duration ("15m")  the window
-- @param namespaces strings  ("*")    globs: look at pods and claims of these namespaces only
-- @param sink       sinks    (none)   send the new event straight to these sinks of the watcher; without it, to all
--                                     other watchers
--
-- { "handlers/volumes.lua", threshold = 5, sink = "storage" }

local alarm = require("mooncrier.alarm")
local match = require("mooncrier.match")
local params = require("mooncrier.params")
local window = require("mooncrier.window")
local workload = require("mooncrier.workload")

-- Retried by kubelet, controllers and provisioners: a few of them are nothing.
local retried = match.any({
  "FailedMount", "FailedMapVolume", "FailedAttachVolume", "FailedDetachVolume", "FailedUnMount", "FailedBinding",
  "ProvisioningFailed", "FailedPrebind",
})

-- Not mended by waiting.
local lasting = match.any({
  "ClaimLost", "ClaimMisbound", "VolumeMismatch", "VolumeFailedDelete", "VolumeFailedRecycle", "VolumeResizeFailed",
  "FileSystemResizeFailed", "ProvisioningCleanupFailed", "VolumeConditionAbnormal",
})

local mended = match.any({
  "SuccessfulAttachVolume", "SuccessfulMountVolume", "ProvisioningSucceeded", "VolumeResizeSuccessful",
  "FileSystemResizeSuccessful",
})

-- What is said, and what it means; the first that is found decides.
local meanings = {
  { match.regex([[Multi-Attach error]]),
    "the volume is still attached to another node; it frees itself when that node's pod is gone" },
  { match.regex([[driver name (\S+) not found in the list of registered CSI drivers]]),
    "the CSI driver does not run on the node" },
  { match.regex([[(secret|configmap|object) "?\S+ not (found|registered)]]),
    "a Secret or ConfigMap of the volume is not there" },
  { match.regex([[storageclass\S* "?[^"]*"? ?not found|no storage class is set]]),
    "no storage class makes this volume" },
  { match.regex([[exceeded quota]]), "a quota is exhausted" },
  { match.regex([[max(imum)? volume count|too many volumes|volume limit]], "i"),
    "the node has as many volumes as it can take" },
  { match.regex([[access denied|permission denied|AccessDenied|Unauthorized|forbidden]], "i"), "access is denied" },
  { match.regex([[already mounted|device is busy|busy]], "i"), "the device is in use" },
  { match.regex([[timed? ?out|deadline exceeded]], "i"), "the storage does not answer in time" },
  { match.regex([[connection refused|no route to host|unreachable]], "i"), "the storage cannot be reached" },
  { match.regex([[wrong fs type|bad superblock|fsck]], "i"), "the file system is damaged, or of another type" },
}

local in_namespaces, troubles, at_once
-- What was told, by workload: a Secret that is missing is missing for all its pods.
local told

local function meaning_of(message)
  for i = 1, #meanings do
    if meanings[i][1]:test(message) then
      return meanings[i][2]
    end
  end
end

-- The volume that a message names; "" when it names none, as a claim's does.
local function volume_of(message)
  return message:match('for volume "([^"]*)"') or message:match("unmounted volumes=%[([^%]]*)%]") or ""
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      threshold = { "count", 3 },
      window = { "duration", "15m" },
      namespaces = { "strings", "*" },
      sink = { "sinks", false },
    })
    in_namespaces = match.any(given.namespaces)
    troubles = alarm.new({
      reason = "VolumeTrouble", threshold = given.threshold, window = given.window, sink = given.sink, max_keys = 1500,
    })
    at_once = alarm.new({ reason = "VolumeTrouble", window = given.window, sink = given.sink, max_keys = 500 })
    told = window.once({ every = given.window, max_keys = 500 })
  end,

  handle = function(event)
    local reason = event.reason
    local is_lasting = lasting(reason)
    local is_mended = not is_lasting and mended(reason)
    if not is_lasting and not is_mended and not retried(reason) then
      return
    end
    local object = event.involvedObject
    if not in_namespaces(object.namespace) then
      return
    end
    local message = event.message
    local volume = volume_of(message)
    local name = object.namespace ~= "" and object.namespace .. "/" .. object.name or object.name
    local key = object.kind .. "/" .. name .. "/" .. volume
    if is_mended then
      troubles:reset(key)
      at_once:reset(key)
      return
    end
    local alarms = is_lasting and at_once or troubles
    local due, n = alarms:due(key, event)
    if due and told:first(workload.key(event) .. "/" .. volume .. "/" .. reason, alarm.time(event)) then
      local meaning = meaning_of(message)
      alarms:raise(event, {
        message = ("%s %s%s: %s%s (%s, %d time%s within %s)"):format(object.kind, name,
          volume ~= "" and ", volume " .. volume or "", meaning and meaning .. ": " or "", message:gsub("%s+$", ""),
          reason, n, n == 1 and "" or "s", alarms.within),
      })
    end
  end,

  save = function()
    -- All of it has to fit into 1 MiB.
    return { troubles = troubles:save(400 * 1024), at_once = at_once:save(250 * 1024), told = told:save(250 * 1024) }
  end,

  restore = function(saved)
    troubles:restore(saved.troubles)
    at_once:restore(saved.at_once)
    told:restore(saved.told)
  end,
}
