-- Events for tests: made from a few fields, or read from files.

local core = require("mooncrier.core")
local event = require("mooncrier.event")
local seen = require("mooncrier.seen")

local events = {}

-- View → what the document said of its change: the same event can be read in more than one stream.
local said_of = setmetatable({}, { __mode = "k" })

-- Tells a stream of an event of ours: that event, or one like it when the stream was told it before. Others
-- stay as they are.
function events.note(told, view)
  local said = said_of[view]
  if not said then
    return view
  elseif told[view] then
    view = events.decode(tostring(view))
  end
  told[view] = true
  return seen.note(told, view, said)
end

-- The event in the JSON text, not yet told to any stream; nil for a control line (BOOKMARK).
function events.decode(text)
  if core.decode(text) then
    local view = event.take_made()
    said_of[view] = seen.said(view)
    return view
  end
end

-- What the kubelet, the scheduler and controllers say for each reason: kind of object, type, component and
-- message, with the object's name as %s.
local typical = {
  BackOff = { "Pod", "Warning", "kubelet", "Back-off restarting failed container app in pod %s" },
  CrashLoopBackOff = { "Pod", "Warning", "kubelet", "Back-off restarting failed container app in pod %s" },
  Created = { "Pod", "Normal", "kubelet", "Created container app" },
  Evicted = { "Pod", "Warning", "kubelet", "The node was low on resource: memory." },
  Failed = { "Pod", "Warning", "kubelet", "Error: ImagePullBackOff" },
  FailedAttachVolume = { "Pod", "Warning", "attachdetach-controller",
                         "Multi-Attach error for volume \"pv-1\" Volume is already used by pod(s) %s" },
  FailedMount = { "Pod", "Warning", "kubelet",
                  "MountVolume.SetUp failed for volume \"config\" : configmap \"config\" not found" },
  FailedScheduling = { "Pod", "Warning", "default-scheduler", "0/3 nodes are available: 3 Insufficient cpu." },
  FailedCreate = { "ReplicaSet", "Warning", "replicaset-controller",
                   "Error creating: pods \"%s-\" is forbidden: exceeded quota: compute" },
  Killing = { "Pod", "Normal", "kubelet", "Stopping container app" },
  Pulled = { "Pod", "Normal", "kubelet", "Container image \"registry.example/app:1\" already present on machine" },
  Pulling = { "Pod", "Normal", "kubelet", "Pulling image \"registry.example/app:1\"" },
  Scheduled = { "Pod", "Normal", "default-scheduler", "Successfully assigned default/%s to node-1" },
  Started = { "Pod", "Normal", "kubelet", "Started container app" },
  Unhealthy = { "Pod", "Warning", "kubelet", "Readiness probe failed: HTTP probe failed with statuscode: 503" },
  NodeNotReady = { "Node", "Normal", "kubelet", "Node %s status is now: NodeNotReady" },
  NodeReady = { "Node", "Normal", "kubelet", "Node %s status is now: NodeReady" },
  OOMKilling = { "Node", "Warning", "kernel-monitor", "Memory cgroup out of memory: Killed process 4711 (app)" },
  SystemOOM = { "Node", "Warning", "kubelet", "System OOM encountered, victim process: app, pid: 4711" },
  BackoffLimitExceeded = { "Job", "Warning", "job-controller", "Job has reached the specified backoff limit" },
  Completed = { "Job", "Normal", "job-controller", "Job completed" },
  SuccessfulCreate = { "ReplicaSet", "Normal", "replicaset-controller", "Created pod: %s-x7k2p" },
  ScalingReplicaSet = { "Deployment", "Normal", "deployment-controller", "Scaled up replica set %s-5d9c to 1" },
  ProvisioningFailed = { "PersistentVolumeClaim", "Warning", "persistentvolume-controller",
                         "storageclass.storage.k8s.io \"fast\" not found" },
}

local api_versions = {
  Deployment = "apps/v1", ReplicaSet = "apps/v1", StatefulSet = "apps/v1", DaemonSet = "apps/v1",
  Job = "batch/v1", CronJob = "batch/v1", HorizontalPodAutoscaler = "autoscaling/v2", Ingress = "networking.k8s.io/v1",
}

-- Objects that are in no namespace; their events are in "default".
local of_the_cluster = { Node = true, Namespace = true, PersistentVolume = true, StorageClass = true }

local names = { Node = "node-1", Deployment = "web", ReplicaSet = "web-5d9c", Job = "backup" }

