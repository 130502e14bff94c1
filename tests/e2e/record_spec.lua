local h = require("tests.e2e.harness")
local received = require("tests.e2e.received")
local served = require("tests.e2e.served")

describe("record", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  -- What --dry-run prints: a list of events.
  local function dry(args, options)
    local all = { "record", "--dry-run", "--reason", "R" }
    for _, arg in ipairs(args) do all[#all + 1] = arg end
    local r = place:run(all, options)
    local events = {}
    for _, line in ipairs(h.lines(r.out)) do events[#events + 1] = h.decode(line) end
    return events, r
  end

  local function object_of(event)
    local o = event.involvedObject
    return ("%s %s %s/%s"):format(o.apiVersion or "-", o.kind, o.namespace or "", o.name)
  end

  it("stores the event at the server", function()
    local s = served.start(place)
    local r = place:run({ "record", "pod/web-1", "-n", "prod", "--type", "Warning", "--reason", "BackOff",
      "--annotation", "example.com/by=me", "--annotation", "note=a=b", "--server", s.url, "hello" })
    assert.equal(0, r.code, r.err)
    local name = r.out:match("^event/(web%-1%.%x+) recorded\n$")
    local got = s:request("GET", "/api/v1/namespaces/prod/events/" .. name).json
    assert.same({ "Warning", "BackOff", "hello", "Pod" },
      { got.type, got.reason, got.message, got.involvedObject.kind })
    assert.same({ ["example.com/by"] = "me", note = "a=b" }, got.metadata.annotations)
    s:stop()
  end)

  it("goes where the kubeconfig's context says", function()
    local s = served.start(place)
    place:write("config", ([[
current-context: other
contexts:
- {name: here, context: {cluster: c, namespace: apps}}
- {name: other, context: {cluster: none}}
clusters:
- {name: c, cluster: {server: '%s'}}
]]):format(s.url))
    local r = place:run({ "record", "po/a", "--reason", "R", "--kubeconfig", "config", "--context", "here", "m" })
    assert.same({ 0, "" }, { r.code, r.err })
    assert.equal(1, #s:request("GET", "/api/v1/namespaces/apps/events").json.items)
    r = place:run({ "record", "po/a", "--reason", "R", "m" }, { env = "KUBECONFIG=config" })
    assert.equal(1, r.code)
    assert.matches("there is no cluster 'none' in kubeconfig config", r.err, 1, true)
    s:stop()
  end)

  for path, expected in pairs({
    ["/nonexistent/x.db"] = "cannot make the event store '/nonexistent/x.db': No such file or directory",
    ["/dev/null"] = "cannot open the event store '/dev/null': it is no regular file",
  }) do
    it("says why it cannot record in " .. path, function()
      local r = place:run({ "record", "po/a", "--reason", "R", "--store", path, "m" })
      assert.same({ 1, "", "mooncrier: error: " .. expected .. "\n" }, { r.code, r.out, r.err })
    end)
  end

  it("stores the event in a file without a server", function()
    local r = place:run({ "record", "node/n1", "--reason", "Drain", "--store", "events.db", "bye" })
    assert.same({ 0, "" }, { r.code, r.err })
    assert.matches("^event/n1%.%x+ recorded\n$", r.out)
    local got = h.decode(place:run({ "get", "events", "-A", "-s", "events.db", "-o", "json" }).out).items
    assert.equal(1, #got)
    assert.same({ "Drain", "bye", "Node", "default" },
      { got[1].reason, got[1].message, got[1].involvedObject.kind, got[1].metadata.namespace })
  end)

  it("prints the event only with --dry-run", function()
    local events, r = dry({ "pod/a", "-n", "b", "--uid", "u1", "--field-path", "spec.containers{c}",
      "--component", "me", "--host", "here", "--annotation", "k=v", "--server", "http://127.0.0.1:1", "m" })
    assert.same({ 0, "", 1 }, { r.code, r.err, #events })
    local e = events[1]
    assert.same({ kind = "Pod", namespace = "b", name = "a", uid = "u1", apiVersion = "v1",
      fieldPath = "spec.containers{c}" }, e.involvedObject)
    assert.same({ "R", "m", "Normal", 1, "me", "here", "v", "b" },
      { e.reason, e.message, e.type, e.count, e.source.component, e.source.host, e.metadata.annotations.k,
        e.metadata.namespace })
    assert.matches("^a%.%x+$", e.metadata.name)
  end)

  it("takes the namespace of the kubeconfig's context with --dry-run, too", function()
    place:write("kc", [[{ apiVersion: v1, kind: Config, current-context: a,
      clusters: [{ name: c, cluster: { server: "http://127.0.0.1:1" } }],
      contexts: [{ name: a, context: { cluster: c, namespace: zz } }, { name: b, context: { cluster: c } }] }]])
    for namespace, flags in pairs({
      zz = { "--kubeconfig", "kc" },
      default = { "--kubeconfig", "kc", "--context", "b" },
      own = { "--kubeconfig", "kc", "-n", "own" },
    }) do
      local events, r = dry({ "pod/a", "m", unpack(flags) })
      assert.same({ 0, "" }, { r.code, r.err })
      assert.same({ namespace, namespace }, { events[1].metadata.namespace, events[1].involvedObject.namespace })
    end
    local events, r = dry({ "pod/a", "m", "--kubeconfig", "kc", "--context", "gone" })
    assert.same({ 1, 0 }, { r.code, #events })
    assert.matches("gone", r.err, 1, true)
    events, r = dry({ "pod/a", "m" }, { env = "KUBECONFIG=kc" })
    assert.equal("", r.err)
    assert.equal("zz", events[1].metadata.namespace)
  end)

  for operand, expected in pairs({
    ["pod/a"] = "v1 Pod default/a",
    ["pods/a"] = "v1 Pod default/a",
    ["po/a"] = "v1 Pod default/a",
    ["Pod/a"] = "v1 Pod default/a",
    ["pods.v1/a"] = "v1 Pod default/a",
    ["deploy/a"] = "apps/v1 Deployment default/a",
    ["deployments.apps/a"] = "apps/v1 Deployment default/a",
    ["deployment.v1beta1.apps/a"] = "apps/v1beta1 Deployment default/a",
    ["replicasets/a"] = "apps/v1 ReplicaSet default/a",
    ["networkpolicies/a"] = "networking.k8s.io/v1 NetworkPolicy default/a",
    ["ingresses.networking.k8s.io/a"] = "networking.k8s.io/v1 Ingress default/a",
    ["Endpoints/a"] = "v1 Endpoints default/a",
    ["node/a"] = "v1 Node /a",
    ["StorageClass/a"] = "storage.k8s.io/v1 StorageClass /a",
    ["Widget/a"] = "- Widget default/a",
    ["Widget.example.com/a"] = "example.com/v1 Widget default/a",
    ["Widget.v2.example.com/a"] = "example.com/v2 Widget default/a",
  }) do
    it("takes " .. operand .. " for " .. expected, function()
      local events, r = dry({ operand, "m" })
      assert.equal("", r.err)
      assert.equal(expected, object_of(events[1]))
    end)
  end

  for text, expected in pairs({
    ['{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","namespace":"x"}}'] = { "v1 Pod x/a" },
    ['{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}\n'
      .. '{"kind":"Node","apiVersion":"v1","metadata":{"name":"b"}}'] = { "v1 Pod prod/a", "v1 Node /b" },
    ['[{"kind":"Pod","metadata":{"name":"a"}}, {"kind":"Job","metadata":{"name":"b"}}]'] =
      { "- Pod prod/a", "- Job prod/b" },
    ['{"kind":"List","items":[{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}]}'] = { "v1 Pod prod/a" },
    ['{"kind":"NodeList","apiVersion":"v1","items":[{"metadata":{"name":"a"}}]}'] = { "v1 Node /a" },
    ['{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}}'] = { "v1 Pod prod/a" },
    ["---\nkind: Pod\napiVersion: v1\nmetadata: {name: a, namespace: x}\n---\n# nothing\n---\n"
      .. "kind: DaemonSet\napiVersion: apps/v1\nmetadata:\n  name: b\n"] = { "v1 Pod x/a", "apps/v1 DaemonSet prod/b" },
  }) do
    it("reads with -f " .. text, function()
      local events, r = dry({ "-f", "-", "-n", "prod", "m" }, { stdin = text })
      assert.same({ 0, "" }, { r.code, r.err })
      local objects = {}
      for i, event in ipairs(events) do objects[i] = object_of(event) end
      assert.same(expected, objects)
    end)
  end

  it("keeps uid and resourceVersion of objects in a file", function()
    place:write("pod.yaml", "kind: Pod\nmetadata: {name: a, uid: u1, resourceVersion: '12'}\n")
    local events = dry({ "-f", "pod.yaml", "m" })
    assert.same({ "u1", "12" }, { events[1].involvedObject.uid, events[1].involvedObject.resourceVersion })
  end)

  for text, expected in pairs({
    [""] = "standard input: there is no object in it",
    ["{"] = "standard input: no JSON behind object 0",
    ['{"kind":"Pod","metadata":{"name":"a"}} x'] = "standard input: no JSON behind object 1: x",
    ['{"kind":"Pod"}'] = "standard input: object 1 has no metadata.name",
    ['[{"kind":"Pod","metadata":{"name":"a"}},{"metadata":{"name":"a"}}]'] = "standard input: object 2 has no kind",
    ["kind: [Pod\n"] = "standard input: document 1: line 2",
  }) do
    it("records nothing of a file that says " .. text, function()
      local events, r = dry({ "-f", "-", "m" }, { stdin = text })
      assert.same({ 1, 0 }, { r.code, #events })
      assert.matches(expected, r.err, 1, true)
    end)
  end

  it("says which file is not there", function()
    local _, r = dry({ "-f", "gone.json", "m" })
    assert.equal(1, r.code)
    assert.matches("gone.json: No such file or directory", r.err, 1, true)
  end)

  -- The server's words, also where client-go says nothing: a namespace that ends.
  for reason, status in pairs({
    Forbidden = { 403 },
    Invalid = { 422 },
    NamespaceTerminating = { 403, "Forbidden", '"details":{"causes":[{"reason":"NamespaceTerminating"}]},' },
  }) do
    it("says what the server says: " .. reason, function()
      local s = received.start(place, ('%d={"kind":"Status","apiVersion":"v1","status":"Failure",%s"reason":"%s",'
        .. '"message":"it is so","code":%d}'):format(status[1], status[3] or "", status[2] or reason, status[1]))
      local r = place:run({ "record", "pod/a", "-n", "b", "--reason", "R", "--server", s.url, "m" })
      local requests = #s:requests()
      s:stop()
      assert.same({ 1, "", 1 }, { r.code, r.out, requests })
      assert.matches("^mooncrier: error: event/a%.%x+ is not recorded: it is so\n$", r.err)
    end)
  end

  it("says what the server says of an invalid event", function()
    local s = served.start(place)
    local r = place:run({ "record", "pod/a", "-n", "b", "--reason", "R", "--annotation", "no key=x",
      "--server", s.url, "m" })
    s:stop()
    assert.same({ 1, "" }, { r.code, r.out })
    assert.matches("is invalid: metadata.annotations: Invalid value", r.err, 1, true)
    assert.equal(1, #h.lines(r.err), r.err)
  end)

  it("goes on behind an object that the server refuses", function()
    local s = served.start(place, { "--fault", "status=403:1,times=1" })
    local r = place:run({ "record", "-f", "-", "-n", "b", "--reason", "R", "--server", s.url, "m" },
      { stdin = '{"kind":"Pod","metadata":{"name":"a"}}{"kind":"Pod","metadata":{"name":"c"}}' })
    s:stop()
    assert.equal(1, r.code)
    assert.matches("^event/c%.%x+ recorded\n$", r.out)
    assert.matches("event/a%.%x+ is not recorded", r.err)
  end)

  it("says how many are left when no server answers", function()
    local r = place:run({ "record", "pod/a", "-n", "b", "--reason", "R", "--server", "http://127.0.0.1:1",
      "--timeout", "200ms", "m" })
    assert.same({ 3, "" }, { r.code, r.out })
    assert.matches("1 event is left", r.err)
  end)

  it("says why no server can be asked", function()
    local r = place:run({ "record", "pod/a", "--reason", "R", "m" },
      { env = "-u KUBECONFIG -u KUBERNETES_SERVICE_HOST HOME=/nonexistent" })
    assert.same({ 1, "" }, { r.code, r.out })
    assert.matches("there is no kubeconfig", r.err)
  end)

  for expected, args in pairs({
    ["--type must be Normal or Warning, not 'Bad'"] = { "pod/a", "--type", "Bad", "--reason", "R", "m" },
    ["--reason is missing"] = { "pod/a", "m" },
    ["say KIND/NAME and a message"] = { "--reason", "R", "m" },
    ["say a message"] = { "--reason", "R", "-f", "x", "pod/a", "m" },
    ["'pod' is no KIND/NAME"] = { "--reason", "R", "pod", "m" },
    ["'pod/' is no KIND/NAME"] = { "--reason", "R", "pod/", "m" },
    ["no kind is called 'pdo', did you mean 'Pod'?"] = { "--reason", "R", "pdo/a", "m" },
    ["no kind is called 'widget'"] = { "--reason", "R", "widget/a", "m" },
    ["--annotation must be KEY=VALUE, not 'x'"] = { "--reason", "R", "--annotation", "x", "pod/a", "m" },
    ["--timeout must be a duration, not 'x'"] = { "--reason", "R", "--timeout", "x", "pod/a", "m" },
    ["--store leaves no choice of a server"] = { "--reason", "R", "-s", "x", "--server", "y", "pod/a", "m" },
    ["the file says what --uid would say"] = { "--reason", "R", "-f", "x", "--uid", "y", "m" },
  }) do
    it("refuses a command line: " .. expected, function()
      local all = { "record" }
      for _, arg in ipairs(args) do all[#all + 1] = arg end
      local r = place:run(all)
      assert.same({ 2, "" }, { r.code, r.out })
      assert.matches(expected, r.err, 1, true)
    end)
  end
end)
