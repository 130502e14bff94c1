-- The routes of kubernetes-event-exporter as parameters of scripts/routes/rules.lua, and what in them can never
-- happen. How the exporter reads them:
--
-- A route's `drop` rules come first: an event that one of them fits goes no further. Then each `match` rule that it
-- fits sends it to the rule's receiver; only when it fits all of them do the inner routes have it. A rule fits when all
-- its patterns are found in their fields (Go's regular expressions, anywhere in the text) and the count is reached. A
-- pattern that does not compile fits nothing, and nobody is told.

local core = require("mooncrier.core")
local go_regexp = require("mooncrier.go_regexp")
local match = require("mooncrier.match")
local text = require("mooncrier.convert_text")

local convert_routes = {}

local patterns = { "message", "apiVersion", "kind", "namespace", "reason", "type", "component", "host" }
local RULE = "labels annotations message apiVersion kind namespace reason type minCount component host receiver name"
local TYPES = { "Normal", "Warning" }

-- What the values of a field are made of: a pattern with anything else is never found in one.
local alphabets = {
  namespace = { "^[%l%d%-]*$", "names of namespaces are small letters, digits and '-'" },
  host = { "^[%l%d%-%.]*$", "names of nodes are small letters, digits, '-' and '.'" },
  kind = { "^[%a%d]*$", "kinds are letters and digits" },
  apiVersion = { "^[%l%d%-%./]*$", "API versions are small letters, digits, '.', '-' and '/'" },
}

local kinds = {}
for kind in ([[Pod Deployment ReplicaSet StatefulSet DaemonSet Job CronJob Node Namespace Service Endpoints
  EndpointSlice Ingress ConfigMap Secret PersistentVolume PersistentVolumeClaim HorizontalPodAutoscaler
  PodDisruptionBudget ServiceAccount Event Lease ReplicationController]]):gmatch("%a+") do
  kinds[#kinds + 1] = kind
end

local function quote(value)
  return '"' .. value .. '"'
end

-- "a" or "b"
local function listed(words)
  local out = {}
  for i, word in ipairs(words) do
    out[i] = quote(word)
  end
  return table.concat(out, " or ")
end

local function looks_like_glob(pattern)
  return pattern:find("%*") ~= nil and not pattern:find("[^%w%*%?%-_%./:]") and not pattern:find("%.%*")
end

-- Those of a pattern's words that are never found in a field, and why; nil: it may be found.
local function impossible(field, words)
  local alphabet = alphabets[field]
  if not alphabet or not words then
    return nil
  end
  local out = {}
  for _, word in ipairs(words) do
    if not word:find(alphabet[1]) then
      out[#out + 1] = word
    end
  end
  return #out > 0 and out or nil, alphabet[2], #out == #words
end

-- Notes what is wrong with a pattern that may match; why it never does, if so.
local function look_at(r, node, field, pattern, read)
  if read.never then
    return read.never
  end
  local never, why, all = impossible(field, read.words)
  if never and all then
    return why
  elseif never then
    r:say("warn", node, "%s: %s is never found: %s", field, listed(never), why)
  end
  if field == "type" then
    local regex = match.regex(read.pcre)
    if not regex:test("Normal") and not regex:test("Warning") then
      local meant = read.words and #read.words == 1 and core.suggest(read.words[1], TYPES)
      return "events are \"Normal\" or \"Warning\"" .. (meant and (": did you mean %q?"):format(meant) or "")
    end
    local unknown = {}
    for _, word in ipairs(read.words or {}) do
      if not ("Normal"):find(word, 1, true) and not ("Warning"):find(word, 1, true) then
        unknown[#unknown + 1] = word
      end
    end
    if #unknown > 0 then
      r:say("warn", node, "type: %s is never found: events are \"Normal\" or \"Warning\"", listed(unknown))
    end
  elseif field == "kind" then
    for _, word in ipairs(read.words or {}) do
      for _, kind in ipairs(kinds) do
        if word ~= kind and (word:lower() == kind:lower() or word:lower() == kind:lower() .. "s") then
          r:say("warn", node, "kind: %q is in no kind of Kubernetes' own: did you mean %q?", word, kind)
        end
      end
    end
  end
  if looks_like_glob(pattern) then
    r:say("warn", node, "%s: %q is a regular expression, found anywhere, where '*' repeats the character before it; "
      .. "as a glob it would be %q", field, pattern, go_regexp.of_glob(pattern))
  end
end

-- A pattern as source for PCRE2; nil and why it never is found.
local function convert_pattern(r, node, field, pattern)
  if text.has_variables(pattern) then
    r:say("info", node, "%s: what the environment has is put into the pattern when mooncrier starts", field)
    return text.text(pattern)
  end
  local plain = text.plain(pattern)
  local read, refused = go_regexp.read(plain, field ~= "message")
  if not read then
    local glob = looks_like_glob(plain)
      and ("; as a glob it would be %s"):format(quote(go_regexp.of_glob(plain))) or ""
    return nil, ("it is no regular expression (%s), and the exporter takes it for one that is never found%s"):format(
      refused, glob)
  end
  local never = look_at(r, node, field, plain, read)
  if never then
    return nil, never
  end
  return { pcre = read.pcre, code = text.write(read.pcre) }, nil, plain
end

-- The types of events that a pattern is found in.
local function types_of(pcre)
  local regex, out = match.regex(pcre), {}
  for _, name in ipairs(TYPES) do
    out[name] = regex:test(name) or nil
  end
  return out
end

local function both(a, b)
  local out = {}
  for name in pairs(a) do
    out[name] = b[name]
  end
  return out
end

local all_types = { Normal = true, Warning = true }

-- labels and annotations: name → pattern.
local function convert_pairs(r, node, what, rule)
  local found, names = r:map(node, what)
  local out = text.table()
  for _, name in ipairs(names) do
    local value = found[name].value
    local pattern = r:text(value, what .. "." .. name) or ""
    local code, never = convert_pattern(r, value, what .. "." .. name, pattern)
    if not code then
      rule.never = rule.never or { value.line or found[name].line, ("%s.%s: %q is never found: %s"):format(
        what, name, pattern, never) }
      code = text.code('""')
    end
    out:set(name, code)
    rule.conditions[what .. "." .. name] = pattern
  end
  if #names > 0 then
    r:say("warn", node, "%s: the exporter asks the cluster for the %s of the involved object; here a rule sees "
      .. "those that the event carries (involvedObject.%s), and events from a cluster carry none: enrich them "
      .. "before, or ask for something else", what, what, what)
    return out
  end
end

-- Reads a rule: { line, conditions, types, never = { line, why }, receiver, source = for the configuration }.
local function read_rule(r, node, what)
  local fields = r:fields(node, what, RULE)
  local rule = { line = node.line, conditions = {}, types = all_types, source = text.table() }
  for _, field in ipairs(patterns) do
    local pattern = r:text(fields[field], field)
    if pattern and pattern ~= "" then
      local code, never, plain = convert_pattern(r, fields[field], field, pattern)
      if code then
        rule.source:set(field, code)
        if field == "type" and code.pcre then
          rule.types = types_of(code.pcre)
        end
      else
        rule.never = rule.never or { fields[field].line, ("%s: %s is never found: %s"):format(
          field, quote(pattern), never) }
        rule.comment = rule.comment or ("line %d: %s = %s is never found"):format(
          fields[field].line, field, quote(pattern))
      end
      rule.conditions[field] = plain or pattern
    end
  end
  for _, part in ipairs({ "labels", "annotations" }) do
    rule.source:set(part, fields[part] and convert_pairs(r, fields[part], part, rule))
  end
  local least = r:number(fields.minCount, "minCount")
  if least and least > 0 then
    rule.source:set("min_count", least)
    rule.conditions.minCount = least
    if least > 1 then
      r:say("info", fields.minCount, "minCount: events of events.k8s.io count in their series: for them the count is "
        .. "0, here as there")
    end
  end
  rule.receiver = r:text(fields.receiver, "receiver")
  if rule.receiver == "" then
    rule.receiver = nil
  end
  if rule.never then
    rule.source = text.table():set("never", true)
  end
  return rule
end

-- Whether every event that `narrow` fits, `wide` fits as well, as far as equal conditions tell.
local function covers(wide, narrow)
  if wide.never then
    return false
  end
  for name, pattern in pairs(wide.conditions) do
    local other = narrow.conditions[name]
    if name == "minCount" then
      if not other or other < pattern then
        return false
      end
    elseif other ~= pattern then
      return false
    end
  end
  return true
end

local function only_type(rule)
  return next(rule.conditions) == "type" and next(rule.conditions, "type") == nil
end

-- Whether nothing can get past the drop rules, or fits the match rule, of what `types` are left; why not.
local function why_not(rule, types, drops)
  for _, drop in ipairs(drops) do
    if covers(drop, rule) then
      return ("what it fits, the drop rule of line %d has dropped"):format(drop.line)
    end
  end
  if next(both(rule.types, types)) == nil then
    local left = next(types)
    return left and ("only events of type %q come here"):format(left) or "no event comes here"
  end
end

local function consequence(rule, is_drop, has_routes)
  if is_drop then
    return ": nothing is dropped by it"
  end
  local parts = {}
  if rule.receiver then
    parts[1] = ("%q gets nothing by it"):format(rule.receiver)
  end
  if has_routes then
    parts[#parts + 1] = "the inner routes get nothing at all, since all match rules must fit"
  end
  return #parts > 0 and ": " .. table.concat(parts, ", and ") or ""
end

-- `state`: types (that come here), drops (rules before), dead (nothing comes here, and that was told).
local function convert_route(r, node, what, state, uses)
  local fields = r:fields(node, what, "drop match routes")
  local source, types, drops, dead = text.table(), state.types, { unpack(state.drops) }, state.dead
  local routes = r:list(fields.routes, "routes")
  local list = text.table()
  for _, item in ipairs(r:list(fields.drop, "drop")) do
    local rule = read_rule(r, item, "a drop rule")
    list:item(rule.source, rule.comment)
    if rule.receiver then
      r:say("warn", item, "a drop rule has no receiver: the exporter reads over it")
    end
    if rule.never then
      r:say("warn", rule.never[1], "%s%s", rule.never[2], consequence(rule, true))
    elseif not dead then
      local why = why_not(rule, types, drops)
      if next(rule.conditions) == nil then
        r:say("warn", item, "a drop rule without conditions drops every event: nothing gets past it")
        dead = true
      elseif why then
        r:say("warn", item, "this drop rule never fits: %s", why)
      end
      if only_type(rule) then
        local left = {}
        for name in pairs(types) do
          left[name] = not rule.types[name] or nil
        end
        types = left
        if next(types) == nil and not dead then
          r:say("warn", item, "after this drop rule no event is left: nothing gets past it")
          dead = true
        end
      end
      drops[#drops + 1] = rule
    end
  end
  source:set("drop", not list:is_empty() and list or nil)
  list = text.table()
  local inner, blocked = types, false
  for _, item in ipairs(r:list(fields.match, "match")) do
    local rule = read_rule(r, item, "a match rule")
    if rule.receiver then
      rule.source:set("sink", rule.receiver)
      uses[#uses + 1] = { name = rule.receiver, line = item.line, rule = rule }
    elseif #routes == 0 and not rule.never then
      r:say("warn", item, "this match rule has no receiver, and there are no inner routes: it does nothing")
    end
    list:item(rule.source, rule.comment)
    local why = not dead and not rule.never and why_not(rule, types, drops)
    if rule.never then
      r:say("warn", rule.never[1], "%s%s", rule.never[2], consequence(rule, false, #routes > 0))
    elseif why then
      r:say("warn", item, "this match rule never fits: %s%s", why, consequence(rule, false, #routes > 0))
    end
    blocked = blocked or rule.never ~= nil or why ~= nil and why ~= false
    inner = both(inner, rule.types)
  end
  source:set("match", not list:is_empty() and list or nil)
  if #routes > 0 and not dead and not blocked and next(inner) == nil then
    r:say("warn", fields.routes, "the inner routes get nothing: no event fits all match rules of this route")
    blocked = true
  end
  list = text.table()
  for _, item in ipairs(routes) do
    list:item(convert_route(r, item, "a route", { types = inner, drops = drops, dead = dead or blocked }, uses))
  end
  source:set("routes", not list:is_empty() and list or nil)
  return source
end

-- The outermost route as source, and the receivers that rules name: { name, line, rule }.
function convert_routes.convert(r, node)
  local uses = {}
  local source = convert_route(r, node, "the route", { types = all_types, drops = {} }, uses)
  if source:is_empty() then
    r:say("warn", node, "the route is empty: no event goes anywhere")
  end
  return source, uses
end

return convert_routes