local function copy(value)
  if type(value) ~= "table" then
    return value
  end
  local out = {}
  for key, member in pairs(value) do
    out[key] = copy(member)
  end
  return setmetatable(out, getmetatable(value))
end

local function fill(target, defaults)
  for name, value in pairs(defaults) do
    if target[name] == nil then
      target[name] = value
    end
  end
  return target
end

-- A part of the event that is given as a table or as part of another event.
local function part_of(fields, name)
  local value = fields[name]
  if value == nil then
    return {}
  elseif type(value) == "cdata" then
    return core.json_decode(tostring(value))
  elseif type(value) == "table" then
    return copy(value)
  end
  error(("event: %s must be a table, not a %s"):format(name, type(value)), 4)
end

local said = { new = "ADDED", ["repeat"] = "MODIFIED", deleted = "DELETED" }

-- Names of events count, within a test and outside of any: so they are the same whichever tests run before.
local serial = { test = 0, outside = 0x80000000 }
local scope = "outside"

-- Names count as in a test from now on, from the first one; nil: as outside.
function events.begin_test(is_test)
  scope = is_test and "test" or "outside"
  serial.test = 0
end

-- event{ … } at `now`. Called by a function that a test calls.
function events.build(fields, now)
  local problem = event.names_problem(fields)
  if problem then
    error("event: " .. problem, 3)
  end
  local made = {}
  for name, value in pairs(fields) do
    made[name] = value
  end
  local object = part_of(fields, "involvedObject")
  made.reason = made.reason or "Started"
  local kind, type_, component, message = unpack(typical[made.reason] or {})
  object.kind = object.kind or kind or "Pod"
  object.name = object.name or names[object.kind] or "web-1"
  if object.namespace == nil and not of_the_cluster[object.kind] then
    object.namespace = "default"
  end
  object.apiVersion = object.apiVersion or api_versions[object.kind] or "v1"
  object.uid = object.uid or ("uid-of-%s"):format(object.name)
  made.involvedObject = object

  serial[scope] = serial[scope] + 1
  made.metadata = fill(part_of(fields, "metadata"), {
    name = ("%s.%x%08x"):format(object.name, math.floor(now), serial[scope]),
    namespace = object.namespace or "default",
  })
  made.type = made.type or type_ or "Normal"
  made.message = made.message or (message and message:format(object.name)) or made.reason
  made.source = fill(part_of(fields, "source"), { component = component or "kubelet" })
  if made.source.component == "kubelet" and made.source.host == nil then
    made.source.host = object.kind == "Node" and object.name or "node-1"
  end
  made.reportingComponent = made.reportingComponent or made.source.component
  made.reportingInstance = made.reportingInstance or made.source.host or ""
  made.kind, made.apiVersion = "Event", "v1"
  local text = core.time_text(math.floor(now), 0)
  made.firstTimestamp = made.firstTimestamp or made.lastTimestamp or text
  made.lastTimestamp = made.lastTimestamp or text
  made.metadata.creationTimestamp = made.metadata.creationTimestamp or made.firstTimestamp
  made.count = made.count or 1
  -- Derived fields are no part of the JSON: what a watch says of the event makes them.
  local change = made.change
  made.change, made.time, made.occurrences, made.delta = nil, nil, nil, nil
  if change == nil then
    return events.decode(core.json_encode(made))
  elseif not said[change] then
    error(('event: change is "new", "repeat" or "deleted", not %s'):format(tostring(change)), 3)
  end
  return events.decode(core.json_encode({ type = said[change], object = made }))
end

-- The documents of a file: one a line, or all of it one, perhaps a List.
local function documents(text, path)
  local list = {}
  local ok, whole = pcall(core.json_decode, text)
  if ok and type(whole) == "table" then
    for i, item in ipairs(whole.items or { whole }) do
      list[i] = { text = core.json_encode(item), place = ("%s: item %d"):format(path, i) }
    end
    return list
  end
  local n = 0
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    n = n + 1
    if line:find("%S") then
      list[#list + 1] = { text = line, place = ("%s:%d"):format(path, n) }
    end
  end
  return list
end

-- The events of the file at `path`.
function events.read(path)
  local file, message = io.open(path, "rb")
  if not file then
    error(message, 0)
  end
  local text = file:read("*a")
  file:close()
  local list, told = {}, {}
  for _, document in ipairs(documents(text, path)) do
    local ok, view = pcall(events.decode, document.text)
    if not ok then
      error(("%s: %s"):format(document.place, view:gsub("^[^\n]-:%d+: ", "")), 0)
    end
    list[#list + 1] = view and seen.note(told, view, said_of[view])
  end
  return list
end

return events
