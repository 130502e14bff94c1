-- Sends events to sinks by a tree of rules, as kubernetes-event-exporter does; `mooncrier convert` writes such trees
-- from its configurations. A route is a table { drop = rules, match = rules, routes = routes }, all of which may be
-- left out. An event that a rule of `drop` fits goes no further there. Each rule of `match` that it fits sends it to
-- the rule's `sink`, if it has one; when it fits all of them, the inner `routes` have it, too. What no rule sends
-- anywhere reaches no sink. Deleted events are left out.
--
-- A rule is a table of conditions that must all hold: the regular expressions (PCRE2, found anywhere in the text unless
-- they begin with ^ and end with $) `message`, `reason`, `type`, `namespace` (of the event), `kind`, `apiVersion` (of
-- the involved object), `component`, `host` (of the source), `labels` and `annotations` (of the involved object, as
-- tables: most events do not carry them); `min_count`, the least count of the event; `never = true` fits nothing.
--
-- @param route          table    ()       the outermost route
-- @param namespace      string   (none)   events of this namespace alone
-- @param max_age        duration (none)   what happened last longer ago than this is left out, "5s"
-- @param cluster        string   (none)   every event gets a field `clusterName`, with this
-- @param managed_fields boolean  (true)   false: events go out without metadata.managedFields
--
-- { "routes/rules.lua", route = { drop = { { type = "Normal" } }, match = { { kind = "^Pod$", sink = "pods" } } } }

local match = require("mooncrier.match")
local params = require("mooncrier.params")

local given, decide

-- Condition → the text of an event that it is about.
local texts = {
  message = function(event) return event.message end,
  reason = function(event) return event.reason end,
  type = function(event) return event.type end,
  namespace = function(event) return event.metadata.namespace end,
  kind = function(event) return event.involvedObject.kind end,
  apiVersion = function(event) return event.involvedObject.apiVersion end,
  component = function(event) return event.source.component end,
  host = function(event) return event.source.host end,
}

local conditions = {
  "message", "apiVersion", "kind", "namespace", "reason", "type", "component", "host", "labels", "annotations",
  "min_count", "never", "sink",
}

local function known(names)
  local set = {}
  for _, name in ipairs(names) do
    set[name] = true
  end
  return set
end

local is_condition, is_part = known(conditions), known({ "drop", "match", "routes" })

local function check_names(t, allowed, what, where)
  if type(t) ~= "table" then
    error(("%s: %s is a table, not a %s"):format(where, what, type(t)), 0)
  end
  for name in pairs(t) do
    if not allowed[name] then
      local names = {}
      for one in pairs(allowed) do
        names[#names + 1] = one
      end
      table.sort(names)
      error(("%s: %s has no '%s'; it has %s"):format(where, what, tostring(name), table.concat(names, ", ")), 0)
    end
  end
end

local function compile(pattern, where)
  if type(pattern) ~= "string" then
    error(("%s: a regular expression is a string, not a %s"):format(where, type(pattern)), 0)
  end
  local ok, regex = pcall(match.regex, pattern)
  if not ok then
    error(where .. ": " .. regex:gsub("^[^:]*:%d+: ", ""), 0)
  end
  return regex
end

-- A function(event): whether it has all `wanted` (name → pattern) among `part` of the involved object.
local function compile_pairs(wanted, part, where)
  local tests = {}
  if type(wanted) ~= "table" then
    error(("%s: a table of name = pattern, not a %s"):format(where, type(wanted)), 0)
  end
  for name, pattern in pairs(wanted) do
    tests[#tests + 1] = { name = name, regex = compile(pattern, where .. "." .. tostring(name)) }
  end
  return function(event)
    for _, test in ipairs(tests) do
      local value = event:get("involvedObject", part, test.name)
      if type(value) ~= "string" or not test.regex:test(value) then
        return false
      end
    end
    return true
  end
end

-- A function(event): whether all conditions of the rule hold.
local function compile_rule(rule, where)
  check_names(rule, is_condition, "a rule", where)
  if rule.never then
    return function() return false end
  end
  local tests = {}
  for _, name in ipairs(conditions) do
    local value, text_of = rule[name], texts[name]
    if value ~= nil and text_of then
      local regex = compile(value, where .. "." .. name)
      tests[#tests + 1] = function(event) return regex:test(text_of(event)) end
    elseif value ~= nil and (name == "labels" or name == "annotations") then
      tests[#tests + 1] = compile_pairs(value, name, where .. "." .. name)
    end
  end
  local least = rule.min_count
  if least ~= nil and type(least) ~= "number" then
    error(("%s.min_count is a number, not a %s"):format(where, type(least)), 0)
  end
  return function(event)
    for i = 1, #tests do
      if not tests[i](event) then
        return false
      end
    end
    return not least or event.count >= least
  end
end

local function compile_list(list, where, compile_one)
  local out = {}
  if list ~= nil and type(list) ~= "table" then
    error(("%s is a list, not a %s"):format(where, type(list)), 0)
  end
  for i, one in ipairs(list or {}) do
    out[i] = compile_one(one, ("%s[%d]"):format(where, i))
  end
  return out
end

-- A function(event, sinks) that adds to the set `sinks` where the route sends the event; the names of all sinks are
-- added to `named`.
local function compile_route(route, where, named)
  check_names(route, is_part, "a route", where)
  local drops = compile_list(route.drop, where .. ".drop", compile_rule)
  local matches = compile_list(route.match, where .. ".match", function(rule, place)
    local fits = compile_rule(rule, place)
    if rule.sink ~= nil then
      named[#named + 1] = rule.sink
    end
    return { fits = fits, sink = rule.sink }
  end)
  local routes = compile_list(route.routes, where .. ".routes", function(inner, place)
    return compile_route(inner, place, named)
  end)
  return function(event, sinks)
    for i = 1, #drops do
      if drops[i](event) then
        return
      end
    end
    local all = true
    for i = 1, #matches do
      if not matches[i].fits(event) then
        all = false
      elseif matches[i].sink then
        sinks[matches[i].sink] = true
      end
    end
    if all then
      for i = 1, #routes do
        routes[i](event, sinks)
      end
    end
  end
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    given = params.read(init_params, {
      route = { "table" },
      namespace = { "string", false },
      max_age = { "duration", false },
      cluster = { "string", false },
      managed_fields = { "boolean", true },
    })
    local named = {}
    decide = compile_route(given.route, "route", named)
    params.read({ sinks = named }, { sinks = { "sinks", {} } }) -- those that the watcher has
  end,

  filter = function(event)
    if event.change == "deleted" then
      return false, "deleted"
    elseif given.namespace and event.metadata.namespace ~= given.namespace then
      return false, "of another namespace"
    elseif given.max_age then
      local last = event.lastTimestamp ~= "" and event.lastTimestamp or event.eventTime
      if last == "" or time.now() - time.parse(last) > given.max_age then
        return false, "too old"
      end
    end
    return true
  end,

  handle = function(event)
    local changes
    if given.cluster then
      changes = { clusterName = given.cluster }
    end
    if not given.managed_fields and event:get("metadata", "managedFields") ~= nil then
      changes = changes or {}
      changes.metadata = { managedFields = json.null }
    end
    if changes then
      return event:with(changes)
    end
  end,

  route = function(event)
    local sinks = {}
    decide(event, sinks)
    return sinks
  end,
}
