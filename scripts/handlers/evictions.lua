-- Finds eviction storms: many pods thrown off their nodes in a short time. Counts pods, each once within the window,
-- that a kubelet evicted for want of memory or disk, that a taint drove away from a node that is not ready or not
-- reachable, that were preempted by more important ones, or that autoscaler or descheduler moved; when there are
-- `threshold` of them, emits one Warning event EvictionStorm with how many of each and from where. Deletions that a
-- taint's removal cancelled do not count. Every event passes unchanged. What `kubectl drain` evicts makes no event
-- that says so, and does not count.
--
-- @param threshold count    (10)    pods within the window that make a storm
-- @param window    duration ("5m")  the window
-- @param cluster   string   (none)  name of the cluster, for the message
-- @param sink      sinks    (none)  send the new event straight to these sinks of the watcher; without it, to all
--                                   other watchers
--
-- { "handlers/evictions.lua", threshold = 20, cluster = "prod-1", sink = "pager" }

local alarm = require("mooncrier.alarm")
local params = require("mooncrier.params")
local window = require("mooncrier.window")

local MAX_NODES = 500

-- What threw the pod out, in a word or two; nil when nothing did.
---@param event mooncrier.Event
local function cause_of(event)
  local reason, message = event.reason, event.message
  if reason == "Evicted" then
    local resource = message:match("low on resource: ([%a-]+)") or message:match("had condition: %[(%w+)%]")
    if not resource and (message:find("exceeds the") or message:find("exceeds its")) then
      resource = "its own storage limit"
    end
    return resource and "evicted for " .. resource or "evicted"
  elseif reason == "TaintManagerEviction" then
    return message:find("^Marking") and "driven away by a taint" or nil
  elseif reason == "Preempted" or reason == "Preempting" then
    return "preempted"
  elseif reason == "Descheduled" or event.action == "Descheduled" then
    return "descheduled"
  elseif reason == "ScaleDown" then
    return "moved by the autoscaler"
  end
end

-- The node that it was on, where the event tells.
---@param event mooncrier.Event
local function node_of(event)
  local message, host = event.message, event.source.host
  return message:match("on node ([%w.-]+)") or message:match("from ([%w.-]+) node") or host ~= "" and host or nil
end

local cluster, storm, causes, nodes

-- "7 preempted, 5 evicted for memory"
local function most(counts, now)
  local list = {}
  for name, n in counts:each(now) do
    list[#list + 1] = { name = name, n = n }
  end
  table.sort(list, function(a, b)
    return a.n > b.n or a.n == b.n and a.name < b.name
  end)
  local words = {}
  for i = 1, math.min(#list, 5) do
    words[i] = ("%d %s"):format(list[i].n, list[i].name)
  end
  if #list > #words then
    words[#words + 1] = ("%d more"):format(#list - #words)
  end
  return table.concat(words, ", ")
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      threshold = { "count", 10 },
      window = { "duration", "5m" },
      cluster = { "string", false },
      sink = { "sinks", false },
    })
    cluster = given.cluster
    storm = alarm.new({
      reason = "EvictionStorm", threshold = given.threshold, window = given.window, sink = given.sink,
    })
    causes = window.new({ span = given.window, max_keys = 50 })
    nodes = window.new({ span = given.window, max_keys = MAX_NODES })
  end,

  handle = function(event)
    local pod = event.involvedObject
    local cause = pod.kind == "Pod" and cause_of(event)
    if not cause or event.delta <= 0 then
      return
    end
    -- The pod and not the reason: one may be preempted, and marked because of a taint a moment later.
    local member = pod.uid ~= "" and pod.uid or pod.namespace .. "/" .. pod.name
    local due, n, fresh = storm:due_of("all", member, event)
    if not fresh then
      return
    end
    local now = alarm.time(event)
    local node = node_of(event)
    causes:add(cause, 1, now)
    if node then
      nodes:add(node, 1, now)
    end
    if due then
      local from = most(nodes, now)
      storm:raise(event, {
        -- It is about all of them, and no pod's own.
        involvedObject = { kind = "Cluster", name = cluster or "cluster" },
        message = ("%d pods%s lost their nodes within %s: %s%s"):format(n, cluster and " of cluster " .. cluster or "",
          storm.within, most(causes, now), from ~= "" and "; as far as is known from: " .. from or ""),
      })
    end
  end,

  save = function()
    -- All of it has to fit into 1 MiB.
    return { storm = storm:save(600 * 1024), causes = causes:save(50 * 1024), nodes = nodes:save(200 * 1024) }
  end,

  restore = function(saved)
    storm:restore(saved.storm)
    causes:restore(saved.causes)
    nodes:restore(saved.nodes)
  end,
}
