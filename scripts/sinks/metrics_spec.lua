local mooncrier = require("mooncrier")

describe("sinks/metrics", function()
  local path

  before_each(function()
    path = os.tmpname()
    mooncrier.clock(1000)
  end)

  after_each(function()
    os.execute("rm -rf " .. path .. " " .. path .. ".part")
  end)

  local function load(more, allow)
    local given = { file = path }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    return mooncrier.load_sink("scripts/sinks/metrics.lua", given, allow or { "io", "os" })
  end

  local function open(more)
    local sink = load(more)
    assert.is_nil(sink:open())
    return sink
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
    return mooncrier.event(event)
  end

  it("writes counters that Prometheus can read", function()
    local sink = open({ cluster = "c1" })
    sink:write(of("BackOff", { count = 3, type = "Warning", lastTimestamp = "2026-11-23T05:00:00Z" }))
    sink:write(of('a "b"\\\n'))
    sink:write(of("Pulled"))
    sink:write(mooncrier.event([[{"type":"DELETED","object":{"kind":"Event","metadata":{"name":"e"},"count":5,
      "involvedObject":{"kind":"Pod","name":"p"}}}]]))
    assert.equal("", written())
    mooncrier.clock(1014)
    sink:tick(1014)
    assert.equal("", written())
    sink:tick(1015)
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
    sink:write(of("Pulled"))
    sink:tick(1029)
    assert.truthy(written():find('reason="Pulled",type="Normal"} 1\n', 1, true))
    sink:close()
    assert.truthy(written():find('reason="Pulled",type="Normal"} 2\n', 1, true))
  end)

  it("goes on with what is in the file, once the script before it has ended", function()
    local function send(sink, reason)
      sink:write(of(reason, { lastTimestamp = "2026-11-23T05:00:00Z" }))
    end
    local reason, more = '{x="1"} 5', { cluster = "c 1", max_series = 3 }
    local old = open(more)
    send(old, reason)
    local new = open(more)
    for _, one in ipairs({ reason, "b", "c", "d", "e" }) do
      send(old, one)
    end
    old:close()
    local before = written()
    for _, one in ipairs({ reason, "b", "c", "d", "f" }) do
      new:write(of(one))
    end
    new:close()
    local after = written()
    assert.truthy(after:find('reason="{x=\\"1\\"} 5",type="Normal"} 3\n', 1, true), after)
    assert.truthy(after:find('reason="b",type="Normal"} 2\n', 1, true))
    assert.truthy(after:find('type="(other)"} 4\n', 1, true))
    assert.truthy(after:find('other_total{cluster="c 1"} 4\n', 1, true))
    assert.truthy(after:find("seconds{cluster=\"c 1\"} 1795410000\n", 1, true))
    assert.equal(select(2, before:gsub("\n", "")), select(2, after:gsub("\n", "")))
  end)

  it("does not mix counters of other labels", function()
    for _, more in ipairs({ { labels = "reason" }, { cluster = "a" }, { cluster = "b" }, {} }) do
      local sink = open(more)
      sink:write(of("Pulled"))
      sink:close()
      assert.equal(1, select(2, written():gsub("\nkubernetes_events_total{[^\n]*} 1\n", "")))
      assert.equal(1, select(2, written():gsub("kubernetes_events_total{", "")))
    end
  end)

  it("has the labels that it is told", function()
    local sink = open({ labels = { "workload", "host", "component", "name" } })
    sink:write(of("Pulled", { source = { component = "kubelet", host = "n1" } }))
    sink:write(of("Pulled", { source = { component = "" }, reportingComponent = "me" }))
    sink:close()
    assert.truthy(written():find('{workload="web",host="n1",component="kubelet",name="web-0"} 1', 1, true))
    assert.truthy(written():find('{workload="web",host="",component="me",name="web-0"} 1', 1, true))
    assert.error_matches(function() load({ labels = { "pod" } }) end, 'there is no label "pod"')
  end)

  it("counts what there is no room for together", function()
    local sink = open({ labels = { "reason" }, max_series = 2 })
    for _, reason in ipairs({ "A", "B", "C", "D", "A", "C" }) do
      sink:write(of(reason))
    end
    sink:close()
    local text = written()
    assert.truthy(text:find('{reason="%(other%)"} 3\n.-{reason="A"} 2\n.-{reason="B"} 1\n'))
    assert.truthy(text:find("\nkubernetes_events_other_total 3\n"))
    assert.is_nil(text:find('"C"'))
  end)

  it("goes on when the file cannot be written for a while", function()
    os.execute("rm " .. path .. " && mkdir " .. path)
    local sink = open()
    sink:write(of("Pulled"))
    sink:tick(1015)
    sink:tick(1030)
    os.execute("rmdir " .. path)
    sink:write(of("Pulled"))
    sink:tick(1045)
    assert.truthy(written():find('reason="Pulled",type="Normal"} 2\n', 1, true))
  end)

  it("says what it may not do", function()
    local sink = load(nil, {})
    assert.same({ false, 'it writes a file: allow = { "io", "os" } beside its path lets it' }, { sink:open() })
    -- As root it would have replaced the device.
    for _, device in ipairs({ "/dev/null", "//dev/stdout", "/proc/self/fd/1" }) do
      assert.error_matches(function() load({ file = device }) end, "must be a regular file")
    end
  end)

  it("adds up to the occurrences of real events", function()
    local sink = open()
    local told = 0
    for event in mooncrier.events("examples/data/troubles.jsonl") do
      told = told + event.delta
      sink:write(event)
    end
    sink:close()
    local sum, lines = 0, 0
    for n in written():gmatch("\nkubernetes_events_total{[^\n]*} (%d+)") do
      sum, lines = sum + n, lines + 1
    end
    assert.equal(told, sum)
    assert.truthy(lines > 40)
  end)
end)
