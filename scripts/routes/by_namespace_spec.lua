local mooncrier = require("mooncrier")

describe("routes/by_namespace", function()
  local function load(params)
    return mooncrier.load("scripts/routes/by_namespace.lua", params)
  end

  it("takes the first route whose glob matches", function()
    local script = load({
      routes = { { "prod-payments", "pager" }, { "prod-*", "pager", "archive" }, { "dev-*" } },
      default = "archive",
    })
    local function route(namespace)
      return script:route(mooncrier.event({
        involvedObject = { kind = "Pod", name = "a", namespace = namespace },
      }))
    end
    assert.same({ "pager" }, route("prod-payments"))
    assert.same({ "pager", "archive" }, route("prod-web"))
    assert.same({}, route("dev-alice"))
    assert.same({ "archive" }, route("kube-system"))
  end)

  it("sends other namespaces to all sinks without a default", function()
    local script = load({ routes = { { "prod-*", "pager" } } })
    local n = 0
    for event in mooncrier.events("examples/data/events.jsonl") do
      local sinks = script:route(event)
      assert.same(event.metadata.namespace:find("^prod%-") and { "pager" } or nil, sinks)
      n = n + 1
    end
    assert.equal(346, n)
  end)

  for _, case in ipairs({
    { nil, "parameter 'routes' is missing: a table" },
    { { routes = { "prod-*" } }, "routes[1] must be a list { \"glob\", \"sink\", … }" },
    { { routes = { { "a" }, { 5 } } }, "routes[2] must be a list" },
    { { routes = { { "[" } } }, "glob \"[\": '[' without ']'" },
    { { routes = {}, defualt = "x" }, "unknown parameter 'defualt'; did you mean 'default'?" },
  }) do
    it("refuses: " .. case[2], function()
      local ok, message = pcall(load, case[1])
      assert.is_false(ok)
      assert.truthy(message:find(case[2], 1, true), message)
    end)
  end
end)
