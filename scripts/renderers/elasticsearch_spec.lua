local mooncrier = require("mooncrier")

local json = mooncrier.json

describe("renderers/elasticsearch", function()
  local function load(params)
    return mooncrier.load("scripts/renderers/elasticsearch.lua", params)
  end

  -- The two lines of a body, decoded.
  local function lines_of(body)
    local action, document = body:match("^([^\n]+)\n([^\n]+)$")
    return json.decode(action), json.decode(document)
  end

  it("makes two lines of a real event", function()
    local body, options = load():render(mooncrier.events("examples/data/events.jsonl")(), "search")
    assert.is_nil(options)
    assert.equal('{"index":{"_id":"17f9e0ed-43b2-4de1-b2d8-e4959d8d582b","_index":"kubernetes-events"}}\n'
      .. '{"@timestamp":"2026-11-23T05:01:40Z","apiVersion":"v1","count":1,"eventTime":null,'
      .. '"firstTimestamp":"2026-11-23T05:01:40Z","involvedObject":{"apiVersion":"v1","kind":"Namespace",'
      .. '"name":"openshift-kube-apiserver","namespace":"default"},"kind":"Event",'
      .. '"lastTimestamp":"2026-11-23T05:01:40Z","message":"readyz=true","metadata":{'
      .. '"creationTimestamp":"2026-11-23T05:01:40Z","name":"openshift-kube-apiserver.18ea93f9531c34df",'
      .. '"namespace":"default","resourceVersion":"195","uid":"17f9e0ed-43b2-4de1-b2d8-e4959d8d582b"},'
      .. '"reason":"KubeAPIReadyz","reportingComponent":"","reportingInstance":"",'
      .. '"source":{"component":"apiserver","host":"vm"},"type":"Warning"}', body)
  end)

  local labelled = [[{"metadata":{"name":"e","namespace":"n","labels":{"app":"web","app.kubernetes.io/name":"web"},
    "annotations":{}},"involvedObject":{"kind":"Pod"},"count":3,"firstTimestamp":"2026-10-31T23:59:59Z",
    "lastTimestamp":"2026-11-01T00:00:01Z"}]]

  it("takes dots out of labels, adds fields, and names indexes by the first occurrence", function()
    local script = load({ index = "events-%Y.%m", fields = { cluster = "prod-1" }, history = true })
    local action, document = lines_of((script:render(mooncrier.event(labelled), "search")))
    assert.same({ index = { _index = "events-2026.10", _id = "n/e/3" } }, action)
    assert.same({ app = "web", ["app_kubernetes_io/name"] = "web" }, document.metadata.labels)
    assert.is_nil(document.metadata.annotations)
    assert.equal("prod-1", document.cluster)
    assert.equal("2026-11-01T00:00:01Z", document["@timestamp"])
  end)

  it("creates documents without ids in data streams", function()
    local action = lines_of((load({ data_stream = true, index = "logs-k8s" }):render(mooncrier.event(labelled))))
    assert.same({ create = { _index = "logs-k8s" } }, action)
    assert.has_error(function() load({ data_stream = true, index = "logs-%Y" }) end,
      "index: a data stream has one name for all times")
  end)

  it("leaves deleted events out", function()
    local deleted = mooncrier.event(('{"type":"DELETED","object":%s}'):format(labelled))
    assert.is_false((load():render(deleted, "search")))
  end)

  it("makes two lines of every event of the real data, none with managedFields", function()
    local script, ids, n = load(), {}, 0
    for event in mooncrier.events("examples/data/events.jsonl") do
      local action, document = lines_of((script:render(event, "search")))
      ids[action.index._id] = true
      assert.is_nil(document.metadata.managedFields)
      assert.truthy(document["@timestamp"]:find("^2026%-11%-23T"))
      n = n + 1
    end
    local different = 0
    for _ in pairs(ids) do
      different = different + 1
    end
    assert.same({ 346, 346 }, { n, different })
  end)
end)
