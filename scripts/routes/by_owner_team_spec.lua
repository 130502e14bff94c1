local test = require("mooncrier.test")

describe("routes/by_owner_team", function()
  local function route(params, metadata)
    local options = { params = params, sinks = { "archive", "pager", "slack-web" } }
    return test.run("routes/by_owner_team.lua", { metadata = metadata }, options)[1].sinks
  end

  local teams = { web = "slack-web", db = { "pager", "archive" } }

  it("goes by the team's label", function()
    assert.same({ "slack-web" }, route({ teams = teams }, { labels = { team = "web" } }))
    assert.same({ "archive", "pager" }, route({ teams = teams }, { labels = { team = "db" } }))
  end)

  it("takes an annotation where there is no label", function()
    assert.same({ "slack-web" }, route({ teams = teams }, { annotations = { team = "web" } }))
    assert.same({ "slack-web" },
      route({ teams = teams }, { labels = { team = "web" }, annotations = { team = "db" } }))
  end)

  it("can be given the label", function()
    local metadata = { labels = { team = "db", ["example.com/owner"] = "web" } }
    assert.same({ "slack-web" }, route({ teams = teams, label = "example.com/owner" }, metadata))
  end)

  it("sends the rest to others, else to all", function()
    assert.same({ "archive" }, route({ teams = teams, others = "archive" }, {}))
    assert.same({ "archive" }, route({ teams = teams, others = "archive" }, { labels = { team = "hr" } }))
    assert.same({ "archive", "pager", "slack-web" }, route({ teams = teams }, { labels = { team = "hr" } }))
  end)

  it("says what is wrong with teams", function()
    assert.error_matches(function() route({}, {}) end, "teams")
    assert.error_matches(function() route({ teams = { web = 5 } }, {}) end, "'web'.* a sink or a list of sinks")
    assert.error_matches(function() route({ teams = { "slack" } }, {}) end, "the keys are names of teams, not 1")
  end)
end)
