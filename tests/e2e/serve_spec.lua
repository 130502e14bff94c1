local h = require("tests.e2e.harness")
local served = require("tests.e2e.served")

local function summary(events)
  local list = {}
  for _, event in ipairs(events) do
    local object = event.object
    list[#list + 1] = event.type .. " " .. (object.metadata.name or object.reason or "-")
  end
  return list
end

local function names(r)
  local list = {}
  for _, item in ipairs(r.json.items) do list[#list + 1] = item.metadata.name end
  return list
end

describe("serve", function()
  local place, server
  before_each(function() place = h.place() end)
  after_each(function()
    if server then server:stop() end
    server = nil
    place:remove()
  end)

  it("says where it listens, ends at SIGTERM, and finds its events again", function()
    server = served.start(place)
    server:create("a", "one")
    assert.equal("ok", server:request("GET", "/readyz").body)
    assert.equal(0, server:stop().code)
    server = served.start(place)
    assert.same({ "one" }, names(server:request("GET", "/api/v1/events")))
  end)

  it("refuses an address that is taken, and flags that make no sense", function()
    server = served.start(place)
    local r = place:run({ "serve", "--listen", server.url:sub(8), "--store", "other.db" })
    assert.equal(1, r.code)
    assert.matches("cannot listen on " .. server.url:sub(8), r.err, 1, true)
    for _, args in ipairs({ { "--ttl", "soon" }, { "--max-bytes", "0" }, { "extra" } }) do
      assert.equal(2, place:run({ "serve", unpack(args) }).code)
    end
    assert.matches("there is no fault 'nonsense'", place:run({ "serve", "--store", "f.db", "--listen", "127.0.0.1:0",
      "--fault", "nonsense=1" }).err, 1, true)
  end)

  it("lists in pages that hang together", function()
    server = served.start(place)
    for i = 1, 5 do server:create("a", "e" .. i) end
    server:create("b", "f1")
    local all, path, pages, version = {}, "/api/v1/events?limit=2", 0, nil
    repeat
      local r = server:request("GET", path)
      assert.equal(200, r.status)
      version = version or r.json.metadata.resourceVersion
      assert.equal(version, r.json.metadata.resourceVersion)
      for _, name in ipairs(names(r)) do all[#all + 1] = name end
      pages = pages + 1
      if pages == 1 then
        assert.equal(4, r.json.metadata.remainingItemCount)
        server:create("a", "e0") -- behind the page: it is not seen again
      end
      local token = r.json.metadata.continue
      path = "/api/v1/events?limit=2&continue=" .. (token or "")
    until not token
    assert.same({ "e1", "e2", "e3", "e4", "e5", "f1" }, all)
    assert.equal(3, pages)
  end)

  it("selects by fields and labels, in both APIs", function()
    server = served.start(place)
    server:create("a", "warm", { type = "Warning" })
    server:create("a", "calm",
      { type = "Normal", metadata = { name = "calm", namespace = "a", labels = { app = "x" } } })
    for query, wanted in pairs({
      ["fieldSelector=type%3DWarning"] = "warm",
      ["fieldSelector=type!%3DWarning"] = "calm",
      ["fieldSelector=involvedObject.kind%3DPod,metadata.name%3Dcalm"] = "calm",
      ["labelSelector=app%3Dx"] = "calm",
      ["labelSelector=!app"] = "warm",
      ["labelSelector=app+in+(x,y)"] = "calm",
      ["labelSelector=app+notin+(x)"] = "warm",
    }) do
      assert.same({ wanted }, names(server:request("GET", "/api/v1/namespaces/a/events?" .. query)), query)
    end
    local r = server:request("GET", "/apis/events.k8s.io/v1/events?fieldSelector=regarding.kind%3DPod,type%3DNormal")
    assert.same({ "calm" }, names(r))
    assert.equal("Back-off restarting failed container", r.json.items[1].note)
  end)

  it("watches: what is there, what comes, changes and goes", function()
    server = served.start(place)
    local since = server:create("a", "old")
    server:create("a", "new")
    server:request("PATCH", "/api/v1/namespaces/a/events/old",
      { body = '{"count":2}', headers = { ["Content-Type"] = "application/strategic-merge-patch+json" } })
    server:create("a", "brief")
    server:request("DELETE", "/api/v1/namespaces/a/events/brief")
    local events = server:watch("timeoutSeconds=1")
    assert.same({ "ADDED new", "ADDED old" }, summary(events))
    events = server:watch("timeoutSeconds=1&resourceVersion=" .. since)
    assert.same({ "ADDED new", "MODIFIED old" }, summary(events))
    assert.equal(2, events[2].object.count)
  end)

  it("streams changes to a watch that is open, also what no longer matches", function()
    server = served.start(place)
    os.execute(("cd %s && curl -sN '%s/api/v1/events?watch=1&fieldSelector=reason%%3DBackOff' >stream & echo $! >%s")
      :format(place.dir, server.url, place:path("curl.pid")))
    server:create("a", "other", { reason = "Pulled" })
    server:create("a", "mine")
    h.eventually("the event is in the stream", function()
      return (place:read("stream") or ""):find('"mine"', 1, true)
    end)
    server:request("PATCH", "/api/v1/namespaces/a/events/mine",
      { body = '{"reason":"Pulled"}', headers = { ["Content-Type"] = "application/merge-patch+json" } })
    h.eventually("it has left the stream", function()
      return (place:read("stream") or ""):find('"DELETED"', 1, true)
    end)
    local events = {}
    for _, line in ipairs(h.lines(place:read("stream"))) do events[#events + 1] = h.decode(line) end
    assert.same({ "ADDED mine", "DELETED mine" }, summary(events))
    assert.equal(0, server:stop().code) -- and the watch ends with it
    server = nil
  end)

  it("sends bookmarks to whoever asks for them", function()
    server = served.start(place)
    local version = server:create("a", "one")
    local events = server:watch("timeoutSeconds=3&allowWatchBookmarks=true&resourceVersion=" .. version)
    assert.equal("BOOKMARK", events[1].type)
    assert.equal(tostring(version), events[1].object.metadata.resourceVersion)
    events = server:watch("timeoutSeconds=1&allowWatchBookmarks=true&sendInitialEvents=true"
      .. "&resourceVersionMatch=NotOlderThan")
    assert.same({ "ADDED one", "BOOKMARK -" }, { summary(events)[1], summary(events)[2] })
    assert.equal("true", events[2].object.metadata.annotations["k8s.io/initial-events-end"])
  end)

  it("forgets after --ttl, which a watch sees", function()
    server = served.start(place, { "--ttl", "2s" })
    local version = server:create("a", "short")
    local events = server:watch("timeoutSeconds=6&resourceVersion=" .. version)
    assert.same({ "DELETED short" }, summary(events))
    assert.equal(404, server:request("GET", "/api/v1/namespaces/a/events/short").status)
  end)

  it("forgets what changed longest ago past --max-bytes", function()
    server = served.start(place, { "--max-bytes", "20KiB" })
    for _, name in ipairs({ "first", "second" }) do server:create("a", name, { message = ("x"):rep(8000) }) end
    local version = server:request("PATCH", "/api/v1/namespaces/a/events/first",
      { body = '{"count":2}', headers = { ["Content-Type"] = "application/merge-patch+json" } })
      .json.metadata.resourceVersion
    server:create("a", "third", { message = ("x"):rep(8000) })
    assert.same({ "first", "third" }, names(server:request("GET", "/api/v1/events")))
    assert.equal(404, server:request("GET", "/api/v1/namespaces/a/events/second").status)
    -- An eighth of the bound is for what watches are told of removals; this one did not fit.
    assert.same({ "ERROR Expired" }, summary(server:watch("timeoutSeconds=1&resourceVersion=" .. version)))
  end)

  it("tells Tables, metadata alone and indented JSON", function()
    server = served.start(place)
    server:create("a", "one", { count = 3 })
    local r = server:request("GET", "/api/v1/namespaces/a/events",
      { headers = { Accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" } })
    assert.equal("Table", r.json.kind)
    local cells = r.json.rows[1].cells
    assert.same({ "Warning", "BackOff", "pod/web-0", 3, "one" }, { cells[2], cells[3], cells[4], cells[9], cells[10] })
    assert.equal(#r.json.columnDefinitions, #cells)
    r = server:request("GET", "/api/v1/namespaces/a/events/one",
      { headers = { Accept = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io" } })
    assert.equal("PartialObjectMetadata", r.json.kind)
    assert.is_nil(r.json.reason)
    r = server:request("GET", "/api/v1/namespaces/a/events/one?pretty=true")
    assert.matches('\n  "metadata": {\n    "name": "one",\n', r.body, 1, true)
  end)

  it("packs large lists for who can read that", function()
    server = served.start(place)
    for i = 1, 3 do server:create("a", "big" .. i, { message = ("x"):rep(60000) }) end
    local r = server:request("GET", "/api/v1/events", { headers = { ["Accept-Encoding"] = "gzip" } })
    assert.equal("gzip", r.headers["content-encoding"])
    assert.is_true(#r.body < 10000)
    assert.is_nil(server:request("GET", "/api/v1/events").headers["content-encoding"])
  end)

  it("refuses bodies over 3 MiB and goes on", function()
    server = served.start(place)
    local body = h.event("huge", { message = ("x"):rep(3200000) })
    local r = server:request("POST", "/api/v1/namespaces/default/events", { body = body })
    assert.equal(413, r.status)
    assert.equal("RequestEntityTooLarge", r.json.reason)
    r = server:request("POST", "/api/v1/namespaces/default/events",
      { body = body, headers = { Expect = "100-continue" } })
    assert.equal(413, r.status)
    body = h.event("large", { message = ("x"):rep(1600000) })
    assert.equal(500, server:request("POST", "/api/v1/namespaces/default/events", { body = body }).status)
    server:create("a", "small")
  end)

  describe("with faults", function()
    local path = "/api/v1/namespaces/a/events"

    local function faults(text)
      local r = server:request("PUT", "/-/faults", { body = text })
      assert.equal(200, r.status, r.body)
      return r.body
    end

    local function post(name)
      return server:request("POST", path, { body = h.event(name, {
        metadata = { name = name, namespace = "a" },
        involvedObject = { kind = "Pod", namespace = "a", name = "web-0" },
      }) })
    end

    before_each(function() server = served.start(place) end)

    it("answers statuses, with and without Retry-After", function()
      assert.equal("status=429:1:2\n", faults("status=429:1:2"))
      local r = post("one")
      assert.same({ 429, "2", "TooManyRequests" }, { r.status, r.headers["retry-after"], r.json.reason })
      faults("status=503")
      r = post("one")
      assert.same({ 503 }, { r.status, r.headers["retry-after"] })
      faults("none")
      assert.equal(201, post("one").status)
    end)

    it("resets and closes before it does anything, loses and halves answers after", function()
      faults("reset=1 methods=POST")
      assert.equal(56, post("reset").exit)
      faults("close=1 methods=POST")
      assert.equal(52, post("close").exit)
      faults("half=1 methods=POST")
      assert.equal(18, post("half").exit)
      faults("lost=1 methods=POST")
      assert.equal(56, post("lost").exit)
      assert.same({ "half", "lost" }, names(server:request("GET", path)))
    end)

    it("spoils so many requests and no more, only of the methods given", function()
      assert.equal("status=500:1 methods=POST+PATCH times=2\n", faults("status=500,methods=POST+PATCH,times=2"))
      assert.equal(200, server:request("GET", path).status)
      assert.same({ 500, 500, 201 }, { post("x").status, post("x").status, post("x").status })
    end)

    it("is slow", function()
      faults("latency=300ms")
      local seconds = place:shell("curl -s -o /dev/null -w '%{time_total}' " .. server.url .. path)
      assert.is_true(tonumber((seconds:gsub(",", "."))) >= 0.29)
    end)

    it("says what is wrong with a fault", function()
      local r = server:request("PUT", "/-/faults", { body = "reset=2" })
      assert.equal(400, r.status)
      assert.matches("'reset' has a value", r.json.message, 1, true)
    end)
  end)
end)

describe("get events", function()
  local place, watches
  before_each(function()
    place = h.place()
    watches = {}
  end)
  after_each(function()
    for _, watch in pairs(watches) do
      pcall(watch.signal, watch, "TERM")
      pcall(watch.wait, watch)
    end
    place:remove()
  end)

  it("prints the store as kubectl would, while a server runs and after", function()
    local server = served.start(place)
    server:create("a", "two", { count = 2 })
    server:create("a", "one", { count = 10, type = "Normal" })
    server:create("b", "three", { count = 1 })
    local function get(...)
      local r = place:run({ "get", "events", "--store", "events.db", ... })
      assert.equal(0, r.code, r.err)
      return r.out
    end
    assert.equal("event/one\nevent/two\n", get("-n", "a", "-o", "name"))
    assert.equal("event/three\nevent/two\nevent/one\n", get("-A", "-o", "name", "--sort-by", ".count"))
    assert.equal("event/one\n", get("-A", "-o", "name", "--field-selector", "type=Normal"))
    assert.matches("^NAMESPACE +LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\na  ", get("-A"))
    assert.equal(0, server:stop().code)
    assert.equal("two", h.decode(get("-n", "a", "two", "-o", "json")).metadata.name)
    local r = place:run({ "get", "events", "--store", "events.db" })
    assert.same({ 0, "", "No resources found in default namespace.\n" }, { r.code, r.out, r.err })
    assert.equal(1, place:run({ "get", "events", "-n", "a", "nobody", "--store", "events.db" }).code)
    assert.equal(1, place:run({ "get", "events", "--store", "none.db" }).code)
    assert.equal(2, place:run({ "get", "pods" }).code)
  end)

  it("takes what kubectl's users type", function()
    local server = served.start(place)
    server:create("a", "two", { count = 2, lastTimestamp = "2026-11-23T05:03:00Z",
      metadata = { name = "two", namespace = "a", labels = { app = "web" } } })
    server:create("a", "one", { count = 10, type = "Normal" })
    server:create("b", "three", { count = 1 })
    local function get(...)
      return place:run({ "get", "--store", "events.db", ... })
    end
    local function out(...)
      local r = get(...)
      assert.equal(0, r.code, r.err)
      return r.out
    end
    assert.equal("event/two\n", out("ev", "-na", "-oname", "-lapp=web"))
    assert.equal("event/one\n", out("events", "-n", "a", "-o", "name", "-l", "!app"))
    assert.equal("event/one\nevent/two\n", out("event/two", "event/one", "-n=a", "--output=name"))
    assert.equal("event/two\n", out("events.events.k8s.io", "two", "-n", "a", "-o=name"))
    assert.equal("event/one\nevent/two\n", out("events", "-n", "a", "-o", "name", "--sort-by={.lastTimestamp}"))
    assert.equal("WHY       N\nBackOff   10\nBackOff   2\n",
      out("events", "-n", "a", "-o", "custom-columns=WHY:.reason,N:.count"))
    assert.equal("b     three\n", out("events", "-A", "--field-selector=metadata.namespace!=a", "--no-headers",
      "-o", "custom-columns=NS:.metadata.namespace,NAME:.metadata.name"))
    local wide = h.lines(out("events", "-n", "a", "-o", "wide"))
    assert.matches("^LAST SEEN +TYPE +REASON +OBJECT +SUBOBJECT +SOURCE +MESSAGE +FIRST SEEN +COUNT +NAME$", wide[1])
    assert.matches("^%S+ +Normal +BackOff +pod/web%-0 +kubelet +Back%-off .+ 10 +one$", wide[2])
    assert.equal(2, #h.lines(out("events", "-n", "a", "--no-headers")))

    local event = h.decode(out("event", "two", "-n", "a", "-o", "json"))
    assert.same({ "Event", "two" }, { event.kind, event.metadata.name })
    assert.is_nil(event.metadata.managedFields)
    event = h.decode(out("event", "two", "-n", "a", "-o", "json", "--show-managed-fields"))
    assert.is_table(event.metadata.managedFields)
    local list = h.decode(out("events", "-n", "none", "-o", "json"))
    assert.same({ "List", 0 }, { list.kind, #list.items })
    local yaml = out("events", "-A", "-o", "yaml", "--sort-by", ".count")
    assert.matches('^apiVersion: v1\nitems:\n%- apiVersion: v1\n  count: 1\n  eventTime: null\n'
      .. '  firstTimestamp: "2026%-11%-23T05:00:00Z"\n', yaml)
    assert.matches('\nkind: List\nmetadata:\n  resourceVersion: ""\n$', yaml)
    assert.matches("^apiVersion: v1\ncount: 2\n", out("event", "two", "-n", "a", "-o", "yaml"))

    for _, wrong in ipairs({ { "event", "-A", "two" }, { "events", "-o", "jsonpath={.a}" }, { "pods/a" },
      { "events", "--sort-by", ".a[" }, { "events", "-o", "custom-columns=A" }, { "events", "-l", "a in" },
      { "events", "--field-selector", "nope=1" } }) do
      local r = get(unpack(wrong))
      assert.equal(2, r.code, table.concat(wrong, " "))
    end
    local r = get("event", "two", "nobody", "-n", "a", "-o", "name")
    assert.same({ 1, "event/two\n" }, { r.code, r.out })
    assert.matches('events "nobody" not found in namespace a', r.err, 1, true)
    server:stop()
  end)

  it("follows the store", function()
    local server = served.start(place)
    server:create("a", "one")
    for format, args in pairs({
      name = { "-n", "a", "-w", "-o", "name" },
      only = { "-A", "--watch-only", "-o", "custom-columns=N:.metadata.name,C:.count" },
      yaml = { "-n", "a", "--watch", "-o", "yaml", "--field-selector", "reason=Late" },
    }) do
      watches[format] = place:start({ "get", "events", "--store", "events.db", unpack(args) })
    end
    -- --watch-only says nothing before something happens, so something does until it has begun.
    local n = 0
    h.eventually("all of them watch", function()
      n = n + 1
      server:create("a", "tick" .. n, { reason = "Late" })
      return watches.only:out():find("tick") and watches.name:out():find("tick") and watches.yaml:out():find("tick")
    end)
    server:request("PATCH", "/api/v1/namespaces/a/events/one",
      { body = '{"count":7}', headers = { ["Content-Type"] = "application/merge-patch+json" } })
    h.eventually("the change is there", function() return watches.only:out():find("one +7\n") end)
    server:request("DELETE", "/api/v1/namespaces/a/events/one")
    h.eventually("its end is there", function() return watches.only:out():find("one +7\n.*one +7\n") end)
    h.eventually("and with names", function() return select(2, watches.name:out():gsub("event/one\n", "")) == 3 end)
    assert.matches("^event/one\n", watches.name:out())
    assert.matches("^N +C\ntick", watches.only:out())
    assert.matches("^apiVersion: v1\ncount: 1\n", watches.yaml:out())
    assert.is_nil(watches.yaml:out():find("name: one", 1, true))
    server:stop()
  end)
end)
