local test = require("mooncrier.test")

describe("handlers/metrics", function()
  local path

  before_each(function()
    path = os.tmpname()
  end)

  after_each(function()
    os.remove(path)
  end)

  local function script(more)
    local s = { "handlers/metrics.lua", file = path, allow = { "io", "os" } }
    for name, value in pairs(more or {}) do
      s[name] = value
    end
    return s
  end

  local function written()
    local file = assert(io.open(path))
    local text = file:read("*a")
    file:close()
    return text
  end

  local function of(reason, fields)
    local event = { reason = reason, type = "Normal",
                    involvedObject = { kind = "Pod", namespace = "prod", name = "web-0" } }
    for name, value in pairs(fields or {}) do
      event[name] = value
    end
    return event
  end

  it("writes counters that Prometheus can read", function()
    local result = test.run(script({ cluster = "c1" }), {
      of("BackOff", { count = 3, type = "Warning", lastTimestamp = "2026-11-23T05:00:00Z" }),
      of('a "b"\\\n'), of("Pulled"), of("Pulled", { change = "deleted" }),
    })
    assert.equal(table.concat({
      "# HELP kubernetes_events_total Occurrences of Kubernetes events.",
      "# TYPE kubernetes_events_total counter",
      'kubernetes_events_total{cluster="c1",namespace="prod",kind="Pod",reason="BackOff",type="Warning"} 3',
      'kubernetes_events_total{cluster="c1",namespace="prod",kind="Pod",reason="Pulled",type="Normal"} 1',
      'kubernetes_events_total{cluster="c1",namespace="prod",kind="Pod",reason="a \\"b\\"\\\\\\n",type="Normal"} 1',
      "# HELP kubernetes_events_other_total Those without labels of their own, for lack of room.",
      "# TYPE kubernetes_events_other_total counter",
      'kubernetes_events_other_total{cluster="c1"} 0',
      "# HELP kubernetes_events_newest_timestamp_seconds Time of the newest event.",
      "# TYPE kubernetes_events_newest_timestamp_seconds gauge",
      'kubernetes_events_newest_timestamp_seconds{cluster="c1"} 1795410000',
      "",
    }, "\n"), written())
    assert.equal(4, result.passed)
  end)

  it("has the labels that it is told, and keeps counting over a reload", function()
    local watcher = test.start(script({ labels = { "workload", "host", "component", "name" } }))
    watcher:send(of("Pulled", { source = { component = "kubelet", host = "n1" } }))
    watcher:reload()
    watcher:send(of("Pulled", { source = { component = "kubelet", host = "n1" }, metadata = { name = "other" } }))
    test.advance("16s")
    assert.truthy(written():find('kubernetes_events_total{workload="web",host="n1",component="kubelet",name="web-0"} 2',
      1, true))
    watcher:stop()
    assert.error_matches(function() test.run(script({ labels = { "pod" } }), {}) end, 'there is no label "pod"')
  end)

  it("counts what there is no room for together", function()
    test.run(script({ labels = { "reason" }, max_series = 2 }),
      { of("A"), of("B"), of("C", { count = 2 }), of("D"), of("A", { metadata = { name = "a2" } }) })
    local text = written()
    assert.truthy(text:find('{reason="A"} 2\n.-{reason="B"} 1\n'))
    assert.truthy(text:find('{reason="%(other%)"} 3\n'))
    assert.truthy(text:find("\nkubernetes_events_other_total 3\n"))
    assert.is_nil(text:find('"C"'))
  end)

  it("says once what is wrong with the file, and that it may not write", function()
    local watcher = test.start(script({ file = "/nowhere/events.prom" }))
    test.advance("1m")
    local log = watcher:stop().log
    assert.same({ 1, "error", "metrics: /nowhere/events.prom.part: No such file or directory" },
      { #log, log[1].level, log[1].text })
    os.execute("rm -f " .. path .. "; mkdir " .. path)
    watcher = test.start(script({ file = path })) -- it is a folder: nothing can be moved there
    test.advance("1m")
    assert.equal(1, #watcher:stop().log)
    os.execute("rmdir " .. path .. "; rm -f " .. path .. ".part")
    -- As root it would have replaced the device.
    for _, device in ipairs({ "/dev/null", "//dev/stdout", "/proc/self/fd/1" }) do
      assert.error_matches(function() test.run(script({ file = device }), {}) end, "must be a regular file")
    end
    local hooks = require("mooncrier").load("scripts/handlers/metrics.lua", { file = path })
    assert.same({ false, 'it writes a file: allow = { "io", "os" } beside its path lets it' }, { hooks:self_test() })
    hooks = require("mooncrier").load("scripts/handlers/metrics.lua", { file = path }, { "io", "os" })
    assert.is_nil(hooks:self_test())
  end)

  it("adds up to the occurrences of real events", function()
    local result = test.run(script(), "examples/data/troubles.jsonl")
    local sum, lines = 0, 0
    for n in written():gmatch("\nkubernetes_events_total{[^\n]*} (%d+)") do
      sum, lines = sum + n, lines + 1
    end
    local told = 0
    for _, outcome in ipairs(result) do
      told = told + outcome.input.delta
    end
    assert.equal(told, sum)
    assert.truthy(lines > 40)
  end)
end)
