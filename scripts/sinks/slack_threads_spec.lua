local ffi = require("ffi")
local mooncrier = require("mooncrier")

ffi.cdef([[int setenv(const char *, const char *, int); int unsetenv(const char *);]])

-- `curl` is a script that answers as Slack would and writes down what it was asked.
describe("sinks/slack_threads", function()
  local dir, sink

  local function read(path)
    local file = assert(io.open(path))
    local text = file:read("*a")
    file:close()
    return text
  end

  local function write(path, text)
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
  end

  local function load(params)
    local given = { channel = "#oncall", cluster = "prod-1" }
    for name, value in pairs(params or {}) do
      given[name] = value
    end
    return mooncrier.load_sink("scripts/sinks/slack_threads.lua", given, { "io", "os" })
  end

  -- The requests so far, their bodies decoded.
  local function requests()
    local list = {}
    for line in io.lines(dir .. "/bodies") do
      list[#list + 1] = mooncrier.json.decode(line)
    end
    return list
  end

  local function answer(text)
    write(dir .. "/answer", text)
  end

  setup(function()
    dir = os.tmpname()
    os.remove(dir)
    os.execute("mkdir " .. dir)
    write(dir .. "/curl", ([[#!/bin/sh
for a; do
  case $a in @*) cat "${a#@}" >>DIR/bodies; echo >>DIR/bodies ;; esac
done
cat /dev/fd/3 >DIR/config
printf %s "$*" >DIR/arguments
cat DIR/answer
]]):gsub("DIR", dir))
    os.execute("chmod +x " .. dir .. "/curl")
  end)

  teardown(function()
    os.execute("rm -r " .. dir)
  end)

  local n = 0

  before_each(function()
    n = n + 1
    write(dir .. "/bodies", "")
    answer('{"ok":true,"ts":"1795.1"}\n200')
    sink = load({ channel = "#oncall" .. n })
  end)

  -- What scripts run finds this curl first, and this token.
  local function with_curl(inside)
    local path = os.getenv("PATH")
    ffi.C.setenv("PATH", dir .. ":" .. path, 1)
    ffi.C.setenv("SLACK_TOKEN", "xoxb-1", 1)
    local ok, message = pcall(inside)
    ffi.C.setenv("PATH", path, 1)
    ffi.C.unsetenv("SLACK_TOKEN")
    assert(ok, message)
  end

  local function event(reason, pod, fields)
    local all = { reason = reason, type = "Warning", message = "it is <bad> & worse",
                  involvedObject = { kind = "Pod", namespace = "prod", name = pod } }
    local made = mooncrier.event(all)
    return fields and made:with(fields) or made
  end

  it("answers in the thread of the first message of a workload", function()
    with_curl(function()
      assert.is_nil(sink:write(event("BackOff", "web-0")))
      assert.is_nil(sink:write(event("Unhealthy", "web-1")))
      assert.is_nil(sink:write(event("BackOff", "db-0")))
    end)
    local list = requests()
    assert.same({ channel = "#oncall" .. n, unfurl_links = false, unfurl_media = false,
                  text = "*Warning* BackOff: Pod web-0\ncluster prod-1, namespace prod\n"
                    .. "```it is &lt;bad&gt; &amp; worse```" }, list[1])
    assert.same({ "1795.1", "*Warning* Unhealthy: Pod web-1\n```it is &lt;bad&gt; &amp; worse```" },
      { list[2].thread_ts, list[2].text })
    assert.is_nil(list[3].thread_ts)
    assert.equal('header = "Authorization: Bearer xoxb-1"\n', read(dir .. "/config"))
    assert.is_nil(read(dir .. "/arguments"):find("xoxb", 1, true))
    assert.truthy(read(dir .. "/arguments"):find("https://slack.com/api/chat.postMessage", 1, true))
  end)

  it("has a thread for each incident", function()
    with_curl(function()
      sink:write(event("IncidentOpened", "web", { incident = "prod/web@1" }))
      sink:write(event("BackOff", "other-name", { incident = "prod/web@1" }))
      sink:write(event("IncidentOpened", "web", { incident = "prod/web@2" }))
    end)
    local list = requests()
    assert.same({ false, "1795.1", false },
      { list[1].thread_ts or false, list[2].thread_ts, list[3].thread_ts or false })
  end)

  it("goes on in its threads after a reload", function()
    with_curl(function()
      sink:write(event("BackOff", "web-0"))
      load({ channel = "#oncall" .. n }):write(event("BackOff", "web-0"))
    end)
    assert.equal("1795.1", requests()[2].thread_ts)
  end)

  for _, case in ipairs({
    { '{"ok":false,"error":"ratelimited"}\n429', "retry", "Slack: ratelimited" },
    { '{"ok":false,"error":"channel_not_found"}\n200', false, "Slack: channel_not_found" },
    { "\n000", "retry", "Slack answered with status 000 and no JSON" },
    { "502\n502", "retry", "Slack answered with status 502 and no JSON" },
    { '{"ok":false,"error":"rate_limited"}\n429', "retry", "Slack: rate_limited" },
    { "<html>502</html>\n502", "retry", "Slack answered with status 502 and no JSON" },
  }) do
    it("takes for an answer: " .. case[1]:gsub("\n", " "), function()
      answer(case[1])
      with_curl(function()
        assert.same({ case[2], case[3] }, { sink:write(event("BackOff", "web-0")) })
      end)
    end)
  end

  it("begins anew when the thread was deleted", function()
    with_curl(function()
      sink:write(event("BackOff", "web-0"))
      answer('{"ok":false,"error":"thread_not_found"}\n200')
      assert.same({ "retry", "the thread is gone" }, { sink:write(event("BackOff", "web-0")) })
      answer('{"ok":true,"ts":"1795.2"}\n200')
      assert.is_nil(sink:write(event("BackOff", "web-0")))
    end)
    assert.is_nil(requests()[3].thread_ts)
  end)

  it("posts real events as they are, cut where Slack would", function()
    with_curl(function()
      local events = mooncrier.events("examples/data/events.jsonl")
      for _ = 1, 5 do
        assert.is_nil(sink:write(events()))
      end
      sink:write(event("BackOff", "web-0", { message = ("é"):rep(5000) }))
    end)
    local list = requests()
    assert.equal(6, #list)
    assert.truthy(list[1].text:find("^%*Warning%* KubeAPIReadyz: Namespace openshift%-kube%-apiserver\n"))
    assert.truthy(list[6].text:find("é…```$"))
    assert.truthy(#list[6].text < 2200)
  end)

  it("says what it needs", function()
    assert.error_matches(function() load({ url = "https://x/'; rm -rf /" }) end, "'url' must be http")
    assert.error_matches(function() load({ token_env = "A;B" }) end, "'token_env' must be the name")
    assert.same({ false, "the environment variable NO_SUCH_TOKEN with Slack's token is not set" },
      { load({ token_env = "NO_SUCH_TOKEN" }):open() })
  end)
end)
