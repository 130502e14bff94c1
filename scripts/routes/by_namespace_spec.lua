local test = require("mooncrier.test")

describe("routes/by_namespace", function()
  local function run(params, events)
    return test.run("routes/by_namespace.lua", events, { params = params, sinks = { "archive", "pager" } })
  end

  for namespace, sinks in pairs({ ["prod-payments"] = { "pager" }, ["prod-web"] = { "archive", "pager" },
                                  ["dev-alice"] = {}, ["kube-system"] = { "archive" } }) do
    it("takes the first route whose glob matches: " .. namespace, function()
      local params = { routes = { { "prod-payments", "pager" }, { "prod-*", "pager", "archive" }, { "dev-*" } },
                       default = "archive" }
      assert.same(sinks, run(params, { involvedObject = { namespace = namespace } })[1].sinks)
    end)
  end

  it("sends other namespaces to all sinks without a default", function()
    local result = run({ routes = { { "prod-*", "pager" } } }, "examples/data/events.jsonl")
    for _, outcome in ipairs(result) do
      local is_prod = outcome.event.metadata.namespace:find("^prod%-")
      assert.same(is_prod and { "pager" } or { "archive", "pager" }, outcome.sinks)
    end
    assert.equal(346, #result)
  end)

  for _, case in ipairs({
    { nil, "parameter 'routes' is missing: a table" },
    { { routes = { "prod-*" } }, "routes[1] must be a list { \"glob\", \"sink\", … }" },
    { { routes = { { "a" }, { 5 } } }, "routes[2] must be a list" },
    { { routes = { { "[" } } }, "glob \"[\": '[' without ']'" },
    { { routes = {}, defualt = "x" }, "unknown parameter 'defualt'; did you mean 'default'?" },
  }) do
    it("refuses: " .. case[2], function()
      local ok, message = pcall(run, case[1], {})
      assert.is_false(ok)
      assert.truthy(message:find(case[2], 1, true), message)
    end)
  end
end)
