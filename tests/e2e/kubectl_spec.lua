-- kubectl against `mooncrier serve`. Skipped, aloud, when there is none, or one older than 1.28.

local h = require("tests.e2e.harness")
local served = require("tests.e2e.served")

local function kubectl_version()
  local pipe = io.popen("kubectl version --client -o json 2>/dev/null")
  local text = pipe:read("*a")
  pipe:close()
  local good, json = pcall(h.decode, text)
  local version = good and json.clientVersion
  return version and tonumber(version.major), version and tonumber((version.minor:match("%d+")))
end

local major, minor = kubectl_version()

describe("kubectl", function()
  if not major or major < 1 or major == 1 and minor < 28 then
    pending(major and ("is older than 1.28: it is %d.%d"):format(major, minor) or "is not there", function() end)
    return
  end

  local place, server
  before_each(function()
    place = h.place()
    server = served.start(place)
    server:create("a", "web-0.1", { type = "Warning", count = 3, lastTimestamp = "2026-11-23T05:03:00Z" })
    server:create("a", "web-0.2", { type = "Normal", reason = "Pulled", message = "Pulled the image",
      lastTimestamp = "2026-11-23T05:02:00Z" })
    server:create("b", "db-0.1", { type = "Warning" })
  end)
  after_each(function()
    server:stop()
    place:remove()
  end)

  -- HOME is a folder of the test's own: kubectl keeps what it discovers there.
  local function kubectl(args)
    place.n = place.n + 1
    local err = ".kubectl" .. place.n
    local out = place:shell(("HOME=%s KUBECONFIG=/dev/null timeout 30 kubectl --server %s %s 2>%s; echo $?")
      :format(place.dir, server.url, args, err))
    local text, code = out:match("^(.-)(%d+)\n$")
    return { out = text, code = tonumber(code), err = place:read(err) }
  end

  -- Runs kubectl in the background; a function that gives what it has printed, and one that ends it.
  local function follow(args)
    os.execute(("cd %s && { HOME=%s KUBECONFIG=/dev/null kubectl --server %s %s >follow 2>&1 & echo $! >follow.pid; }")
      :format(place.dir, place.dir, server.url, args))
    return function() return place:read("follow") or "" end, function() place:shell("kill $(cat follow.pid)") end
  end

  it("gets events as tables", function()
    local r = kubectl("get events -A")
    assert.equal(0, r.code, r.err)
    local lines = h.lines(r.out)
    assert.equal(4, #lines)
    assert.matches("^NAMESPACE +LAST SEEN +TYPE +REASON +OBJECT +MESSAGE$", lines[1])
    assert.matches("^a +%S+ +Warning +BackOff +pod/web%-0 +Back%-off restarting failed container$", lines[2])
    r = kubectl("get events -n a -o wide")
    lines = h.lines(r.out)
    assert.matches("SUBOBJECT +SOURCE +MESSAGE +FIRST SEEN +COUNT +NAME", lines[1])
    assert.matches("kubelet .*3 +web%-0%.1$", lines[2])
    assert.matches("No resources found in empty namespace.", kubectl("get events -n empty").err, 1, true)
  end)

  it("gets them as JSON, YAML and names, selected and sorted", function()
    local r = kubectl("get events -n a -o json")
    assert.equal(2, #h.decode(r.out).items)
    assert.matches("\nreason: Pulled\n", kubectl("get event web-0.2 -n a -o yaml").out, 1, true)
    assert.equal("event/web-0.1\nevent/db-0.1\n",
      kubectl("get events -A -o name --field-selector type=Warning,involvedObject.kind=Pod").out)
    assert.equal("event/web-0.2\nevent/web-0.1\n",
      kubectl("get events -n a -o name --sort-by=.lastTimestamp").out)
    assert.equal("event/web-0.1\nevent/web-0.2\n", kubectl("get events -n a -o name --chunk-size=1").out)
    local lines = h.lines(kubectl("get events -n a --sort-by=.lastTimestamp").out)
    assert.equal(3, #lines)
    assert.matches(" Pulled .* Pulled the image$", lines[2])
    assert.matches(" BackOff ", lines[3])
  end)

  it("gets them through events.k8s.io", function()
    local r = kubectl("get events.events.k8s.io -n a web-0.2 -o json")
    assert.equal(0, r.code, r.err)
    local event = h.decode(r.out)
    assert.same({ "events.k8s.io/v1", "Pulled the image", "web-0" },
      { event.apiVersion, event.note, event.regarding.name })
    assert.matches("Pulled the image", kubectl("get events.events.k8s.io -n a").out, 1, true)
  end)

  it("prints `kubectl events`", function()
    local r = kubectl("events -n a")
    assert.equal(0, r.code, r.err)
    assert.matches("Pulled the image", r.out, 1, true)
    assert.matches("Warning", kubectl("events -A --types=Warning").out, 1, true)
  end)

  for _, args in ipairs({ "get events -n a -w", "get events -A --watch-only", "events -n a --watch",
    "get events.events.k8s.io -n a -w -o json" }) do
    it("follows with " .. args, function()
      local text, stop = follow(args)
      h.eventually("it watches", function()
        server:create("a", "tick" .. os.time() .. math.random(1e9), { message = "the clock ticks" })
        return text():find("the clock ticks", 1, true)
      end)
      server:create("a", "late", { message = "this came late" })
      h.eventually("the new event is printed", function() return text():find("this came late", 1, true) end)
      stop()
    end)
  end

  it("creates, validates, patches, replaces and deletes", function()
    place:write("event.yaml", [[
apiVersion: v1
kind: Event
metadata: { name: made, namespace: a }
involvedObject: { kind: Pod, name: web-0, namespace: a }
reason: Tried
message: made by hand
type: Normal
]])
    local r = kubectl("create -f event.yaml")
    assert.same({ 0, "event/made created\n" }, { r.code, r.out }, r.err)
    r = kubectl("create -f event.yaml")
    assert.equal(1, r.code)
    assert.matches('AlreadyExists): error when creating "event.yaml": events "made" already exists', r.err, 1, true)
    r = kubectl([[patch event made -n a -p '{"count":7}']])
    assert.equal("event/made patched\n", r.out, r.err)
    r = kubectl([[patch event made -n a --type json -p '[{"op":"replace","path":"/message","value":"patched"}]']])
    assert.equal("event/made patched\n", r.out, r.err)
    r = kubectl("get event made -n a -o jsonpath='{.count} {.message}'")
    assert.equal("7 patched", r.out)
    r = kubectl("label event made -n a app=web")
    assert.equal("event/made labeled\n", r.out, r.err)
    assert.equal("event/made\n", kubectl("get events -A -l app=web -o name").out)
    r = kubectl("replace -f event.yaml")
    assert.equal("event/made replaced\n", r.out, r.err)
    r = kubectl("apply --server-side -f event.yaml")
    assert.equal("event/made serverside-applied\n", r.out, r.err)
    r = kubectl("apply -f event.yaml")
    assert.equal(0, r.code, r.err)
    r = kubectl("delete event made -n a")
    assert.equal('event "made" deleted\n', (r.out:gsub(" from a namespace", "")), r.err)
    assert.equal(1, kubectl("get event made -n a").code)
  end)

  it("refuses fields that there are not, and events that are wrong", function()
    place:write("odd.yaml", [[
apiVersion: v1
kind: Event
metadata: { name: odd, namespace: a }
involvedObject: { kind: Pod, name: web-0, namespace: a }
mesage: misspelt
]])
    local r = kubectl("create -f odd.yaml")
    assert.equal(1, r.code)
    assert.matches('unknown field "mesage"', r.err, 1, true)
    place:write("wrong.yaml", [[
apiVersion: events.k8s.io/v1
kind: Event
metadata: { name: wrong, namespace: a }
regarding: { kind: Pod, name: web-0, namespace: a }
]])
    r = kubectl("create -f wrong.yaml")
    assert.equal(1, r.code)
    assert.matches("eventTime: Required value", r.err, 1, true)
  end)

  it("finds events by what they are about", function()
    server:create("c", "web-0.3", { type = "Normal",
      involvedObject = { apiVersion = "v1", kind = "Pod", namespace = "c", name = "web-0" } })
    for object, names in pairs({
      ["pod/web-0"] = 1, ["po/web-0"] = 1, ["Pod/web-0"] = 1, ["pods/other"] = 0, ["deploy/web-0"] = 0,
      ["jobs.batch/web-0"] = 0, ["hpa/web-0"] = 0, ["node/web-0"] = 0,
    }) do
      local r = kubectl("events -n c --for " .. object)
      assert.equal(0, r.code, r.err)
      assert.equal(names > 0 and names + 1 or 0, #h.lines(r.out), object)
    end
    -- Nothing can be done with what they are about.
    assert.not_matches("Pod", kubectl("api-resources").out)
    assert.equal(1, kubectl("get pods").code)
  end)

  it("deletes many, discovers and explains", function()
    assert.equal(0, kubectl("delete events -n a --all").code)
    assert.equal("event/db-0.1\n", kubectl("get events -A -o name").out)
    assert.matches("events +ev +v1 +true +Event", kubectl("api-resources").out)
    assert.matches("FIELD: message <string>", kubectl("explain event.message").out, 1, true)
    assert.matches("Server Version: v1.32", kubectl("version").out, 1, true)
  end)
end)
