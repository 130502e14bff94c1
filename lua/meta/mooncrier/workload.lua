---@meta mooncrier.workload
-- Written by lua/reference/write.lua from lua/mooncrier/workload.lua: change that.

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

---The name of the workload that a pod, a Job or a ReplicaSet belongs to, as far as its name tells; else
---its own.
---@param kind string
---@param name string
---@return string
function workload.of(kind, name) end

---"namespace/name" of the workload that an event is about; the name alone for what has no namespace.
---Pods of one Deployment, and the Deployment, have the same.
---@param event mooncrier.Event
---@return string
function workload.key(event) end

return workload
