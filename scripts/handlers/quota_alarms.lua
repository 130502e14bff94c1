-- Tells of quotas that stand in the way. Controllers say so in FailedCreate and the like of each object that is
-- refused ("exceeded quota: compute, requested: pods=1, used: pods=10, limited: pods=10"); this emits one Warning
-- event QuotaExceeded about the ResourceQuota, with what is used of what there is, per window. QuotaNotSpecified is
-- for pods that a quota refuses since they name no requests or limits, CloudQuotaExceeded for quotas of the cloud
-- provider, in events of the cluster autoscaler, volume provisioners and load balancers. Every event passes
-- unchanged.
--
-- @param threshold count    (1)     refusals within the window that are told of
-- @param window    duration ("1h")  the window
-- @param sink      sinks    (none)  send the new event straight to these sinks of the watcher; without it, to all
--                                   other watchers
--
-- { "handlers/quota_alarms.lua", window = "6h", sink = "slack" }

local alarm = require("mooncrier.alarm")
local match = require("mooncrier.match")
local params = require("mooncrier.params")

-- "GCE quota exceeded", "Quota 'CPUS' exceeded", "QuotaExceeded", "VcpuLimitExceeded", "exceeding approved … quota"
local of_cloud = match.regex(
  [[quota\S*(?:\s+\S+)?\s+exceeded|QuotaExceeded|\w+LimitExceeded|exceed\w*.{1,80}quota]], "i")

local exceeded, unspecified, cloud

-- "pods=10,requests.cpu=2" → { pods = "10", ["requests.cpu"] = "2" }, and the names in their order
local function amounts(text)
  local by_name, names = {}, {}
  for name, amount in text:gmatch("([^,=%s]+)=([^,%s]+)") do
    by_name[name] = amount
    names[#names + 1] = name
  end
  return by_name, names
end

-- "pods 10 of 10, requests.cpu 1900m of 2 (requested 500m)"
local function account(requested, used, limited)
  local wants, names = amounts(requested)
  local has, may = amounts(used), amounts(limited)
  local parts = {}
  for i, name in ipairs(names) do
    parts[i] = ("%s %s of %s used, %s requested"):format(name, has[name] or "?", may[name] or "?", wants[name])
  end
  return table.concat(parts, "; ")
end

---@param event mooncrier.Event
local function refused(event, alarms, quota, key, text)
  local object = event.involvedObject
  local due, n = alarms:due(object.namespace .. "\0" .. key, event)
  if due then
    alarms:raise(event, {
      involvedObject = quota
        and { apiVersion = "v1", kind = "ResourceQuota", namespace = object.namespace, name = quota },
      message = ("%s; %d refused within %s, the last one for %s %s"):format(text, n, alarms.within, object.kind,
        object.name),
    })
  end
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      threshold = { "count", 1 },
      window = { "duration", "1h" },
      sink = { "sinks", false },
    })
    local function new(reason)
      return alarm.new({
        reason = reason, threshold = given.threshold, window = given.window, sink = given.sink, max_keys = 1000,
      })
    end
    exceeded, unspecified, cloud = new("QuotaExceeded"), new("QuotaNotSpecified"), new("CloudQuotaExceeded")
  end,

  handle = function(event)
    local message = event.message
    if event.type ~= "Warning" or not message:find("[Qq]uota") and not message:find("LimitExceeded") then
      return
    end
    local namespace = event.involvedObject.namespace
    local quota, requested, used, limited =
      message:match("exceeded quota: ([^,]+), requested: (.-), used: (.-), limited: (%S+)")
    if quota then
      refused(event, exceeded, quota, quota .. "\0" .. requested:gsub("=[^,]*", ""),
        ("Quota %s of namespace %s is exhausted: %s"):format(quota, namespace, account(requested, used, limited)))
      return
    end
    local missing
    quota, missing = message:match("failed quota: ([^:]+): must specify (.+)")
    if quota then
      refused(event, unspecified, quota, quota .. "\0" .. missing,
        ("Quota %s of namespace %s wants pods to specify %s"):format(quota, namespace, missing))
    elseif of_cloud:test(message) then
      refused(event, cloud, nil, event.reason,
        ("A quota of the cloud provider is exceeded: %s"):format(message:gsub("%s+$", "")))
    end
  end,

  save = function()
    -- All of it has to fit into 1 MiB.
    local third = 300 * 1024
    return { exceeded = exceeded:save(third), unspecified = unspecified:save(third), cloud = cloud:save(third) }
  end,

  restore = function(saved)
    exceeded:restore(saved.exceeded)
    unspecified:restore(saved.unspecified)
    cloud:restore(saved.cloud)
  end,
}
