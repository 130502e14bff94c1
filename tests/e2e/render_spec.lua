-- Render hooks and the shipped renderers, from `mooncrier run` to somebody's server.

local h = require("tests.e2e.harness")
local received = require("tests.e2e.received")

describe("a renderer", function()
  local place, server

  before_each(function() place = h.place() end)

  after_each(function()
    if server then server:stop() end
    server = nil
    place:remove()
  end)

  -- Runs the program with this script against a server that takes all.
  local function run(script, options)
    server = received.start(place)
    return server:run(options, { script = script })
  end

  local function write_events(...)
    place:write("events.jsonl", table.concat({ ... }, "\n") .. "\n")
  end

  it("sends what a script of the user's renders, where it says", function()
    place:write("mine.lua", [[
      return {
        render = function(event, sink)
          if event.reason == "Quiet" then return false end
          if event.reason == "Plain" then return nil end
          return { of = sink, name = event.metadata.name },
            { method = "PUT", headers = { ["X-Reason"] = event.reason } }
        end,
      }]])
    local plain = h.event("two", { reason = "Plain" })
    write_events(h.event("one"), plain, h.event("three", { reason = "Quiet" }))
    local result, sink = run([["mine.lua"]], "max_in_flight = 1")
    assert.equal(0, result.code)
    assert.same({ 3, 2, 1 }, { sink.assigned, sink.delivered, sink.suppressed })
    local got = server:requests()
    assert.same({ "PUT", '{"name":"one","of":"hook"}', "BackOff" },
      { got[1].method, got[1].body, got[1].headers["x-reason"] })
    assert.same({ "POST", plain }, { got[2].method, got[2].body })
  end)

  it("keeps an event whose rendering failed", function()
    place:write("mine.lua", [[return { render = function(event) error("no " .. event.reason, 0) end }]])
    write_events(h.event("one"))
    local result, sink = run([["mine.lua"]], "max_in_flight = 1")
    assert.equal(1, result.code)
    assert.same({ 0, 1 }, { sink.delivered, sink.dead_lettered })
    assert.truthy(place:read("dead.jsonl"):find("no BackOff", 1, true))
    assert.same({}, server:requests())
  end)

  -- Renderer, options beside it, Content-Type, how many of the three events go where, how many
  -- requests; whether the bodies are what the server wants is told by `check`.
  local cases = {
    {
      render = [["renderers/slack.lua"]], type = "application/json", delivered = 3, requests = 3,
      check = function(body) assert.equal("*Warning* BackOff: Pod web-0", h.decode(body).text) end,
    },
    {
      render = [["renderers/alertmanager.lua"]], type = "application/json",
      options = "batch = { events = 64, wait = '30s' }",
      delivered = 2, suppressed = 1, requests = 1,
      check = function(body)
        local alerts = h.decode(body)
        assert.equal(2, #alerts)
        assert.equal("BackOff", alerts[1].labels.alertname)
        assert.equal("2026-11-23T05:06:00Z", alerts[2].endsAt)
      end,
    },
    {
      render = [[{ "renderers/loki.lua", line = "{{metadata.name}}" }]], type = "application/json",
      options = [[batch = { events = 64, wait = '30s', prefix = '{"streams":[', suffix = "]}" }]],
      delivered = 3, requests = 1,
      check = function(body)
        local streams = h.decode(body).streams
        assert.equal(3, #streams)
        assert.same({ "1795410060000000000", "one" }, { unpack(streams[1].values[1], 1, 2) })
      end,
    },
    {
      render = [["renderers/elasticsearch.lua"]],
      options = [[batch = { events = 64, wait = '30s', format = "ndjson" }]],
      type = "application/x-ndjson", delivered = 3, requests = 1,
      check = function(body)
        local lines = h.lines(body)
        assert.equal(6, #lines)
        assert.equal("\n", body:sub(-1))
        assert.same({ index = { _index = "kubernetes-events", _id = "default/one" } }, h.decode(lines[1]))
        assert.equal("three", h.decode(lines[6]).metadata.name)
      end,
    },
    {
      render = [["renderers/cloudevents.lua"]], type = "application/cloudevents+json", delivered = 3, requests = 3,
      check = function(body) assert.equal("1.0", h.decode(body).specversion) end,
    },
    {
      render = [[{ "renderers/cloudevents.lua", batch = true }]], options = "batch = { events = 2, wait = '30s' }",
      type = "application/cloudevents-batch+json", delivered = 3, requests = 2,
      check = function(body) assert.equal("Pod/default/web-0", h.decode(body)[1].subject) end,
    },
  }

  for _, case in ipairs(cases) do
    it("sends what the renderer " .. case.render .. " makes", function()
      write_events(h.event("one"), h.event("two"),
        h.event("three", case.suppressed and { type = "Normal" } or {}))
      local result, sink = run(case.render, "max_in_flight = 1, " .. (case.options or ""))
      assert.equal(0, result.code, result.err)
      assert.same({ case.delivered, case.suppressed or 0 }, { sink.delivered, sink.suppressed })
      local got = server:requests()
      assert.equal(case.requests, #got)
      for _, request in ipairs(got) do
        assert.equal(case.type, request.headers["content-type"])
        case.check(request.body)
      end
    end)
  end
end)
