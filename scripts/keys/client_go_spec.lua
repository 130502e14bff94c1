-- That these are client-go's is proved by the golden vectors (tests/vectors/script_keys.c).

local test = require("mooncrier.test")

describe("keys/client_go", function()
  local event = test.event([[{
    "metadata": { "name": "e" },
    "source": { "component": "kubelet", "host": "node-1" },
    "involvedObject": { "kind": "Pod", "namespace": "prod", "name": "web-1", "uid": "u-1", "apiVersion": "v1",
                        "fieldPath": "spec.containers{app}", "resourceVersion": "7" },
    "type": "Warning", "reason": "BackOff", "message": "restarting", "action": "none",
    "reportingComponent": "rc", "reportingInstance": "ri" }]])

  local function keys_of(event_of, params)
    return test.run("keys/client_go.lua", event_of, { params = params })[1].keys
  end

  it("joins the fields as client-go does", function()
    assert.same({
      aggregate_key = "kubeletnode-1Podprodweb-1u-1v1WarningBackOffrcri",
      local_key = "restarting",
      spam_key = "kubeletnode-1Podprodweb-1u-1v1Warning",
      aggregate_message = "(combined from similar events): restarting",
    }, keys_of(event))
  end)

  it("can put a separator between them", function()
    local keys = keys_of(event, { separator = "/" })
    assert.equal("kubelet/node-1/Pod/prod/web-1/u-1/v1/Warning/BackOff/rc/ri", keys.aggregate_key)
    assert.equal("kubelet/node-1/Pod/prod/web-1/u-1/v1/Warning", keys.spam_key)
  end)

  it("makes keys of an event that has nothing", function()
    local keys = keys_of('{"metadata":{"name":"e"}}')
    assert.same({ "", "" }, { keys.aggregate_key, keys.local_key })
  end)
end)
