-- Requests over HTTP to a running program, with curl.
local h = require("tests.e2e.harness")

describe("admin requests over HTTP", function()
  local place, running
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local function config(admin)
    place:write("mooncrier.lua", ([[return {
  sources = { { kind = "jsonl", path = "in.jsonl", follow = true } },
  sinks = { out = { kind = "file", path = "out.jsonl" } },
  watchers = { { name = "w", script = "s.lua", sinks = { "out" } } },
  reload = { watch = false },
  %s
}]]):format(admin))
  end

  local url
  local function start(admin)
    config(admin or 'admin = { listen = "127.0.0.1:0" },')
    place:write("s.lua", "return { handle = function(event) return event end }")
    place:write("in.jsonl", h.event("a") .. "\n")
    running = place:start({ "run", "-o", "json" })
    url = h.eventually("it listens", function()
      return (running:err() or ""):match("admin requests are taken at (http://%S+)\n")
    end)
  end

  -- Status and body.
  local function ask(path, flags)
    local text = place:shell(("curl -s -m 20 -w '\\n%%{http_code}' %s %s%s"):format(flags or "", url, path))
    local body, code = text:match("^(.*)\n(%d+)$")
    return tonumber(code), body
  end

  it("tell whether it works and takes events", function()
    start()
    assert.same({ 200, "ok\n" }, { ask("/-/healthy") })
    assert.same({ 200, "ok\n" }, { ask("/-/ready") })
    assert.same({ 200, "" }, { ask("/-/healthy", "-I -o /dev/null") })
    assert.equal(404, (ask("/-/nothing")))
    assert.same({ 405, "only POST here\n" }, { ask("/-/reload") })
    assert.same({ 405, "only GET here\n" }, { ask("/-/status", "-X POST") })
  end)

  it("are answered 503 while it drains", function()
    place:write("slow.lua", "return { handle = function() log.info('%s', 'slow') while true do end end }")
    config('admin = { listen = "127.0.0.1:0" }, limits = { deadline = "5s" },')
    place:write("s.lua", place:read("slow.lua"))
    place:write("in.jsonl", h.event("a") .. "\n")
    running = place:start({ "run", "-o", "json" })
    url = h.eventually("it listens", function()
      return (running:err() or ""):match("admin requests are taken at (http://%S+)\n")
    end)
    h.eventually("it is in the hook", function() return running:err():find("slow", 1, true) end)
    running:signal("TERM")
    h.eventually("it is not ready", function()
      local code, body = ask("/-/ready")
      return code == 503 and body == "mooncrier is ending\n"
    end)
    assert.equal(200, (ask("/-/healthy")))
    local code, body = ask("/-/reload", "-X POST")
    assert.same({ 422, "mooncrier is ending; generation 1 goes on" }, { code, h.decode(body).message })
    assert.equal(1, running:wait().code)
  end)

  it("are answered 503 after a source has failed, until a reload is without it", function()
    place:shell("head -c 300 /dev/urandom | base64 | gzip -c | head -c 100 > cut.gz")
    local both = [[return {
      sources = { { kind = "jsonl", path = "in.jsonl", follow = true }%s },
      sinks = { out = { kind = "file", path = "out.jsonl" } },
      watchers = { { name = "w", sinks = { "out" } } },
      admin = { listen = "127.0.0.1:0" }, reload = { watch = false },
    }]]
    place:write("mooncrier.lua", both:format(', { kind = "jsonl", path = "cut.gz" }'))
    place:write("in.jsonl", h.event("a") .. "\n")
    running = place:start({ "run", "-o", "json" })
    url = h.eventually("it listens", function()
      return (running:err() or ""):match("admin requests are taken at (http://%S+)\n")
    end)
    h.eventually("it is not ready", function()
      local code, body = ask("/-/ready")
      return code == 503 and body == "a source has failed\n"
    end)
    place:write("mooncrier.lua", both:format(""))
    assert.equal(200, (ask("/-/reload", "-X POST")))
    assert.equal(200, (ask("/-/ready")))
  end)

  it("give the status as `mooncrier status -o json` does", function()
    start()
    local code, body = ask("/-/status")
    local s = h.decode(body)
    assert.same({ 200, running:pid(), 1 }, { code, s.pid, s.generation.number })
    assert.equal(url, "http://" .. s.admin)
    local same = h.decode(place:run({ "status", "-o", "json" }).out)
    assert.same({ s.pid, s.generation, s.watchers }, { same.pid, same.generation, same.watchers })
  end)

  it("reload and roll back, with the outcome", function()
    start()
    local code, body = ask("/-/reload", "-X POST")
    assert.same({ 200, true, 2 }, { code, h.decode(body).ok, h.decode(body).generation })
    place:write("s.lua", "return {\n  handle = 5 5,\n}")
    code, body = ask("/-/reload", "-X POST")
    assert.same({ 422, false, 2 }, { code, h.decode(body).ok, h.decode(body).generation })
    assert.matches("^s.lua:2: ", h.decode(body).message)
    code, body = ask("/-/rollback", "-X POST")
    assert.same({ 200, "rollback", 3 }, { code, h.decode(body).what, h.decode(body).generation })
  end)

  it("are not taken from pages in a browser", function()
    start()
    local port = url:match("%d+$")
    assert.equal(403, (ask("/-/reload", "-X POST -H 'Origin: http://evil.example'")))
    assert.equal(403, (ask("/-/reload", "-X POST -H 'Origin: null'")))
    assert.equal(403, (ask("/-/status", "-H 'Host: evil.example:" .. port .. "'")))
    assert.equal(403, (ask("/-/status", "-H 'Host: 127.0.0.1.evil.example'")))
    assert.equal(200, (ask("/-/status", "-H 'Host: localhost:" .. port .. "'")))
    assert.equal(200, (ask("/-/status", "-H 'Host: [::1]:" .. port .. "'")))
    assert.equal(200, (ask("/-/reload", "-X POST -H 'Origin: " .. url .. "'")))
    assert.equal(2, h.decode(select(2, ask("/-/status"))).generation.number)
  end)

  it("give the ledger to Prometheus", function()
    start()
    h.eventually("the event is through", function() return place:read("out.jsonl") ~= "" end)
    local code, body = ask("/metrics")
    assert.equal(200, code)
    for _, line in ipairs({ 'mooncrier_source_events_total{source="in.jsonl",outcome="decoded"} 1',
      'mooncrier_watcher_events_total{watcher="w",outcome="routed"} 1',
      'mooncrier_sink_events_total{watcher="w",sink="out",outcome="delivered"} 1',
      'mooncrier_reloads_total{outcome="succeeded"} 0', "mooncrier_generation 1",
      'mooncrier_watcher_up{watcher="w"} 1', "# TYPE mooncrier_sink_in_flight gauge" }) do
      assert.matches("\n" .. line .. "\n", body, 1, true)
    end
    for _, line in ipairs(h.lines(body)) do
      assert.is_truthy(line:match("^# %u+ mooncrier_[%w_]+ .+$") or
        line:match("^mooncrier_[%w_]+ %d+$") or line:match('^mooncrier_[%w_]+{[%w_]+=".*"} %d[%d.e-]*$'), line)
    end
  end)

  for _, address in ipairs({ "0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:80", "127.evil.example:80" }) do
    it("are refused at " .. address .. " unless the configuration allows it", function()
      config(('admin = { listen = "%s" },'):format(address))
      place:write("s.lua", "return {}")
      for _, command in ipairs({ "check", "run" }) do
        local r = place:run({ command })
        assert.equal(78, r.code)
        assert.matches("mooncrier.lua:6: other machines could reach '" .. address .. "'", r.err, 1, true)
        assert.matches("anywhere = true", r.err, 1, true)
      end
    end)
  end

  it("are taken from anywhere when the configuration says so", function()
    start('admin = { listen = "0.0.0.0:0", anywhere = true },')
    url = url:gsub("0.0.0.0", "127.0.0.1")
    assert.equal(200, (ask("/-/healthy")))
  end)

  it("an address that is taken ends the start with a sentence", function()
    start()
    config(('admin = { listen = "%s" }, control = "none",'):format(url:match("//(.*)")))
    local r = place:run({ "run" })
    assert.equal(1, r.code)
    assert.matches("admin: cannot listen on 127.0.0.1:%d+: Address already in use", r.err)
  end)
end)
