-- That these are client-go's is proved by the golden vectors (tests/vectors/script_keys.c).

local mooncrier = require("mooncrier")

describe("keys/client_go", function()
  local event = mooncrier.event([[{
    "metadata": { "name": "e" },
    "source": { "component": "kubelet", "host": "node-1" },
    "involvedObject": { "kind": "Pod", "namespace": "prod", "name": "web-1", "uid": "u-1", "apiVersion": "v1",
                        "fieldPath": "spec.containers{app}", "resourceVersion": "7" },
    "type": "Warning", "reason": "BackOff", "message": "restarting", "action": "none",
    "reportingComponent": "rc", "reportingInstance": "ri" }]])

  it("joins the fields as client-go does", function()
    local script = mooncrier.load("scripts/keys/client_go.lua")
    assert.equal("kubeletnode-1Podprodweb-1u-1v1WarningBackOffrcri", script:aggregate_key(event))
    assert.equal("restarting", script:local_key(event))
    assert.equal("kubeletnode-1Podprodweb-1u-1v1Warning", script:spam_key(event))
    assert.equal("(combined from similar events): restarting", script:aggregate_message(event))
  end)

  it("can put a separator between them", function()
    local script = mooncrier.load("scripts/keys/client_go.lua", { separator = "/" })
    assert.equal("kubelet/node-1/Pod/prod/web-1/u-1/v1/Warning/BackOff/rc/ri", script:aggregate_key(event))
    assert.equal("kubelet/node-1/Pod/prod/web-1/u-1/v1/Warning", script:spam_key(event))
  end)

  it("makes keys of an event that has nothing", function()
    local script = mooncrier.load("scripts/keys/client_go.lua")
    local empty = mooncrier.event('{"metadata":{"name":"e"}}')
    assert.equal("", script:aggregate_key(empty))
    assert.equal("", script:local_key(empty))
  end)
end)
