local mooncrier = require("mooncrier")

local json = mooncrier.json

describe("renderers/loki", function()
  local function load(params)
    return mooncrier.load("scripts/renderers/loki.lua", params)
  end

  it("makes a stream of a real event", function()
    local event = mooncrier.events("examples/data/events.jsonl")()
    local body, options = load({ line = "{{reason}} {{message}}" }):render(event, "loki")
    assert.is_nil(options)
    assert.equal('{"stream":{"job":"kubernetes-events","kind":"Namespace","namespace":"default","type":"Warning"},'
      .. '"values":[["1795410100000000000","KubeAPIReadyz readyz=true",{"component":"apiserver","count":"1",'
      .. '"host":"vm","name":"openshift-kube-apiserver","reason":"KubeAPIReadyz"}]]}', json.encode(body))
  end)

  it("has the event's JSON as line, without metadata when told so, and more labels", function()
    local event = mooncrier.events("examples/data/events.jsonl")()
    local body = load({ metadata = false, labels = { cluster = "prod-1", kind = "" }, job = "k8s" }):render(event)
    assert.same({ cluster = "prod-1", namespace = "default", job = "k8s", type = "Warning" }, body.stream)
    assert.same({ { "1795410100000000000", json.encode(event) } }, body.values)
  end)

  for _, case in ipairs({
    { '"lastTimestamp":"2026-11-23T05:01:40Z"', "1795410100000000000" },
    { '"eventTime":"2026-11-23T05:01:40.123456Z"', "1795410100123456000" },
    { '"eventTime":"2026-11-23T05:01:40.000001+01:00"', "1795406500000001000" },
    { '"series":{"count":2,"lastObservedTime":"2026-11-23T05:01:41.5Z"},"eventTime":"2026-11-23T05:01:40.123456Z"',
      "1795410101500000000" },
    { '"reason":"no time"', "1795000000000000000" },
  }) do
    it("tells the nanoseconds of " .. case[1], function()
      mooncrier.clock(1795000000)
      local event = mooncrier.event(([[{"metadata":{"name":"e"},"involvedObject":{"kind":"Pod"},%s}]]):format(case[1]))
      assert.equal(case[2], load():render(event, "loki").values[1][1])
    end)
  end

  it("leaves deleted events out and refuses labels that Loki would", function()
    local deleted = mooncrier.event('{"type":"DELETED","object":{"kind":"Event","metadata":{"name":"e"}}}')
    assert.is_false((load():render(deleted, "loki")))
    assert.has_error(function() load({ labels = { ["a.b"] = "x" } }) end,
      "labels: 'a.b' is no name of a label: letters, digits and _")
  end)
end)
