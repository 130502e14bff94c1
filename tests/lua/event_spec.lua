-- The event as scripts see it: every field, the derived ones, get, with, keep.

local mooncrier = require("mooncrier")
local json = mooncrier.json

local full = [[{"kind":"Event","apiVersion":"v1","metadata":{"name":"web.1","generateName":"web.",]] ..
  [["namespace":"prod","selfLink":"/x","uid":"u-1","resourceVersion":"42","generation":3,]] ..
  [["creationTimestamp":"2026-11-23T05:00:00Z","deletionTimestamp":"2026-11-23T06:00:00Z",]] ..
  [["deletionGracePeriodSeconds":30,"labels":{"app.kubernetes.io/name":"web","team":"a"},]] ..
  [["annotations":{"note":"n"},"finalizers":["f/1"],"ownerReferences":[{"kind":"ReplicaSet","name":"rs"}],]] ..
  [["managedFields":[{"manager":"kubelet"}]},]] ..
  [["involvedObject":{"kind":"Pod","namespace":"prod","name":"web","uid":"p-1","apiVersion":"v1",]] ..
  [["resourceVersion":"7","fieldPath":"spec.containers{web}"},"reason":"BackOff","message":"again \"and\" again",]] ..
  [["source":{"component":"kubelet","host":"node-1"},"firstTimestamp":"2026-11-23T05:00:01Z",]] ..
  [["lastTimestamp":"2026-11-23T05:00:02Z","count":5,"type":"Warning","eventTime":"2026-11-23T05:00:03.000007Z",]] ..
  [["series":{"count":9,"lastObservedTime":"2026-11-23T05:00:04.500000Z"},"action":"Restart",]] ..
  [["related":{"kind":"Node","name":"node-1"},"reportingComponent":"kubelet","reportingInstance":"node-1",]] ..
  [["custom":{"deep":[1,{"x":null}],"big":9007199254740993,"empty":[],"none":{}}}]]

