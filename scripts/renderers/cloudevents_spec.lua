local mooncrier = require("mooncrier")

local json = mooncrier.json

describe("renderers/cloudevents", function()
  local function load(params)
    return mooncrier.load("scripts/renderers/cloudevents.lua", params)
  end

  it("makes a CloudEvent of a real event, which is in it as it came", function()
    local event = mooncrier.events("examples/data/events.jsonl")()
    local body, options = load():render(event, "broker")
    assert.same({ headers = { ["Content-Type"] = "application/cloudevents+json" } }, options)
    assert.equal('{"datacontenttype":"application/json","id":"17f9e0ed-43b2-4de1-b2d8-e4959d8d582b/195",'
      .. '"kind":"Namespace","name":"openshift-kube-apiserver","namespace":"default","reason":"KubeAPIReadyz",'
      .. '"severity":"Warning","source":"/kubernetes","specversion":"1.0",'
      .. '"subject":"Namespace/default/openshift-kube-apiserver","time":"2026-11-23T05:01:40Z",'
      .. '"type":"io.k8s.event.new","data":' .. json.encode(event) .. "}", body)
  end)

  it("has the batch's Content-Type, another source and type when told so", function()
    local event = mooncrier.event([[{"metadata":{"name":"e","namespace":"n"},"count":4,
      "involvedObject":{"kind":"Node","name":"x"}}]])
    local script = load({ batch = true, source = "https://c.example", type = "com.example.{{involvedObject.kind}}" })
    local body, options = script:render(event, "broker")
    assert.same({ headers = { ["Content-Type"] = "application/cloudevents-batch+json" } }, options)
    local made = json.decode(body)
    made.data = nil
    assert.same({
      specversion = "1.0", id = "n/e/n4", source = "https://c.example", type = "com.example.Node",
      subject = "Node/x", datacontenttype = "application/json", kind = "Node", name = "x",
    }, made)
  end)

  it("refuses an empty source", function()
    assert.has_error(function() load({ source = "" }) end, "source: must not be empty")
  end)

  it("gives repeats and ends of an event other ids", function()
    local script, ids, types, n = load(), {}, {}, 0
    for event in mooncrier.events("examples/data/watch.jsonl") do
      local made = json.decode((script:render(event, "broker")))
      assert.is_nil(ids[made.id])
      ids[made.id] = true
      types[made.type] = (types[made.type] or 0) + 1
      n = n + 1
    end
    assert.same(n, (types["io.k8s.event.new"] or 0) + (types["io.k8s.event.repeat"] or 0)
      + (types["io.k8s.event.deleted"] or 0))
    assert.truthy(types["io.k8s.event.repeat"] > 0)
  end)
end)
