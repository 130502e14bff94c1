local mooncrier = require("mooncrier")

describe("renderers/alertmanager", function()
  local function load(params)
    return mooncrier.load("scripts/renderers/alertmanager.lua", params)
  end

  it("makes an alert of a real event", function()
    local event = mooncrier.events("examples/data/events.jsonl")()
    local body, options = load({ labels = { cluster = "prod-1" } }):render(event, "alerts")
    assert.is_nil(options)
    assert.equal('{"annotations":{"count":"1","description":"readyz=true","host":"vm",'
      .. '"summary":"KubeAPIReadyz: Namespace default/openshift-kube-apiserver"},"endsAt":"2026-11-23T05:06:40Z",'
      .. '"labels":{"alertname":"KubeAPIReadyz","cluster":"prod-1","component":"apiserver","kind":"Namespace",'
      .. '"name":"openshift-kube-apiserver","namespace":"default","severity":"warning"},'
      .. '"startsAt":"2026-11-23T05:01:40Z"}', mooncrier.json.encode(body))
  end)

  local repeated = [[{"metadata":{"name":"e"},"involvedObject":{"kind":"Node","name":"n 1"},"reason":"NodeNotReady",
    "type":"%s","message":"m","reportingComponent":"node-controller","count":3,
    "firstTimestamp":"2026-11-23T05:00:00Z","lastTimestamp":"2026-11-23T05:10:00Z"}]]

  it("lasts from the first occurrence until a while after the last, with a link", function()
    local script = load({ resolve_after = "1h", link = "https://d.example/{{involvedObject.name}}",
                          labels = { severity = "page", component = "" } })
    local body = script:render(mooncrier.event(repeated:format("Warning")), "alerts")
    assert.same({
      labels = { alertname = "NodeNotReady", severity = "page", kind = "Node", name = "n 1" },
      annotations = { summary = "NodeNotReady: Node n 1", description = "m", count = "3" },
      startsAt = "2026-11-23T05:00:00Z",
      endsAt = "2026-11-23T06:10:00Z",
      generatorURL = "https://d.example/n%201",
    }, body)
  end)

  it("uses the clock for events without a time", function()
    mooncrier.clock(1795410100)
    local event = mooncrier.event([[{"metadata":{"name":"e"},"involvedObject":{"kind":"Pod"},"type":"Warning"}]])
    local body = load():render(event, "alerts")
    assert.same({ "2026-11-23T05:01:40Z", "2026-11-23T05:06:40Z", "KubernetesEvent" },
      { body.startsAt, body.endsAt, body.labels.alertname })
  end)

  it("leaves Normal events out unless told otherwise, and deleted ones", function()
    assert.is_false((load():render(mooncrier.event(repeated:format("Normal")), "alerts")))
    local body = load({ normal = true }):render(mooncrier.event(repeated:format("Normal")), "alerts")
    assert.equal("info", body.labels.severity)
    assert.equal("node-controller", body.labels.component)
    local deleted = mooncrier.event(('{"type":"DELETED","object":%s}'):format(repeated:format("Warning")))
    assert.is_false((load():render(deleted, "alerts")))
  end)

  it("refuses labels that Alertmanager would", function()
    assert.has_error(function() load({ labels = { ["a-b"] = "x" } }) end,
      "labels: 'a-b' is no name of a label: letters, digits and _")
    assert.has_error(function() load({ labels = { a = 1 } }) end, "labels: a must be a string, not a number")
  end)

  it("gives every alert of the real data a name, labels with values and an end past its beginning", function()
    local script, alerts = load(), 0
    for event in mooncrier.events("examples/data/events.jsonl") do
      local body = script:render(event, "alerts")
      if body then
        alerts = alerts + 1
        assert.is_string(body.labels.alertname)
        for _, value in pairs(body.labels) do
          assert.truthy(#value > 0)
        end
        assert.truthy(body.startsAt < body.endsAt)
      end
    end
    assert.equal(182, alerts)
  end)
end)