local function raises(fragment, fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  assert.truthy(tostring(message):find(fragment, 1, true), ("%q lacks %q"):format(message, fragment))
end

describe("an event", function()
  local event

  before_each(function()
    event = mooncrier.event(full)
  end)

  it("has every field under its JSON name", function()
    local fields = {
      { "kind", "Event" }, { "apiVersion", "v1" }, { "reason", "BackOff" },
      { "message", "again \"and\" again" }, { "type", "Warning" }, { "count", 5 },
      { "action", "Restart" }, { "firstTimestamp", "2026-11-23T05:00:01Z" },
      { "lastTimestamp", "2026-11-23T05:00:02Z" }, { "eventTime", "2026-11-23T05:00:03.000007Z" },
      { "reportingComponent", "kubelet" }, { "reportingInstance", "node-1" },
      { "metadata", "name", "web.1" }, { "metadata", "generateName", "web." },
      { "metadata", "namespace", "prod" }, { "metadata", "selfLink", "/x" },
      { "metadata", "uid", "u-1" }, { "metadata", "resourceVersion", "42" },
      { "metadata", "generation", 3 }, { "metadata", "deletionGracePeriodSeconds", 30 },
      { "metadata", "creationTimestamp", "2026-11-23T05:00:00Z" },
      { "metadata", "deletionTimestamp", "2026-11-23T06:00:00Z" },
      { "metadata", "labels", "app.kubernetes.io/name", "web" },
      { "metadata", "labels", "team", "a" }, { "metadata", "annotations", "note", "n" },
      { "metadata", "finalizers", 1, "f/1" },
      { "metadata", "ownerReferences", 1, "name", "rs" },
      { "metadata", "managedFields", 1, "manager", "kubelet" },
      { "involvedObject", "kind", "Pod" }, { "involvedObject", "namespace", "prod" },
      { "involvedObject", "name", "web" }, { "involvedObject", "uid", "p-1" },
      { "involvedObject", "apiVersion", "v1" }, { "involvedObject", "resourceVersion", "7" },
      { "involvedObject", "fieldPath", "spec.containers{web}" },
      { "related", "kind", "Node" }, { "related", "name", "node-1" }, { "related", "uid", "" },
      { "source", "component", "kubelet" }, { "source", "host", "node-1" },
      { "series", "count", 9 }, { "series", "lastObservedTime", "2026-11-23T05:00:04.500000Z" },
    }
    for _, path in ipairs(fields) do
      local value = event
      for i = 1, #path - 1 do
        value = value[path[i]]
      end
      assert.equal(path[#path], value, table.concat(path, ".", 1, #path - 1))
    end
  end)

  it("has derived fields whatever API it came from", function()
    assert.equal(1795410004.5, event.time)
    assert.equal(9, event.occurrences)
    assert.equal("new", event.change)
    local v1 = mooncrier.event([[{"apiVersion":"events.k8s.io/v1","kind":"Event","note":"n",
      "regarding":{"kind":"Pod","name":"p"},"deprecatedCount":4,"type":"Normal",
      "deprecatedLastTimestamp":"2026-11-23T05:00:02Z","reportingController":"c"}]])
    assert.equal("n", v1.message)
    assert.equal("p", v1.involvedObject.name)
    assert.equal(4, v1.occurrences)
    assert.equal(1795410002, v1.time)
    assert.equal("c", v1.reportingComponent)
  end)

  it("reads missing fields as empty values of their type", function()
    local bare = mooncrier.event("{}")
    assert.equal("", bare.reason)
    assert.equal(0, bare.count)
    assert.equal("", bare.lastTimestamp)
    assert.equal("", bare.series.lastObservedTime)
    assert.equal(0, bare.series.count)
    assert.equal("", bare.related.name)
    assert.is_nil(bare.metadata.labels.app)
    assert.equal(0, #bare.metadata.labels)
    assert.equal(0, #bare.metadata.ownerReferences)
    assert.equal(1, bare.occurrences)
    assert.equal(0, bare.time)
  end)

  it("gives any JSON through get, telling nil from null", function()
    assert.equal("web", event:get("metadata", "labels", "app.kubernetes.io/name"))
    assert.equal("web.1", event:get("metadata.name"))
    assert.equal(1, event:get("custom", "deep", "1"))
    assert.equal(json.null, event:get("custom.deep.2.x"))
    assert.is_nil(event:get("custom.absent"))
    assert.is_nil(event:get("custom.deep.3"))
    assert.is_nil(event:get("reason.x"))
    assert.equal("9007199254740993LL", tostring(event:get("custom.big")))
    assert.equal("[]", json.encode(event:get("custom.empty")))
    assert.equal("{}", json.encode(event:get("custom.none")))
    assert.equal("Event", event:get().kind)
  end)

  it("iterates over labels with pairs", function()
    local seen = {}
    for key, value in require("mooncrier.event").pairs(event.metadata.labels) do
      seen[#seen + 1] = key .. "=" .. value
    end
    assert.same({ "app.kubernetes.io/name=web", "team=a" }, seen)
    assert.equal(2, #event.metadata.labels)
  end)

  it("names the field that was meant", function()
    raises("no field 'involvedobject'; did you mean 'involvedObject'?", function()
      return event.involvedobject
    end)
    raises("no field 'naem'; did you mean 'name'?", function()
      return event.involvedObject.naem
    end)
    raises("no field 'xyzzy' in metadata", function()
      return event.metadata.xyzzy
    end)
  end)

  it("cannot be changed", function()
    raises("events are immutable", function()
      event.message = "x"
    end)
    raises("events are immutable", function()
      event.metadata.labels.team = "x"
    end)
    assert.has_error(function()
      event.gen = 5
    end)
    assert.has_error(function()
      event.handle = 5
    end)
  end)

  it("is written as it came", function()
    assert.equal(full, tostring(event))
    assert.equal([=[[{"name":"x"}]]=], json.encode({ { name = "x" } }))
    assert.equal(full, json.encode(event))
  end)
end)

describe("event:with", function()
  local event

  before_each(function()
    event = mooncrier.event(full)
  end)

  it("merges objects, replaces arrays, deletes by null and keeps the rest", function()
    local changed = event:with{
      message = "new <text>",
      severity = "high",
      count = json.null,
      metadata = { labels = { team = "b", extra = "1" }, finalizers = { "g" } },
    }
    assert.equal("new <text>", changed.message)
    assert.equal("high", changed:get("severity"))
    assert.equal(0, changed.count)
    assert.equal("b", changed.metadata.labels.team)
    assert.equal("1", changed.metadata.labels.extra)
    assert.equal("web", changed.metadata.labels["app.kubernetes.io/name"])
    assert.equal("g", changed.metadata.finalizers[1])
    assert.equal(1, #changed.metadata.finalizers)
    assert.equal("9007199254740993LL", tostring(changed:get("custom.big")))
    assert.equal("BackOff", changed.reason)
    assert.equal("again \"and\" again", event.message)
  end)

  it("uses core/v1 names whatever API the event came from", function()
    local v1 = mooncrier.event([[{"apiVersion":"events.k8s.io/v1","kind":"Event","note":"n","extra":1,
      "regarding":{"kind":"Pod","name":"p"},"type":"Normal"}]])
    local changed = v1:with{ message = "m" }
    assert.equal("m", changed.message)
    assert.equal("p", changed.involvedObject.name)
    assert.equal(1, changed:get("extra"))
    assert.equal("m", changed:get("message"))
    assert.is_nil(changed:get("note"))
  end)

  it("refuses what makes no event, and near misses of field names", function()
    raises("count", function()
      event:with{ count = "many" }
    end)
    raises("did you mean 'message'?", function()
      event:with{ mesage = "x" }
    end)
    raises("JSON has no function", function()
      event:with{ message = print }
    end)
    raises("takes a table", function()
      event:with("x")
    end)
  end)

  it("can be chained and kept", function()
    local kept = {}
    for i = 1, 100 do
      kept[i] = event:with{ count = i }:with{ reason = "R" .. i }
    end
    event = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    for i = 1, 100 do
      assert.equal(i, kept[i].count)
      assert.equal("R" .. i, kept[i].reason)
      assert.equal("web", kept[i].involvedObject.name)
    end
  end)

  it("keeps a part alive without its event", function()
    local object = event:with{ involvedObject = { name = "other" } }.involvedObject
    local labels = event:with{ metadata = { labels = { z = "1" } } }.metadata.labels
    collectgarbage()
    collectgarbage()
    assert.equal("other", object.name)
    assert.equal("1", labels.z)
  end)
end)

describe("new_event", function()
  it("fills in what a recorder would", function()
    mooncrier.clock(1795410000)
    local event = mooncrier.event{
      involvedObject = { kind = "Pod", namespace = "prod", name = "web" },
      reason = "Tested",
      message = "m",
    }
    assert.equal("Normal", event.type)
    assert.equal("prod", event.metadata.namespace)
    assert.truthy(event.metadata.name:find("^web%.%x+$"))
    assert.equal("2026-11-23T05:00:00Z", event.firstTimestamp)
    assert.equal("2026-11-23T05:00:00Z", event.lastTimestamp)
    assert.equal(1, event.count)
    assert.equal("mooncrier", event.source.component)
    assert.equal("mooncrier", event.reportingComponent)
  end)

  it("takes parts of other events", function()
    local from = mooncrier.event(full)
    local event = mooncrier.event{ involvedObject = from.involvedObject, reason = "R" }
    assert.equal("p-1", event.involvedObject.uid)
    assert.equal("spec.containers{web}", event.involvedObject.fieldPath)
  end)

  it("gives every event a name of its own", function()
    local object = { kind = "Pod", name = "p" }
    local a = mooncrier.event{ involvedObject = object }
    local b = mooncrier.event{ involvedObject = object }
    assert.not_equal(a.metadata.name, b.metadata.name)
    assert.equal("default", a.metadata.namespace)
  end)

  it("refuses what the API would", function()
    raises("type must be \"Normal\" or \"Warning\"", function()
      mooncrier.event{ involvedObject = { name = "p" }, type = "Error" }
    end)
    raises("involvedObject is missing", function()
      mooncrier.event{ reason = "R" }
    end)
    raises("did you mean 'reason'?", function()
      mooncrier.event{ involvedObject = { name = "p" }, raeson = "R" }
    end)
  end)
end)
