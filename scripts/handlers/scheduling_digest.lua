-- Makes one message of the pods that cannot be scheduled, in place of one for each pod and try. For `every` it
-- collects FailedScheduling; at the end it emits one Warning event SchedulingDigest: how many pods of which workloads
-- still wait, and what the scheduler says keeps them off how many nodes, most frequent first. A pod that was
-- scheduled meanwhile, or that is deleted, is left out; when none is left nothing is emitted. Events pass unchanged,
-- or, with `keep = false`, FailedScheduling goes no further than the digest. What is left at the end of the program
-- needs `sink`: the other watchers have ended by then.
--
-- @param every   duration ("15m")     time between digests
-- @param by      string   ("cluster") one digest for the "cluster", or one for each "namespace"
-- @param keep    boolean  (true)      pass the FailedScheduling events on, too
-- @param sink    sinks    (none)      send the digest straight to these sinks of the watcher; without it, to all other
--                                     watchers
--
-- { "handlers/scheduling_digest.lua", every = "1h", keep = false, sink = "slack" }

local alarm = require("mooncrier.alarm")
local params = require("mooncrier.params")
local workload = require("mooncrier.workload")

local MAX_PODS = 500
local MAX_LISTED = 5

local given

-- Pods that wait: "namespace/name" → { namespace, workload, causes }; `more` when there was no room for others.
local waiting, n_waiting, more
-- The period began with an event of this time, when the clock showed that. Either may be over first: the events' own
-- time runs faster when a recording is read, and the clock goes on when no event comes.
local began, began_at

local function begin(now)
  waiting, n_waiting, more = {}, 0, false
  began, began_at = now, now and time.now()
end

-- What keeps a pod off the nodes: "3 Insufficient cpu, 1 Too many pods" → { "Insufficient cpu", "Too many pods" }.
-- How many nodes each concerns is left out: it changes from one try to the next.
local function causes_of(message)
  local text = message:match("nodes are available: (.-)%.? preemption:") or message:match("nodes are available: (.+)")
  if not text then
    return { (message:match("^([^:\n]*:?[^:\n]*)"):gsub("%s+$", "")) }
  end
  local causes = {}
  -- Older schedulers: "node(s) had taint {a: b}, that the pod didn't tolerate".
  text = text:gsub(", that the pod didn't tolerate", ""):gsub("%.%s*$", "")
  for cause in (text .. ", "):gmatch("(.-), ") do
    causes[#causes + 1] = cause:gsub("^%d+ ", "")
  end
  return causes
end

-- "5× Insufficient cpu, 2× Too many pods, 3 more"
local function most(counts, form)
  local names = {}
  for name in pairs(counts) do
    names[#names + 1] = name
  end
  table.sort(names, function(a, b)
    return counts[a] > counts[b] or counts[a] == counts[b] and a < b
  end)
  local words = {}
  for i = 1, math.min(#names, MAX_LISTED) do
    words[i] = form(names[i], counts[names[i]])
  end
  if #names > #words then
    words[#words + 1] = ("%d more"):format(#names - #words)
  end
  return table.concat(words, ", ")
end

local function count(counts, name)
  counts[name] = (counts[name] or 0) + 1
end

-- One digest of the pods in `list`; `namespace` is nil for the cluster.
local function tell(list, namespace, now)
  local causes, workloads = {}, {}
  for _, pod in ipairs(list) do
    count(workloads, pod.workload)
    for _, cause in ipairs(pod.causes) do
      count(causes, cause)
    end
  end
  local event = new_event({
    type = "Warning",
    reason = "SchedulingDigest",
    message = ("%d%s pod%s cannot be scheduled: %s; of %s"):format(#list, more and " or more" or "",
      #list == 1 and "" or "s",
      most(causes, function(name, n) return ("%d× %s"):format(n, name) end),
      most(workloads, function(name, n) return n > 1 and ("%s (%d)"):format(name, n) or name end)),
    involvedObject = namespace and { apiVersion = "v1", kind = "Namespace", name = namespace, namespace = namespace }
      or { kind = "Cluster", name = "cluster" },
    firstTimestamp = time.format(began),
    lastTimestamp = time.format(now),
    count = #list,
  })
  alarm.send(event, given.sink)
end

local function digest(now)
  local lists, order = {}, {}
  for _, pod in pairs(waiting) do
    local name = given.by == "namespace" and pod.namespace or ""
    if not lists[name] then
      lists[name] = {}
      order[#order + 1] = name
    end
    table.insert(lists[name], pod)
  end
  table.sort(order)
  for _, name in ipairs(order) do
    tell(lists[name], name ~= "" and name or nil, now)
  end
  begin()
end

---@type mooncrier.Hooks
return {
  tick_every = "5s",

  init = function(init_params)
    given = params.read(init_params, {
      every = { "duration", "15m" },
      by = { "string", "cluster" },
      keep = { "boolean", true },
      sink = { "sinks", false },
    })
    if given.by ~= "cluster" and given.by ~= "namespace" then
      error(("parameter 'by' must be \"cluster\" or \"namespace\", not %q"):format(given.by), 0)
    end
    begin()
  end,

  handle = function(event)
    local now = alarm.time(event)
    if began and now - began >= given.every then
      digest(now)
    end
    local reason, pod = event.reason, event.involvedObject
    if pod.kind ~= "Pod" then
      return
    end
    local key = pod.namespace .. "/" .. pod.name
    if reason == "Scheduled" or event.change == "deleted" and reason == "FailedScheduling" then
      if waiting[key] then
        waiting[key], n_waiting = nil, n_waiting - 1
      end
    elseif reason == "FailedScheduling" then
      if not began then
        begin(now)
      end
      if waiting[key] or n_waiting < MAX_PODS then
        n_waiting = n_waiting + (waiting[key] and 0 or 1)
        waiting[key] = { namespace = pod.namespace, workload = workload.key(event), causes = causes_of(event.message) }
      else
        more = true
      end
      if not given.keep then
        return false, "told by the scheduling digest"
      end
    end
  end,

  tick = function(now)
    if began and now - began_at >= given.every then
      digest(began + given.every)
    end
  end,

  fini = function()
    if began then
      digest(began + given.every)
    end
  end,

  save = function()
    return { waiting = waiting, n_waiting = n_waiting, more = more, began = began, began_at = began_at }
  end,

  restore = function(saved)
    waiting, n_waiting, more = saved.waiting, saved.n_waiting, saved.more
    began, began_at = saved.began, saved.began_at
  end,
}
