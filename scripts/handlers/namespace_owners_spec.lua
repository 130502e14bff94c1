local test = require("mooncrier.test")

describe("handlers/namespace_owners", function()
  local SCRIPT = "handlers/namespace_owners.lua"

  local owners = {
    { "prod-pay*", team = "payments", channel = "#pay" },
    { "prod-*", team = "web" },
  }

  local function annotated(params, namespace, metadata)
    params[1] = SCRIPT
    local outcome = test.run(params, {
      { involvedObject = { kind = namespace and "Pod" or "Node", name = "a", namespace = namespace },
        metadata = metadata },
    })[1]
    return outcome.event:get("metadata", "annotations"), outcome.changed
  end

  it("says whose an event is: the first glob that matches decides", function()
    assert.same({ team = "payments", channel = "#pay" }, annotated({ owners = owners }, "prod-payments"))
    assert.same({ team = "web" }, annotated({ owners = owners }, "prod-web"))
  end)

  it("knows whose nodes are", function()
    assert.same({ ["example.com/team"] = "infra" },
      annotated({ owners = owners, cluster = { team = "infra" }, prefix = "example.com/" }))
    assert.is_nil((annotated({ owners = owners })))
  end)

  it("leaves what the event says itself, and events of nobody", function()
    local annotations, changed = annotated({ owners = owners }, "prod-web",
      { namespace = "prod-web", annotations = { team = "own" } })
    assert.same({ { team = "own" }, false }, { annotations, changed })
    annotations, changed = annotated({ owners = owners }, "prod-payments",
      { namespace = "prod-payments", annotations = { team = "own" } })
    assert.same({ { team = "own", channel = "#pay" }, true }, { annotations, changed })
    annotations, changed = annotated({ owners = owners }, "dev")
    assert.same({ false }, { changed, annotations })
  end)

  it("feeds routes/by_owner_team.lua", function()
    local result = test.run({ { SCRIPT, owners = owners },
      { "routes/by_owner_team.lua", teams = { web = "slack-web" }, others = "archive" } },
      "examples/data/events.jsonl", { sinks = { "slack-web", "archive" } })
    local n = 0
    for _, event in ipairs(test.events("examples/data/events.jsonl")) do
      local namespace = event.involvedObject.namespace
      n = n + ((namespace:find("^prod%-") and not namespace:find("^prod%-pay")) and 1 or 0)
    end
    assert.same({ n, 346 - n }, { #result.sinks["slack-web"], #result.sinks.archive })
    assert.truthy(n > 100)
  end)

  it("says what is wrong with its list", function()
    for _, case in ipairs({
      { { { team = "web" } }, 'owners%[1%] must be { "glob", team = "…" }' },
      { { { "prod-*" } }, "owners%[1%] says nothing about the owner" },
      { { { "prod-*", team = 5 } }, "owners%[1%]: team must be a string, not 5" },
      { { { "prod-*", ["a b"] = "x" } }, 'owners%[1%]: "a b" is no name of an annotation' },
    }) do
      assert.error_matches(function() test.run({ SCRIPT, owners = case[1] }, {}) end, case[2])
    end
  end)
end)
