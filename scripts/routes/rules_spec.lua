local mooncrier = require("mooncrier")

describe("routes/rules", function()
  local function load(params)
    return mooncrier.load("scripts/routes/rules.lua", params)
  end

  local function event_of(fields)
    fields.involvedObject = fields.involvedObject
      or { kind = "Pod", namespace = "prod", name = "web-0", apiVersion = "v1" }
    fields.metadata = fields.metadata or { name = "e", namespace = "prod" }
    return mooncrier.event(mooncrier.json.encode(fields))
  end

  -- The sinks that a route sends an event to, in one text.
  local function sinks(route, fields)
    local names = {}
    for name in pairs(load({ route = route }):route(event_of(fields))) do
      names[#names + 1] = name
    end
    table.sort(names)
    return table.concat(names, " ")
  end

  local warning = { type = "Warning", reason = "BackOff", message = "Back-off", count = 3,
                    source = { component = "kubelet", host = "node-1" } }

  it("sends where the match rules say that it fits", function()
    local route = { match = { { type = "Warning", sink = "a" }, { type = "Normal", sink = "b" }, { sink = "c" } } }
    assert.equal("a c", sinks(route, warning))
    assert.equal("b c", sinks(route, { type = "Normal" }))
  end)

  it("drops first", function()
    assert.equal("", sinks({ drop = { { reason = "Back" } }, match = { { sink = "a" } } }, warning))
    assert.equal("a", sinks({ drop = { { reason = "^Off" }, { never = true } }, match = { { sink = "a" } } }, warning))
    assert.equal("", sinks({ drop = { {} }, match = { { sink = "a" } } }, warning))
  end)

  it("goes on to the inner routes when all match rules fit", function()
    local function route(second)
      return { match = { { type = "Warning", sink = "a" }, second }, routes = { { match = { { sink = "b" } } } } }
    end
    assert.equal("a b", sinks(route({ kind = "Pod" }), warning))
    assert.equal("a", sinks(route({ kind = "Node" }), warning))
    assert.equal("a", sinks(route({ never = true }), warning))
    assert.equal("b", sinks({ routes = { { match = { { sink = "b" } } } } }, warning))
  end)

  it("wants all conditions of a rule", function()
    local all = { message = "^Back-off$", reason = "Back", type = "W", namespace = "^prod$", kind = "Pod|Node",
                  apiVersion = "^v1$", component = "kubelet", host = "node", min_count = 3, sink = "a" }
    assert.equal("a", sinks({ match = { all } }, warning))
    for name in pairs(all) do
      if name ~= "sink" then
        local but_one = {}
        for key, value in pairs(all) do
          but_one[key] = key == name and (key == "min_count" and 4 or "^nothing$") or value
        end
        assert.equal("", sinks({ match = { but_one } }, warning), name)
      end
    end
  end)

  it("sees labels and annotations that the event has of its object", function()
    local object = { kind = "Pod", name = "web-0", labels = { app = "web" }, annotations = { ["a.b/c"] = "x1" } }
    local fields = { type = "Warning", involvedObject = object }
    assert.equal("a", sinks({ match = { { labels = { app = "^web$" }, sink = "a" } } }, fields))
    assert.equal("a", sinks({ match = { { annotations = { ["a.b/c"] = "x" }, sink = "a" } } }, fields))
    assert.equal("", sinks({ match = { { labels = { app = "web", tier = "" }, sink = "a" } } }, fields))
    assert.equal("", sinks({ match = { { labels = { app = "" }, sink = "a" } } }, warning))
  end)

  it("leaves out what was deleted, is of elsewhere, or too old", function()
    local script = load({ route = {}, namespace = "prod", max_age = "5s" })
    mooncrier.clock(1795410100)
    local function at(t, namespace)
      return script:filter(event_of({ metadata = { name = "e", namespace = namespace or "prod" }, lastTimestamp = t }))
    end
    assert.is_true(at("2026-11-23T05:01:36Z"))
    assert.same({ false, "too old" }, { at("2026-11-23T05:01:34Z") })
    assert.same({ false, "too old" }, { at(nil) })
    assert.same({ false, "of another namespace" }, { at("2026-11-23T05:01:36Z", "dev") })
    assert.same({ false, "deleted" }, { script:filter(mooncrier.event(
      [[{"type":"DELETED","object":{"kind":"Event","metadata":{"name":"e","namespace":"prod"}}}]])) })
  end)

  it("changes events only as it was told to", function()
    local fields = { metadata = { name = "e", managedFields = { { manager = "m" } } } }
    assert.is_nil(load({ route = {} }):handle(event_of(fields)))
    assert.is_nil(load({ route = {}, managed_fields = false }):handle(event_of({})))
    local changed = load({ route = {}, cluster = "prod-1", managed_fields = false }):handle(event_of(fields))
    assert.equal("prod-1", changed:get("clusterName"))
    assert.is_nil(changed:get("metadata", "managedFields"))
    assert.equal("e", changed.metadata.name)
  end)

  it("sends real events by their kind", function()
    local route = { drop = { { type = "Normal" } }, match = { { kind = "^Node$", sink = "nodes" } } }
    local script, n = load({ route = route }), 0
    for event in mooncrier.events("examples/data/events.jsonl") do
      n = n + (script:route(event).nodes and 1 or 0)
    end
    assert.equal(7, n)
  end)

  local mistakes = {
    { { routes = { { drops = {} } } }, "route.routes[1]: a route has no 'drops'" },
    { { match = { { reson = "x" } } }, "route.match[1]: a rule has no 'reson'" },
    { { match = { { reason = "(" } } }, "route.match[1].reason: " },
    { { match = { { reason = 3 } } }, "route.match[1].reason: a regular expression is a string" },
    { { match = { { labels = "x" } } }, "route.match[1].labels: a table" },
    { { drop = "x" }, "route.drop is a list" },
    { { match = { { min_count = "x" } } }, "route.match[1].min_count is a number" },
  }
  for _, case in ipairs(mistakes) do
    it("says: " .. case[2], function()
      local ok, message = pcall(load, { route = case[1] })
      assert.is_false(ok)
      assert.matches(case[2], message, 1, true)
    end)
  end
end)
