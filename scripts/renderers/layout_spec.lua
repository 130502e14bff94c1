local mooncrier = require("mooncrier")

describe("renderers/layout", function()
  local function rendered(params, fields)
    local event = mooncrier.event(mooncrier.json.encode(fields or {
      metadata = { name = "e", labels = { app = "web" } }, type = "Warning", reason = "BackOff", message = "say \"no\"",
      count = 3, firstTimestamp = "2026-11-23T05:01:40Z",
    }))
    return mooncrier.load("scripts/renderers/layout.lua", params):render(event, "sink")
  end

  it("fills templates in tables and lists", function()
    assert.same({ text = "BackOff: say \"no\"", at = { count = "3", list = { "a", "Warning" } }, n = 5, yes = true },
      (rendered({ layout = { text = "{{reason}}: {{message}}", at = { count = "{{count}}", list = { "a", "{{type}}" } },
        n = 5, yes = true } })))
  end)

  it("knows the exporter's times, and the event as a whole", function()
    local body = rendered({ layout = { ms = "{{timestampMs}}", iso = "at {{ timestampISO }}!", all = "{{event}}" } })
    assert.equal("1795410100000", body.ms)
    assert.equal("at 2026-11-23T05:01:40.000Z!", body.iso)
    assert.equal("BackOff", mooncrier.json.decode(body.all).reason)
    local none = rendered({ layout = { "{{timestampMs}}" } }, { eventTime = "2026-11-23T05:01:40.250000Z" })
    assert.equal("1795410100250", none[1])
  end)

  it("makes headers", function()
    local body, options = rendered({ layout = {}, headers = { ["X-Reason"] = "{{reason | upper}}" } })
    assert.same({}, body)
    assert.same({ headers = { ["X-Reason"] = "BACKOFF" } }, options)
  end)

  it("leaves the body to the sink without a layout", function()
    local body, options = rendered({ headers = { A = "b" } })
    assert.is_nil(body)
    assert.same({ headers = { A = "b" } }, options)
  end)

  it("renders a real event", function()
    local script = mooncrier.load("scripts/renderers/layout.lua", { layout = { "{{reason}} {{involvedObject.name}}" } })
    assert.same({ "KubeAPIReadyz openshift-kube-apiserver" }, (script:render(
      mooncrier.events("examples/data/events.jsonl")(), "sink")))
  end)

  it("says where a template is wrong", function()
    local ok, message = pcall(rendered, { layout = { a = { "{{resaon}}" } } })
    assert.is_false(ok)
    assert.matches("layout.a.1: template:1:3: no field 'resaon'", message, 1, true)
  end)
end)
