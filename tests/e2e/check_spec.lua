local h = require("tests.e2e.harness")

describe("mooncrier check", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local good = {
    sources = '{ { kind = "jsonl", path = "-" } }',
    sinks = '{ out = { kind = "stdout" } }',
    watchers = '{ { name = "w", script = "w.lua", sinks = { "out" } } }',
  }

  -- The configuration with some keys changed, a key a line from line 2.
  local function config(changes)
    local lines = { "return {" }
    for _, key in ipairs({ "sources", "sinks", "watchers" }) do
      lines[#lines + 1] = "  " .. key .. " = " .. (changes[key] or good[key]) .. ","
    end
    if changes.more then lines[#lines + 1] = changes.more end
    lines[#lines + 1] = "}"
    place:write("mooncrier.lua", table.concat(lines, "\n") .. "\n")
  end

  local function check(script)
    place:write("w.lua", script or "return { filter = function() return true end }\n")
    return place:run({ "check" })
  end

  it("warns of what a script says of events that can never be so", function()
    config({})
    local r = check([[
return {
  filter = function(event)
    return event.count == "3" or event.involvedobject.kind == "Pod"
  end,
}
]])
    assert.same({ 0, "mooncrier: warning: w.lua:3: event.count is a number, which never equals \"3\"\n"
      .. "mooncrier: warning: w.lua:3: no field 'involvedobject'; did you mean 'involvedObject'?\n" },
      { r.code, r.err })
  end)

  it("prints what would run", function()
    config({})
    local r = check()
    assert.same({ 0, "" }, { r.code, r.err })
    assert.matches("source jsonl", r.out, 1, true)
    assert.matches("sink out (stdout)", r.out, 1, true)
    assert.matches("watcher w\n", r.out, 1, true)
    assert.matches("w.lua", r.out, 1, true)
    assert.matches("filter", r.out, 1, true)
  end)

  -- What `check` prints of a kube sink; what is not said follows from the policy.
  for policy, expected in pairs({
    default = { "max_in_flight 64", "retry.attempts 12", "retry.wait 1s", "retry.max_wait 60s",
      "retry.deadline 1h", "retry.jitter 0.5", "retry.conflicts 3", "already_exists accept", "fit       true",
      "merge     true", "timeout   30s", "rate      none" },
    ["client-go"] = { "max_in_flight 1", "retry.attempts 12", "retry.wait 10s", "retry.max_wait none",
      "retry.deadline none", "retry.jitter 0", "retry.conflicts 0", "already_exists refuse", "fit       false",
      "merge     false", "timeout   none", "rate      none" },
  }) do
    it("says what holds for a kube sink of policy " .. policy, function()
      config({ sinks = ('{ out = { kind = "kube", server = "http://127.0.0.1:1", policy = "%s" } }'):format(policy) })
      local r = check()
      assert.same({ 0, "" }, { r.code, r.err })
      for _, line in ipairs(expected) do assert.matches("\n  " .. line .. "\n", r.out, 1, true) end
    end)
  end

  it("says what was said for a kube sink", function()
    config({ sinks = '{ out = { kind = "kube", server = "http://h:1", timeout = 0, retry = { wait = "3s" } } }' })
    local r = check()
    assert.matches("\n  timeout   none\n", r.out, 1, true)
    assert.matches("\n  retry.wait 3s\n", r.out, 1, true)
  end)

  -- What a sink will miss on this machine.
  for options, expected in pairs({
    ["in_cluster = true"] = "this is no pod of a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT "
      .. "are not set; `run` would not start on this machine",
    ['kubeconfig = "gone"'] = "kubeconfig gone: No such file or directory",
    [""] = "there is no kubeconfig",
  }) do
    it("warns of what is missing for a kube sink { " .. options .. " }", function()
      config({ sinks = '{ out = { kind = "kube", ' .. options .. " } }" })
      place:write("w.lua", "return { filter = function() return true end }")
      local r = place:run({ "check" }, { env = "-u KUBECONFIG -u KUBERNETES_SERVICE_HOST HOME=/nonexistent" })
      assert.equal(0, r.code)
      assert.matches("warning: mooncrier.lua: sink 'out': " .. expected, r.err, 1, true)
    end)
  end

  it("prints what every sink may have", function()
    config({ sinks = [[{ out = { kind = "stdout", updates = "10m" }, few = { kind = "stdout", updates = "first" },
      chat = { kind = "webhook", url = "http://127.0.0.1:1/", render = "mine.lua", rate = "5/m" } }]] })
    place:write("mine.lua", "return { render = function() end }")
    local r = check()
    assert.equal(0, r.code)
    assert.matches("sink out %(stdout%)\n[^(]*  updates   10m\n", r.out)
    assert.matches("sink few %(stdout%)\n[^(]*  updates   first\n", r.out)
    assert.matches("sink chat %(webhook%)\n[^(]*  rate      5/m\n[^(]*  render    mine.lua\n", r.out)
  end)

  -- What does nothing, or hardly what was meant: `check` and `run` say so, and go on.
  local webhook = 'out = { kind = "webhook", url = "http://127.0.0.1:1/", retry = { attempts = 1, deadline = "1s" }'
  for what, case in pairs({
    ["key hooks without a correlator"] = {
      "w.lua has aggregate_key, but watcher 'w' does not correlate: add correlate = true",
      script = "return { aggregate_key = function() end }" },
    ["declared keys without a correlator"] = { "w.lua has spam_key, but watcher 'w' does not correlate",
      script = 'return { spam_key = { "reason" } }' },
    ["a render hook without a sink that renders"] = {
      "w.lua has render, but watcher 'w' has no sink that renders (webhook)",
      script = "return { render = function() end }" },
    ["a render hook beside a renderer"] = {
      "w.lua has render, but watcher 'w' has sinks that render with renderers of their own only",
      script = "return { render = function() end }", sinks = "{ " .. webhook .. ', render = "r.lua" } }' },
    ["a route without sinks"] = { "w.lua has route, but watcher 'w' has no sinks",
      script = "return { route = function() end }", watchers = '{ { name = "w", script = "w.lua" } }' },
    ["client-go's sink behind our correlator"] = {
      "watcher 'w' has a kube sink with policy = \"client-go\", but correlates "
        .. 'otherwise: say correlate = "client-go"',
      sinks = '{ out = { kind = "kube", server = "http://127.0.0.1:1", policy = "client-go" } }',
      watchers = '{ { name = "w", script = "w.lua", sinks = { "out" }, correlate = true } }' },
  }) do
    it("warns of " .. what, function()
      config({ sources = '{ { kind = "jsonl", path = "none" } }', sinks = case.sinks, watchers = case.watchers })
      place:write("none", "")
      place:write("r.lua", "return { render = function() return 'x' end }")
      local r = check(case.script)
      assert.equal(0, r.code, r.err)
      assert.matches("warning: mooncrier.lua: " .. case[1], r.err, 1, true)
      r = place:run({ "run" })
      assert.equal(0, r.code, r.err)
      assert.matches("warning: mooncrier.lua: " .. case[1], r.err, 1, true)
    end)
  end

  for what, case in pairs({
    ["keys of a watcher that correlates"] = { script = "return { aggregate_key = function() end }",
      watchers = '{ { name = "w", script = "w.lua", sinks = { "out" }, correlate = true } }' },
    ["a render hook of a webhook"] = { script = "return { render = function() end }",
      sinks = "{ " .. webhook .. " } }" },
    ["a renderer of one webhook of two"] = { script = "return { render = function() end }",
      sinks = "{ " .. webhook .. ', render = "r.lua" }, o2 = { kind = "webhook", url = "http://127.0.0.1:1/" } }',
      watchers = '{ { name = "w", script = "w.lua", sinks = { "out", "o2" } } }' },
    ["client-go's correlator before its sink"] = {
      sinks = '{ out = { kind = "kube", server = "http://127.0.0.1:1", policy = "client-go" } }' },
  }) do
    it("does not warn of " .. what, function()
      config({ sinks = case.sinks, watchers = case.watchers })
      place:write("r.lua", "return { render = function() return 'x' end }")
      assert.same({ 0, "" }, { check(case.script).code, check(case.script).err })
    end)
  end

  it("reads the file of -c, and scripts beside it", function()
    place:shell("mkdir etc")
    place:write("etc/other.lua", 'return { sources = { { kind = "jsonl", path = "-" } }, '
      .. 'watchers = { { name = "w", script = "beside.lua" } } }')
    place:write("etc/beside.lua", "return { filter = function() return true end }")
    assert.equal(0, place:run({ "check", "-c", "etc/other.lua" }).code)
  end)

  -- What is wrong with the configuration, and what the message must say.
  for what, case in pairs({
    ["an unknown key"] = { { more = "  wachters = {}," }, "mooncrier.lua:5:", "wachters", "did you mean 'watchers'" },
    ["an unknown key of a watcher"] = {
      { watchers = '{ { name = "w", scirpt = "w.lua", sinks = { "out" } } }' },
      "mooncrier.lua:4:", "scirpt", "did you mean 'script'" },
    ["an unknown key of a sink"] = { { sinks = '{ out = { kind = "stdout", fromat = "json" } }' },
      "mooncrier.lua:3:", "fromat", "did you mean 'format'" },
    ["an unknown key of a source"] = { { sources = '{ { kind = "jsonl", pth = "-" } }' },
      "mooncrier.lua:2:", "pth", "did you mean 'path'" },
    ["a rate where there is none"] = { { sinks = '{ out = { kind = "file", path = "x", rate = "1/s" } }' },
      "mooncrier.lua:3:", "a sink of kind 'file' has no rate" },
    ["two names of one option"] = {
      { sinks = '{ out = { kind = "kube", server = "http://h", qps = 5, rate = 5 } }' },
      "mooncrier.lua:3:", "'qps' is another name of 'rate': say one of them" },
    ["what client-go decides"] = { { sinks = '{ out = { kind = "kube", server = "http://h", policy = "client-go",\n'
      .. "retry = { deadline = '1h' } } }" },
      "mooncrier.lua:4:", "'retry.deadline' is not for policy = \"client-go\", which decides that itself" },
    ["client-go without an end"] = { { sinks = '{ out = { kind = "kube", server = "http://h", policy = "client-go", '
      .. "retry = { attempts = 0 } } }" }, "mooncrier.lua:3:", "'retry.attempts' must be 1 or more with policy" },
    ["an unknown kind of sink"] = { { sinks = '{ out = { kind = "stdoot" } }' },
      "mooncrier.lua:3:", "stdoot", "did you mean 'stdout'" },
    ["an unknown kind of source"] = { { sources = '{ { kind = "json", path = "-" } }' },
      "mooncrier.lua:2:", "json", "did you mean 'jsonl'" },
    ["an unknown sink"] = { { watchers = '{ { name = "w", script = "w.lua", sinks = { "outt" } } }' },
      "mooncrier.lua:4:", "unknown sink 'outt'", "did you mean 'out'" },
    ["a wrong type"] = { { sources = '{ { kind = "jsonl", path = 7 } }' }, "mooncrier.lua:2:", "path" },
    ["a wrong choice"] = { { watchers = '{ { name = "w", script = "w.lua", on_error = "explode" } }' },
      "mooncrier.lua:4:", "on_error", "dead_letter" },
    ["no sources"] = { { sources = "nil" }, "mooncrier.lua", "sources" },
    ["an unset variable"] = { { sources = '{ { kind = "jsonl", path = env "NOT_SET_AT_ALL" } }' },
      "mooncrier.lua:2:", "NOT_SET_AT_ALL" },
    ["a script that is not there"] = { { watchers = '{ { name = "w", script = "absent.lua" } }' },
      "mooncrier.lua:4:", "absent.lua" },
    ["a syntax error"] = { { watchers = "{ { name = }" }, "mooncrier.lua:4:" },
    ["a format that is none"] = { { sinks = '{ out = { kind = "stdout", format = "jsn" } }' },
      "mooncrier.lua:3:", "unknown format 'jsn'", "did you mean 'json'" },
    ["updates that are none"] = { { sinks = '{ out = { kind = "stdout", updates = "frist" } }' },
      "mooncrier.lua:3:", "'updates' is", "did you mean 'first'" },
    ["an fsync that is none"] = { { sinks = '{ out = { kind = "file", path = "x", fsync = "often" } }' },
      "mooncrier.lua:3:", "'fsync'", "often" },
    ["a file without a path"] = { { sinks = '{ out = { kind = "file" } }' },
      "mooncrier.lua:3:", "a file sink needs a 'path'" },
    ["a source without a path"] = { { sources = '{ { kind = "jsonl" } }' },
      "mooncrier.lua:2:", "'path' is missing" },
    ["following standard input"] = { { sources = '{ { kind = "jsonl", path = "-", follow = true } }' },
      "mooncrier.lua:2:", "'follow' needs a file" },
    ["two readers of standard input"] = {
      { sources = '{ { kind = "jsonl", path = "-" }, { kind = "jsonl", path = "-" } }' },
      "mooncrier.lua:2:", "standard input", "sources[2]" },
    ["a global that is none"] = { { sinks = "somewhere" }, "mooncrier.lua:3:", "somewhere" },
  }) do
    it("refuses " .. what, function()
      config(case[1])
      local r = check()
      assert.same({ 78, "" }, { r.code, r.out })
      for i = 2, #case do assert.matches(case[i], r.err, 1, true) end
      -- `run` says the very same and starts nothing.
      local started = place:run({ "run" })
      assert.same({ 78, "", r.err }, { started.code, started.out, started.err })
    end)
  end

  for what, case in pairs({
    ["an unknown hook"] = { "return {\n  fliter = function() end,\n}\n", "w.lua", "fliter", "did you mean 'filter'" },
    ["a sink in the place of a script"] = { "return {\n  write = function() end,\n}\n", "w.lua:2: unknown hook "
      .. "'write': it is one of sinks, which a configuration has among its sinks: { kind = \"script\", script = … }" },
    ["a configuration in the place of a script"] = { "return { sources = {}, watchers = {} }",
      "w.lua: this is a configuration, which has watchers, not a script" },
    ["a syntax error in a script"] = { "return {\n  filter = function( end,\n}\n", "w.lua:2:" },
    ["a script that raises"] = { "local x = nil\nreturn x.y\n", "w.lua:2:" },
    ["a script that returns nothing"] = { "local x = 1\n", "w.lua", "table" },
    ["a hook that is no function"] = { "return { filter = true }\n", "w.lua", "filter" },
    ["an init that raises"] = { 'return { init = function() error("no luck") end }\n', "w.lua:1:", "no luck" },
    ["an init that refuses"] = { 'return { init = function() return false, "not today" end }\n', "w.lua", "not today" },
    ["an undefined global"] = { "return { filter = undefined_thing }\n", "w.lua:1:", "undefined_thing" },
    ["a module that is not there"] = { 'local m = require("not_there")\nreturn {}\n', "w.lua:1:", "not_there" },
    ["io, which scripts do not have"] = { 'local f = io.open("/etc/passwd")\nreturn {}\n', "w.lua:1:", "io" },
    ["bytecode"] = { "\27LJ\2\0\0", "w.lua" },
    ["a route to a sink that is not there"] = {
      "return {\n  route = function(e)\n    return e.type == 'Warning' and 'outt' or nil\n  end,\n}\n",
      "w.lua:3: route names sink 'outt', which the watcher does not have; did you mean 'out'?" },
    ["a route to a list with such a sink"] = {
      "return { route = function(e) return { 'out', 'archive' } end }\n",
      "w.lua:1: route names sink 'archive', which the watcher does not have; it has out" },
    ["an emit to such a sink"] = {
      "return {\n  tick = function() emit({ involvedObject = {} }, 'pager') end,\n}\n",
      "w.lua:2: emit names sink 'pager', which the watcher does not have; it has out" },
    ["a parameter that names such a sink"] = {
      'return { init = function() require("mooncrier.params").read({ to = "uot" }, { to = { "sinks" } }) end }\n',
      "w.lua:1: parameter 'to' names sink 'uot', which the watcher does not have; did you mean 'out'?" },
  }) do
    it("refuses " .. what, function()
      config({})
      local r = check(case[1])
      assert.same({ 78, "" }, { r.code, r.out })
      for i = 2, #case do assert.matches(case[i], r.err, 1, true) end
    end)
  end

  it("does not know sinks whose names a route computes; run counts those, and says so once", function()
    config({ sinks = '{ out = { kind = "stdout" }, other = { kind = "stdout" } }',
      watchers = '{ { name = "w", script = "w.lua", sinks = { "out", "other" }, fallback = { "out" } } }' })
    local script = "return { route = function(e) return ({ Warning = 'outt' })[e.type] end }\n"
    local checked = check(script)
    assert.same({ 0, "" }, { checked.code, checked.err })
    local r = place:run({ "run", "-o", "json" }, { stdin = (h.event("one") .. "\n"):rep(3) })
    assert.equal(1, r.code)
    local _, times = r.err:gsub("w.lua names sink 'outt', which the watcher does not have", "")
    assert.equal(1, times)
    local w = h.ledger(r).watchers[1]
    assert.same({ 3, 3 }, { w.unknown_sinks, w.routed })
    assert.same({ "one", "one", "one" }, h.names(r.out))
  end)

  it("says when there is no configuration at all", function()
    local r = place:run({ "check" })
    assert.same({ 78, "" }, { r.code, r.out })
    assert.matches("mooncrier.lua", r.err, 1, true)
  end)

  it("opens no sink and reads no source", function()
    config({ sinks = '{ out = { kind = "file", path = "made.jsonl" } }' })
    assert.equal(0, check().code)
    assert.is_nil(place:read("made.jsonl"))
  end)
end)
