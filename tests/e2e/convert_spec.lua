-- Configurations of kubernetes-event-exporter, written anew: what is made of them is valid, routes real events as the
-- exporter would have (which an interpreter of its rules in here tells, that knows nothing of ours), and says what
-- in them never works.

local h = require("tests.e2e.harness")

local EVENTS = h.root .. "/examples/data/events.jsonl"

local function events()
  local list = {}
  for line in io.lines(EVENTS) do
    list[#list + 1] = h.decode(line)
  end
  return list
end

-- Go's regular expressions as far as the cases below go: alternatives of words, with ^ and $.
local function is_found(pattern, value)
  if pattern:find("^%*") then return false end -- does not compile
  for word in (pattern .. "|"):gmatch("([^|]*)|") do
    local first, last = word:find("^%^") ~= nil, word:find("%$$") ~= nil
    local plain = word:gsub("^%^", ""):gsub("%$$", "")
    local from = first and 1 or last and math.max(#value - #plain + 1, 1) or value:find(plain, 1, true)
    if from and value:sub(from, from + #plain - 1) == plain and not (last and from + #plain - 1 ~= #value) then
      return true
    end
  end
  return false
end

local function text(value)
  return type(value) == "string" and value or ""
end

local function fits(rule, event)
  local source = type(event.source) == "table" and event.source or {}
  local values = {
    message = event.message, reason = event.reason, type = event.type, namespace = event.metadata.namespace,
    kind = event.involvedObject.kind, apiVersion = event.involvedObject.apiVersion, component = source.component,
    host = source.host,
  }
  for field, pattern in pairs(rule) do
    if field == "minCount" then
      if (tonumber(event.count) or 0) < pattern then return false end
    elseif field ~= "receiver" and pattern ~= "" and not is_found(pattern, text(values[field])) then
      return false
    end
  end
  return true
end

-- Where the exporter sends an event.
local function walk(route, event, to)
  for _, rule in ipairs(route.drop or {}) do
    if fits(rule, event) then return end
  end
  local all = true
  for _, rule in ipairs(route.match or {}) do
    if fits(rule, event) then
      if rule.receiver then to[rule.receiver] = true end
    else
      all = false
    end
  end
  for _, inner in ipairs(all and route.routes or {}) do
    walk(inner, event, to)
  end
end

-- YAML of a route, or a list of rules.
local function yaml_rules(rules, indent)
  local out = {}
  for _, rule in ipairs(rules) do
    local fields = {}
    for name, value in pairs(rule) do
      fields[#fields + 1] = ("%s: %s"):format(name, type(value) == "number" and value or "'" .. value .. "'")
    end
    table.sort(fields)
    out[#out + 1] = ("%s- {%s}\n"):format(indent, table.concat(fields, ", "))
  end
  return table.concat(out)
end

local function yaml_route(route, indent)
  local out = {}
  for _, part in ipairs({ "drop", "match" }) do
    if route[part] then
      out[#out + 1] = indent .. part .. ":\n" .. yaml_rules(route[part], indent .. "  ")
    end
  end
  if route.routes then
    out[#out + 1] = indent .. "routes:\n"
    for _, inner in ipairs(route.routes) do
      local lines = yaml_route(inner, indent .. "    ")
      out[#out + 1] = indent .. "  -\n" .. (lines ~= "" and lines or indent .. "    {}\n")
    end
  end
  return table.concat(out)
end

local function yaml_of(route)
  local body = yaml_route(route, "  ")
  return "route:\n" .. (body ~= "" and body or "  {}\n") .. [[
receivers:
  - {name: a, file: {path: a.out}}
  - {name: b, file: {path: b.out}}
  - {name: c, file: {path: c.out}}
]]
end

describe("mooncrier convert", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  -- Converts the YAML and checks the outcome; the result of convert.
  local function convert(yaml, options)
    place:write("config.yaml", yaml)
    local r = place:run({ "convert", "config.yaml" })
    assert.same({ 0, r.err }, { r.code, r.err })
    -- The shipped scripts are those of this tree.
    local scripts = ("return {\n  scripts = %q,"):format(h.root .. "/scripts")
    place:write("mooncrier.lua", (r.out:gsub("return {", scripts, 1)))
    local checked = place:run({ "check" }, options)
    assert.equal(0, checked.code, checked.err .. r.out)
    r.checked = checked
    return r
  end

  local function names_of(file)
    local names = {}
    for _, line in ipairs(h.lines(place:read(file) or "")) do
      local event = h.decode(line)
      names[#names + 1] = event.metadata.namespace .. "/" .. event.metadata.name
    end
    return names
  end

  -- Runs real events through both.
  local function routes_as_the_exporter(route)
    convert(yaml_of(route))
    local r = place:run({ "run" }, { stdin_file = EVENTS })
    assert.equal(0, r.code, r.err)
    local wanted, sum = { a = {}, b = {}, c = {} }, 0
    for _, event in ipairs(events()) do
      local to = {}
      walk(route, event, to)
      for receiver in pairs(to) do
        table.insert(wanted[receiver], event.metadata.namespace .. "/" .. event.metadata.name)
        sum = sum + 1
      end
    end
    for _, receiver in ipairs({ "a", "b", "c" }) do
      assert.same(wanted[receiver], names_of(receiver .. ".out"), receiver)
    end
    return sum
  end

  it("routes as the exporter: drop first, match rules by themselves, inner routes when all fit", function()
    assert.is_true(routes_as_the_exporter({
      drop = { { reason = "KubeAPIReadyz|^LeaderElection$" }, { namespace = "*system*" } },
      match = { { type = "Warning", receiver = "a" }, { kind = "Pod" } },
      routes = {
        { match = { { namespace = "^prod-", receiver = "b" } } },
        { drop = { { minCount = 5 } }, match = { { component = "kubelet|scheduler", receiver = "c" } },
          routes = { { match = { { reason = "Failed", message = "node", receiver = "b" } } } } },
      },
    }) > 100)
  end)

  -- Trees made of what real events have in them; the same ones each time.
  local seed = 7
  local function random(n)
    seed = (seed * 16807) % 2147483647
    return seed % n + 1
  end

  local words = {
    reason = { "Failed", "^BackOff$", "Scheduling|Mount", "Created$", "Back", "Unhealthy|Killing|Pulled" },
    type = { "Warning", "Normal", "W|x", "arn", "warning" },
    kind = { "Pod", "^Pod$", "Node|Deployment", "Set$", "pod" },
    namespace = { "prod", "^dev-", "*test*", "web$", "default|staging" },
    message = { "node", "pull", "Error", "volume|claim" },
    component = { "kubelet", "scheduler$", "controller" },
    host = { "^edge", "vm" },
    apiVersion = { "v1", "^apps/v1$" },
    minCount = { 2, 5, 20 },
  }
  local fields = { "reason", "type", "kind", "namespace", "message", "component", "host", "apiVersion", "minCount" }

  local function random_rule(with_receiver)
    local rule = {}
    for _ = 1, random(3) - 1 do
      local field = fields[random(#fields)]
      rule[field] = words[field][random(#words[field])]
    end
    rule.receiver = with_receiver and random(4) > 1 and ({ "a", "b", "c" })[random(3)] or nil
    return rule
  end

  local function random_route(depth)
    local route = {}
    for _ = 1, random(3) - 1 do
      route.drop = route.drop or {}
      local rule = random_rule(false)
      table.insert(route.drop, next(rule) and rule or { reason = "Killing" })
    end
    for _ = 1, random(3) - 1 do
      route.match = route.match or {}
      table.insert(route.match, random_rule(true))
    end
    for _ = 1, depth < 3 and random(4) - 1 or 0 do
      route.routes = route.routes or {}
      table.insert(route.routes, random_route(depth + 1))
    end
    return route
  end

  it("routes as the exporter: 10 trees of chance", function()
    local sum = 0
    for _ = 1, 10 do
      sum = sum + routes_as_the_exporter({ routes = { random_route(1), random_route(1), random_route(1) } })
      os.execute("rm -f " .. place:path("*.out"))
    end
    assert.is_true(sum > 300, sum)
  end)

  -- YAML of the route, then what is said, each with its line.
  local told = {
    { "a pattern that does not compile", [[
route:
  drop:
    - namespace: "*test*"
  match:
    - receiver: a]], { '3: namespace: "*test*" is never found: it is no regular expression ',
      'as a glob it would be "test": nothing is dropped by it' } },
    { "what looks ahead", [[
route:
  match:
    - reason: "^(?!Pulled)"
      receiver: a]], { "3: reason:", "there is no looking ahead or behind", '"a" gets nothing by it' } },
    { "a type that there is not", [[
route:
  match:
    - type: warning
      receiver: a]], { '3: type: "warning" is never found: events are "Normal" or "Warning": did you mean' } },
    { "an alternative that there is not", [[
route:
  match:
    - {type: "Warning|Error", receiver: a}]], { '3: type: "Error" is never found' } },
    { "a namespace with capitals", [[
route:
  match:
    - {namespace: "^Prod$", receiver: a}]], { "3: namespace:", "small letters" } },
    { "something behind the end", [[
route:
  match:
    - {message: "failed$ again", receiver: a}]], { "3: message:", "something stands behind '$'" } },
    { "a kind in small letters", [[
route:
  match:
    - {kind: pods, receiver: a}]], { '3: kind: "pods" is in no kind of Kubernetes\' own: did you mean "Pod"?' } },
    { "a glob that compiles", [[
route:
  match:
    - {namespace: "prod-*", receiver: a}]], { '3: namespace: "prod-*" is a regular expression', '"^prod-"' } },
    { "an unknown field", [[
route:
  match:
    - {mincount: 3, receiver: a}
    - {Kind: Pod, receiver: a}]], {
      "3: a match rule has no 'mincount': the exporter reads over it; did you mean 'minCount'?",
      "4: a match rule has no 'Kind'" } },
    { "an empty drop rule", [[
route:
  drop:
    -
  match:
    - receiver: a]], { "3: a drop rule without conditions drops every event" } },
    { "what was dropped before", [[
route:
  drop:
    - type: Normal
    - {reason: Killing}
  match:
    - {reason: Killing, kind: Pod, receiver: a}
    - {type: Normal, receiver: b}]], {
      "6: this match rule never fits: what it fits, the drop rule of line 4 has dropped",
      '7: this match rule never fits: what it fits, the drop rule of line 3 has dropped: "b" gets nothing by it' } },
    { "a drop of both types", [[
route:
  drop: [{type: Normal}, {type: Warning}]
  match:
    - receiver: a]], { "2: after this drop rule no event is left" } },
    { "inner routes that nothing reaches", [[
route:
  match:
    - {type: Normal, receiver: a}
    - {type: Warning, receiver: b}
  routes:
    - match: [{receiver: c}]
]], { "6: the inner routes get nothing: no event fits all match rules of this route" } },
    { "inner routes of another type", [[
route:
  match:
    - {type: Warning}
  routes:
    - match:
        - {type: Normal, receiver: c}]], { '6: this match rule never fits: only events of type "Warning" come here' } },
    { "inner routes behind a rule that never fits", [[
route:
  match:
    - {reason: "+"}
  routes:
    - match: [{receiver: c}]
]], { "3: reason:", "the inner routes get nothing at all, since all match rules must fit" } },
    { "a rule that does nothing", [[
route:
  match:
    - {reason: Killing}]], { "3: this match rule has no receiver, and there are no inner routes" } },
    { "a receiver of a drop rule", [[
route:
  drop:
    - {reason: Killing, receiver: a}
  match: [{receiver: a}]
]], { "3: a drop rule has no receiver" } },
    { "a receiver that there is not", [[
route:
  match:
    - receiver: d]], { '3: there is no receiver "d": what is sent to it is lost' } },
    { "labels of the object", [[
route:
  match:
    - labels: {app: web}
      receiver: a]], { "3: labels: the exporter asks the cluster", "enrich them" } },
    { "a count for series", [[
route:
  match:
    - {minCount: 3, receiver: a}]], { "3: minCount: events of events.k8s.io" } },
    { "a value of the wrong kind", [[
route:
  match:
    - {type: [Warning], receiver: a}
    - {minCount: many, receiver: a}]], { "3: type is a text, not a list", "4: minCount is a number, not 'many'" } },
    { "a receiver that is named twice", [[
route:
  match:
    - {type: Warning, receiver: a}
    - {kind: Pod, receiver: a}]], { '4: receiver "a" is named in line 3, too' } },
    { "no route", "logLevel: debug", { "there is no route", "logLevel: -v" } },
  }
  for _, case in ipairs(told) do
    it("tells " .. case[1], function()
      local r = convert(case[2] .. "\nreceivers:\n  - {name: a, stdout: {}}\n  - {name: b, stdout: {}}\n"
        .. "  - {name: c, stdout: {}}\n")
      for _, said in ipairs(case[3]) do
        assert.matches((said:find("^%d+: ") and "config.yaml:" or "") .. said, r.err, 1, true)
      end
    end)
  end

  it("says nothing of what is well", function()
    place:write("config.yaml", "maxEventAgeSeconds: 60\n" .. yaml_of({ match = {
      { type = "Warning", receiver = "a" }, { kind = "^(Pod|Job)$", receiver = "b" }, { receiver = "c" } } }))
    local r = place:run({ "convert", "-q", "config.yaml" })
    assert.same({ 0, "" }, { r.code, r.err })
  end)

  -- A receiver of each kind, then what stands in the configuration, then what is said.
  local receivers = {
    { "webhook", [[{endpoint: "https://x.example/${HOOK_PATH}", headers: {X-Key: "$HOOK_PATH", X-R: "{{ .Reason }}"},
      tls: {insecureSkipVerify: true, serverName: s, caFile: /ca.pem},
      layout: {m: "{{ .Message }}", l: ["{{ .Type }}"]}}]],
      { [[url = "https://x.example/" .. env("HOOK_PATH")]], [[["X-Key"] = env("HOOK_PATH")]],
        [[tls = { insecure = true, server_name = "s" }]],
        [[layout = { m = "{{message}}", l = { "{{type}}" } }]], [[headers = { ["X-R"] = "{{reason}}" }]] }, {} },
    { "file", "{path: /tmp/dump, maxsize: 10, deDot: true}", { [[kind = "file", path = "/tmp/dump"]] },
      { "logrotate", "deDot has no equivalent" } },
    { "file", "{path: '${HOOK_PATH}.out', layout: {a: '{{ .Reason }}'}}",
      { [[path = env("HOOK_PATH") .. ".out"]], [[layout = { a = "{{reason}}" }]], [[allow = { "io" }]] }, {} },
    { "stdout", "{}", { [[it = { kind = "stdout" }]] }, {} },
    { "stdout", "{layout: {a: x}}", { [[{ "sinks/layout.lua", layout = { a = "x" }, allow = { "io" } }]] }, {} },
    { "pipe", "{path: /dev/stdout}", { [[it = { kind = "stdout" }]] }, {} },
    { "pipe", "{path: /tmp/fifo}", { [[kind = "file", path = "/tmp/fifo"]] }, {} },
    { "elasticsearch", [[{hosts: ["http://es:9200/", "http://b"], indexFormat: "kube-{2006-01-02}-x", username: u,
      password: p, headers: {A: b}, useEventID: false, type: kube-event}]],
      { [[url = "http://es:9200/_bulk?filter_path=errors,items.*.error"]],
        [[index = "kube-%Y-%m-%d-x", history = true]], [[user = "u"]], [[headers = { A = "b" }]] },
      { "one host only", "types of documents are gone" } },
    { "opensearch", "{hosts: [http://os], index: events, useEventID: true, apiKey: k}",
      { [[render = { "renderers/elasticsearch.lua", index = "events" }]], [[Authorization = "ApiKey k"]] }, {} },
    { "loki", [[{url: 'http://loki/loki/api/v1/push', streamLabels: {app: events, kind: k},
      headers: {X-Scope-OrgID: t}}]],
      { [[labels = { app = "events", kind = "k", job = "", namespace = "", type = "" }]],
        [[prefix = "{\"streams\":["]], [[["X-Scope-OrgID"] = "t"]] }, {} },
    { "slack", [[{token: t, channel: '#ops', message: '{{ .Message }}', title: '{{ .Reason }}',
      fields: {b: '{{ .Namespace }}', a: x}}]],
      { [[bearer = "t"]], [[channel = "#ops"]], [[text = "{{message}}"]], [[title = "a", value = "x"]] }, {} },
    { "teams", "{endpoint: 'https://t.example'}", { [[url = "https://t.example"]], [[Event: {{message}}]] }, {} },
    { "opsgenie", [[{apiKey: k, priority: P3, message: '{{ .Reason }}', alias: '{{ .UID }}',
      tags: [event, '{{ .Reason }}']}]],
      { [[Authorization = "GenieKey k"]], [[alias = "{{metadata.uid}}"]], [[priority = "P3"]],
        [[tags = { "event", "{{reason}}" }]] }, {} },
    { "webhook", "{endpoint: 'http://x/{{y}}'}", { [[url = "http://x/{{\"{{\"}}y}}"]] }, {} },
    { "webhook", "{endpoint: 'x:80'}", { "http://127.0.0.1:1/" }, { "is no URL" } },
    { "elasticsearch", "{hosts: ['es:9200'], password: p}", { "http://127.0.0.1:1/" }, { "is no URL" } },
    { "webhook", "{endpoint: 'http://x', layout: {a: '{{ if .Reason }}x{{ end }}'}}", { "renderers/layout.lua" },
      { "is a statement" } },
  }
  for _, case in ipairs(receivers) do
    it("converts the receiver " .. case[1] .. " " .. case[2]:sub(1, 30), function()
      local yaml = "route: {match: [{receiver: it}]}\nreceivers:\n  - name: it\n    %s: %s\n"
      local r = convert(yaml:format(case[1], case[2]), { env = "HOOK_PATH=p" })
      for _, code in ipairs(case[3]) do
        assert.matches(code, r.out, 1, true)
      end
      for _, said in ipairs(case[4]) do
        assert.matches("config.yaml:%d: receiver \"it\": .*" .. said, r.err)
      end
      if #case[4] == 0 then
        assert.not_matches("warning", r.err)
      end
    end)
  end

  it("makes files of what has no equivalent, and says what to do instead", function()
    local kinds = "kafka kinesis firehose sqs sns eventbridge opscenter pubsub bigquery syslog prometheus inMemory"
    local rules, list = {}, {}
    for kind in kinds:gmatch("%a+") do
      rules[#rules + 1] = ("    - {receiver: to-%s}\n"):format(kind)
      list[#list + 1] = ("  - {name: to-%s, %s: {topic: t}}\n"):format(kind, kind)
    end
    local r = convert("route:\n  match:\n" .. table.concat(rules) .. "receivers:\n" .. table.concat(list))
    for kind in kinds:gmatch("%a+") do
      assert.matches(('["to-%s"] = { kind = "file", path = "to-%s.jsonl" }'):format(kind, kind), r.out, 1, true)
      assert.matches(('receiver "to%%-%s": %s has no equivalent, so its events go to the file [^\n]* Instead: '):format(
        kind, kind), r.err)
    end
  end)

  it("writes what layouts say", function()
    convert([[
route: {match: [{kind: ^Node$, receiver: lines}, {reason: FailedMount, receiver: out}]}
receivers:
  - {name: lines, file: {path: lines.out, layout: {why: '{{ .Reason }}', at: {n: '{{ .InvolvedObject.Name }}'}}}}
  - {name: out, stdout: {layout: {ms: '{{ .GetTimestampMs }}'}}}
]])
    local r = place:run({ "run" }, { stdin_file = EVENTS })
    assert.equal(0, r.code, r.err)
    local lines = h.lines(place:read("lines.out"))
    assert.is_true(#lines > 10)
    assert.same({ why = "Starting", at = { n = "edge-7" } }, h.decode(lines[1]))
    assert.matches('^{"ms":"17954%d+"}\n', r.out)
  end)

  it("keeps the program's own settings", function()
    local r = convert([[
clusterName: prod-1
namespace: web
maxEventAgeSeconds: 30
leaderElection: {enabled: true}
kubeQPS: 100
route: {match: [{receiver: a}]}
receivers: [{name: a, stdout: {}}]
]])
    assert.matches([[namespace = "web", cluster = "prod-1"]], (r.out:gsub(",%s+", ", ")), 1, true)
    assert.matches([[max_age = "30s"]], r.out, 1, true)
    assert.matches("get events -n web", r.out, 1, true)
    assert.matches("config.yaml:4: leaderElection has no equivalent: run one replica", r.err, 1, true)
  end)

  it("follows anchors and merge keys", function()
    local r = convert([[
route:
  routes:
    - match: &rules
        - &rule {type: Warning, receiver: a}
    - match: *rules
    - match:
        - <<: *rule
          kind: Pod
receivers: [{name: a, stdout: {}}]
]])
    assert.matches([[{ match = { { kind = "Pod", type = "Warning", sink = "a" } } }]], r.out, 1, true)
  end)

  it("reads standard input", function()
    local r = place:run({ "convert", "-q", "-" }, { stdin = yaml_of({ match = { { receiver = "a" } } }) })
    assert.equal(0, r.code)
    assert.matches("from stdin", r.out, 1, true)
  end)

  local broken = {
    { "", "stdin: this is no configuration" }, { "a: b\n", "stdin:1: this is no configuration" },
    { "- a\n", "it has no `route` nor `receivers`" }, { "route: [\n", "stdin: line 2:" },
    { "kind: ConfigMap\ndata:\n  config.yaml: 'route: {}'\n", "stdin:1: this is a ConfigMap" },
  }
  for _, case in ipairs(broken) do
    it("refuses " .. (case[1] == "" and "nothing" or case[1]:gsub("%s+", " ")), function()
      local r = place:run({ "convert", "-" }, { stdin = case[1] })
      assert.same({ 1, "" }, { r.code, r.out })
      assert.matches(case[2]:gsub("^stdin: this", "this"), r.err, 1, true)
    end)
  end

  it("says when a file is not there, or there is none", function()
    local r = place:run({ "convert", "none.yaml" })
    assert.equal(1, r.code)
    assert.matches("none.yaml: No such file or directory", r.err, 1, true)
    assert.equal(2, place:run({ "convert" }).code)
  end)
end)
