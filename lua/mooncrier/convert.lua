-- A configuration of kubernetes-event-exporter, as a tree (convert_text.lua), made into a mooncrier.lua.

local convert_receivers = require("mooncrier.convert_receivers")
local convert_routes = require("mooncrier.convert_routes")
local text = require("mooncrier.convert_text")

local TOP = "logLevel logFormat throttlePeriod maxEventAgeSeconds clusterName namespace leaderElection route receivers "
  .. "kubeQPS kubeBurst kubeconfig metricsNamePrefix omitLookup cacheSize"

-- What the settings of the program itself are here.
local function say_rest(r, fields)
  for _, name in ipairs({ "logLevel", "logFormat" }) do
    if fields[name] then
      r:say("info", fields[name], "%s: -v, -q and -qq say how much mooncrier says, on standard error", name)
    end
  end
  for _, name in ipairs({ "kubeQPS", "kubeBurst", "cacheSize", "omitLookup" }) do
    if fields[name] then
      r:say("info", fields[name], "%s is not needed: mooncrier asks the cluster for nothing but events", name)
    end
  end
  if fields.kubeconfig then
    r:say("info", fields.kubeconfig, "kubeconfig: give it to the kubectl that reads the events, --kubeconfig %s",
      r:text(fields.kubeconfig, "kubeconfig") or "")
  end
  if fields.metricsNamePrefix then
    r:say("info", fields.metricsNamePrefix, "metrics are those of mooncrier: admin = { listen = \"127.0.0.1:9464\" }")
  end
  if fields.leaderElection then
    local election = r:map(fields.leaderElection, "leaderElection")
    if election.enabled and r:boolean(election.enabled.value, "enabled") then
      r:say("warn", fields.leaderElection, "leaderElection has no equivalent: run one replica, with the deployment's "
        .. "strategy Recreate")
    end
  end
end

-- How old events may be, in seconds, as the exporter takes it; and whether the file says so.
local function age_of(r, fields)
  local age = r:number(fields.maxEventAgeSeconds, "maxEventAgeSeconds")
  local throttle = r:number(fields.throttlePeriod, "throttlePeriod")
  if age and age ~= 0 and throttle and throttle ~= 0 then
    r:say("warn", fields.throttlePeriod, "throttlePeriod and maxEventAgeSeconds at once: newer exporters do not start")
  end
  age = age ~= 0 and age or throttle ~= 0 and throttle or nil
  return age or 5, age ~= nil
end

-- Rules of which two may send one event to the same receiver: there it comes twice.
local function say_twice(r, uses)
  local seen = {}
  for _, use in ipairs(uses) do
    local first = seen[use.name]
    if first and not use.rule.never and not first.told then
      first.told = true
      r:say("info", use.line, "receiver %q is named in line %d, too: an event that fits both rules comes to it twice "
        .. "with the exporter, here once", use.name, first.line)
    elseif not first and not use.rule.never then
      seen[use.name] = { line = use.line }
    end
  end
end

local function convert_sinks(r, node, uses)
  local sinks, names, known = text.table(), {}, {} -- name → { line, entry }
  for _, item in ipairs(r:list(node, "receivers")) do
    local name, sink = convert_receivers.convert(r, item)
    if name and known[name] then
      r:say("warn", item, "a second receiver %q: the one of line %d gets nothing", name, known[name].line)
      known[name].entry.value = sink
      known[name].line = item.line
    elseif name then
      sinks:set(name, sink)
      known[name] = { line = item.line, entry = sinks.entries[#sinks.entries] }
      names[#names + 1] = name
    end
  end
  local used = {}
  for _, use in ipairs(uses) do
    if not known[use.name] then
      r:say("warn", use.line, "there is no receiver %q: what is sent to it is lost; here it goes to the file %s.jsonl",
        use.name, use.name)
      local file = text.table():set("kind", "file"):set("path", use.name .. ".jsonl")
      sinks:set(use.name, file, "there was no such receiver")
      known[use.name] = { line = use.line }
      names[#names + 1] = use.name
    end
    used[use.name] = true
  end
  local list = text.table()
  for _, name in ipairs(names) do
    if used[name] then
      list:item(name)
    else
      r:say("warn", known[name].line, "no rule sends anything to receiver %q", name)
    end
  end
  return sinks, list
end

local function write(name, sinks, list, script, namespace)
  local where = namespace and "-n " .. namespace or "-A"
  local watcher = text.table():set("name", "exporter"):set("script", script)
  watcher:set("sinks", not list:is_empty() and list or nil)
  local config = text.table()
    :set("sources", text.table():item(text.table():set("kind", "jsonl"):set("path", "-")),
      ("kubectl get events %s --watch-only -o json | mooncrier run"):format(where))
    :set("sinks", not sinks:is_empty() and sinks or nil)
    :set("watchers", text.table():item(watcher))
  return ("-- Made by `mooncrier convert` from %s, a configuration of kubernetes-event-exporter.\n\nreturn %s\n")
    :format((name:gsub("%c", " ")), text.write(config))
end

-- The configuration as text (nil: it is none of the exporter's), and what there is to say: { level, line, text }.
return function(root, name)
  local r = text.reader()
  if root.kind ~= "map" then
    r:say("error", root, "this is no configuration of kubernetes-event-exporter: it has no `route` nor `receivers`")
    return nil, r.notes
  end
  local top = r:map(root, "the configuration")
  if top.data and top.data.value.kind == "map" and not top.route then
    r:say("error", root, "this is a ConfigMap: the configuration is the text in its data. For one in a cluster: "
      .. "kubectl get configmap NAME -o jsonpath='{.data.config\\.yaml}' | mooncrier convert -")
    return nil, r.notes
  elseif not top.route and not top.receivers then
    r:say("error", root, "this is no configuration of kubernetes-event-exporter: it has no `route` nor `receivers`")
    return nil, r.notes
  end
  local fields = r:fields(root, "the configuration", TOP)
  say_rest(r, fields)
  if not fields.route then
    r:say("warn", root, "there is no route: no event goes anywhere")
  end
  local route, uses = convert_routes.convert(r, fields.route or { kind = "map" })
  local sinks, list = convert_sinks(r, fields.receivers, uses)
  say_twice(r, uses)
  local age, says_age = age_of(r, fields)
  local namespace = r:text(fields.namespace, "namespace")
  namespace = namespace ~= "" and namespace or nil
  local script = text.table():item("routes/rules.lua")
  if namespace then
    script:set("namespace", text.text(namespace))
  end
  local cluster = r:text(fields.clusterName, "clusterName")
  script:set("cluster", cluster and cluster ~= "" and text.text(cluster) or nil)
  if says_age then
    script:set("max_age", ("%ds"):format(age), "what happened longer ago, when it comes, is left out")
  else
    r:say("info", nil, "the exporter leaves out what happened more than 5 s ago when it comes (maxEventAgeSeconds); "
      .. "here everything counts that is read: max_age = \"5s\" beside `route` does the same")
  end
  script:set("managed_fields", false):set("route", route)
  local never = 0
  for _, note in ipairs(r.notes) do
    never = never + (note.text:find("never f", 1, true) and 1 or 0)
  end
  r:say("info", nil, "%d receivers, %d rules with one; %d that never fit or have no effect",
    #sinks.entries, #uses, never)
  return write(name, sinks, list, script, namespace), r.notes
end
