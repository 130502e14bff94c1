---Which workload an object belongs to, by its name: the pod web-7d4b9c8f6d-x2x9k is of web. Events do
---not bring their object's owners, but controllers make names in fixed ways, and of letters that hardly
---make words.
---
---```lua
---workload.of("Pod", "web-7d4b9c8f6d-x2x9k") --> "web"
---workload.of("Pod", "postgres-0") --> "postgres"
---workload.of("Pod", "report-29923510-chvc7") --> "report"
---workload.of("Job", "report-29923510") --> "report"
---workload.of("ReplicaSet", "web-7d4b9c8f6d") --> "web"
---workload.of("Pod", "web-proxy") --> "web-proxy"
---```
---@class mooncrier.workload
local workload = {}

local find, match, sub = string.find, string.match, string.sub

-- What Kubernetes makes random names and hashes of: no vowels, none of 0, 1 and 3.
local GENERATED = "[bcdfghjklmnpqrstvwxz2456789]+"
local SUFFIX = "^(.+)%-(" .. GENERATED .. ")$"

-- The name without its last part, when that is generated and has between `low` and `high` characters.
local function without(name, low, high)
  local base, last = match(name, SUFFIX)
  if base and #last >= low and #last <= high then
    return base, last
  end
end

-- A Job of a CronJob: the minutes since 1970 stand at its end (28 million of them, so eight digits).
local function cron_job(name)
  local base = match(name, "^(.+)%-%d%d%d%d%d%d%d%d$")
  return base
end

-- A ReplicaSet's name ends with the hash of its pods' template. A digit tells it from a word
-- ("web-frst"), as nearly all hashes have one.
local function deployment(name)
  local base, last = without(name, 6, 10)
  if base and find(last, "%d") then
    return base
  end
end

---The name of the workload that a pod, a Job or a ReplicaSet belongs to, as far as its name tells; else
---its own.
---@param kind string
---@param name string
---@return string
function workload.of(kind, name)
  if kind == "Job" then
    return cron_job(name) or name
  elseif kind == "ReplicaSet" then
    return deployment(name) or name
  elseif kind ~= "Pod" then
    return name
  end
  local owner = without(name, 5, 5)
  if owner then
    return deployment(owner) or cron_job(owner) or owner
  end
  -- A pod of a StatefulSet, with its ordinal.
  local base, ordinal = match(name, "^(.+)%-(%d+)$")
  if base and #ordinal <= 4 and (ordinal == "0" or sub(ordinal, 1, 1) ~= "0") then
    return base
  end
  return name
end

---"namespace/name" of the workload that an event is about; the name alone for what has no namespace.
---Pods of one Deployment, and the Deployment, have the same.
---@param event mooncrier.Event
---@return string
function workload.key(event)
  local object = event.involvedObject
  local name = workload.of(object.kind, object.name)
  local namespace = object.namespace
  return namespace ~= "" and namespace .. "/" .. name or name
end

return workload
