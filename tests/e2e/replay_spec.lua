local cjson = require("cjson")
local h = require("tests.e2e.harness")

local data = h.root .. "/examples/data/events.jsonl"
local watch = h.root .. "/tests/data/watch-core.jsonl"

describe("mooncrier replay", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local function config(text)
    place:write("mooncrier.lua",
      "return {\n  sources = { { kind = \"jsonl\", path = \"nothing.jsonl\" } },\n" .. text .. "}\n")
  end

  local function rows(r)
    local list = {}
    for i, line in ipairs(h.lines(r.out)) do list[i] = cjson.decode(line) end
    return list
  end

  -- Warnings to two sinks, with a correlator and a tick that reports.
  local function usual()
    config([[
      sinks = {
        chat = { kind = "webhook", url = "http://127.0.0.1:9/secret", body = '{"text":"{{message}}"}' },
        keep = { kind = "file", path = "kept.jsonl" },
        record = { kind = "store", path = "events.db" },
      },
      dead_letters = "dead.jsonl",
      state_dir = "state",
      watchers = {
        { name = "warn", script = "warn.lua", sinks = { "chat", "keep" } },
        { name = "all", sinks = { "record" } },
      },
    ]])
    place:write("warn.lua", [[
      local n = 0
      return {
        filter = function(event) return event.type == "Warning", "no warning" end,
        handle = function(event)
          n = n + 1
          return event:with{ seen = n, now = time.now() - event.time }
        end,
        tick_every = "5m",
        tick = function()
          emit(new_event{ reason = "Report", message = n .. " so far", involvedObject = { name = "report" } }, "keep")
        end,
      }
    ]])
  end

  it("gives the same bytes for the same input, and leaves nothing behind", function()
    usual()
    local first = place:run({ "replay", "-q", data })
    local second = place:run({ "replay", "-q" }, { stdin_file = data })
    assert.equal(0, first.code, first.err)
    assert.equal("", first.err)
    assert.is_true(first.out == second.out)
    assert.is_true(#h.lines(first.out) > 346)
    assert.equal("mooncrier.lua\nwarn.lua\n", place:shell("ls"))
  end)

  it("gives the same bytes whatever order LuaJIT has for tables", function()
    config([[ sinks = { out = { kind = "stdout" } },
      watchers = { { name = "w", script = "t.lua", sinks = { "out" } } }, ]])
    place:write("t.lua", [[
      local by_name = {}
      return {
        handle = function(event)
          by_name[event.involvedObject.name] = event.time
          local names, again = {}, {}
          for name in pairs(by_name) do names[#names + 1] = name end
          for name in next, by_name do again[#again + 1] = name end
          return event:with{ names = names, again = again, dice = math.random(1000) }
        end,
      } ]])
    local first = place:run({ "replay", "-q", data })
    assert.equal(0, first.code, first.err)
    assert.is_true(first.out == place:run({ "replay", "-q", data }).out)
  end)

  it("has a line for each event, watcher and sink, in order", function()
    usual()
    local r = place:run({ "replay", "-q", "--all", data })
    local order = { ["warn"] = 0, ["warn chat"] = 1, ["warn keep"] = 2, ["all record"] = 3 }
    local last, count = -1, {}
    for _, row in ipairs(rows(r)) do
      local where = row.watcher .. (row.sink and " " .. row.sink or "")
      local name = where .. " " .. (row.direct and "direct " or "") .. row.what
      local at = row.input * 10 + (row.direct and 9 or order[where])
      assert.is_true(at >= last, "out of order")
      last = at
      count[name] = (count[name] or 0) + 1
    end
    assert.equal(346, count["warn filtered"] + count["warn chat sent"])
    assert.equal(count["warn chat sent"], count["warn keep sent"])
    assert.equal(346, count["all record sent"] + (count["all spam_filtered"] or 0))
    assert.is_true(count["warn keep direct sent"] >= 2)
  end)

  it("says what would be sent, and no secrets", function()
    usual()
    local r = place:run({ "replay", "-q" }, {
      stdin = h.event("a", { message = "m \"1\"" }) .. "\n"
        .. h.event("b", { message = "m \"1\"", lastTimestamp = "2026-11-23T05:02:00Z" }) .. "\n",
    })
    local list = rows(r)
    assert.same({ "POST", "http://127.0.0.1:9/…", [[{"text":"m \"1\""}]] },
      { list[1].method, list[1].url, list[1].body })
    assert.same({ "create", "a" }, { list[3].verb, list[3].event.metadata.name })
    assert.same({ "patch", "a", { count = 2, lastTimestamp = "2026-11-23T05:02:00Z", message = "m \"1\"" } },
      { list[6].verb, list[6].event.metadata.name, list[6].patch })
    assert.is_nil(r.out:find("secret", 1, true))
    assert.same({ 1, "2026-11-23T05:01:00Z", "warn", "chat", "sent" },
      { list[1].input, list[1].time, list[1].watcher, list[1].sink, list[1].what })
  end)

  -- Where scripts look at no clock, the sinks of `run` get the very bytes that `replay` says.
  for name, sinks in pairs({
    ["01-filter"] = { screen = "" },
    ["02-enrich"] = { out = "" },
    ["03-route"] = { images = "out/images.jsonl", scheduling = "out/scheduling.jsonl", rest = "out/rest.jsonl" },
  }) do
    it("says what run does, of " .. name, function()
      place:shell(("cp -r '%s/examples/%s' . && cp -r '%s/examples/data' . && mkdir -p '%s/out'")
        :format(h.root, name, h.root, name))
      local path_of_config = name .. "/mooncrier.lua"
      local replay = place:run({ "replay", "-q", "-c", path_of_config, "data/events.jsonl" })
      assert.equal(0, replay.code, replay.err)
      local got = {}
      for sink in pairs(sinks) do got[sink] = {} end
      for _, line in ipairs(h.lines(replay.out)) do
        local sink, event = line:match('"sink":"(%w+)","what":"sent","event":(.*)}$')
        table.insert(got[sink], event .. "\n")
      end
      local ran = place:run({ "run", "-q", "-c", "mooncrier.lua" }, { before = "cd " .. name })
      assert.equal(0, ran.code, ran.err)
      for sink, path in pairs(sinks) do
        assert.equal(path == "" and ran.out or place:read(name .. "/" .. path), table.concat(got[sink]))
      end
    end)
  end

  it("compares with what is expected", function()
    usual()
    local blessed = place:run({ "replay", "-q", "--expect", "want.jsonl", "--bless", data })
    assert.same({ 0, "", "" }, { blessed.code, blessed.out, blessed.err })
    assert.is_true(place:run({ "replay", "-q", data }).out == place:read("want.jsonl"))
    local same = place:run({ "replay", "-q", "--expect", "want.jsonl", data })
    assert.same({ 0, "", "" }, { same.code, same.out, same.err })

    local lines = h.lines(place:read("want.jsonl"))
    lines[7] = lines[7]:gsub('"what":"sent"', '"what":"lost"')
    place:write("other.jsonl", table.concat(lines, "\n") .. "\n")
    local differs = place:run({ "replay", "-q", "--expect", "other.jsonl", data })
    assert.equal(1, differs.code)
    local said = h.lines(differs.err)
    assert.matches("^mooncrier: error: other.jsonl:7: differs from byte %d+ on$", said[1])
    assert.equal("expected: " .. lines[7], said[2])
    assert.equal("     got: " .. lines[7]:gsub("lost", "sent"), said[3])

    place:write("short.jsonl", table.concat(lines, "\n", 1, 6) .. "\n")
    assert.matches("expected: (nothing more)", place:run({ "replay", "--expect", "short.jsonl", data }).err, 1, true)
    place:write("long.jsonl", place:read("want.jsonl") .. "{}\n")
    local longer = place:run({ "replay", "--expect", "long.jsonl", data })
    assert.equal(1, longer.code)
    assert.matches("expected: {}\n     got: (nothing more)", longer.err, 1, true)
    local missing = place:run({ "replay", "--expect", "missing.jsonl", data })
    assert.equal(1, missing.code)
    assert.matches("missing.jsonl: No such file or directory (--bless writes it)", missing.err, 1, true)
    local folder = place:run({ "replay", "-q", "--expect", ".", data })
    assert.same({ 1, "mooncrier: error: .: Is a directory\n" }, { folder.code, folder.err })
  end)

  it("writes a file for each sink", function()
    usual()
    local r = place:run({ "replay", "-q", "--out-dir", "out", data })
    assert.same({ 0, "" }, { r.code, r.out })
    assert.equal("all.record.jsonl\nwarn.chat.jsonl\nwarn.keep.jsonl\n", place:shell("ls out"))
    local whole = place:run({ "replay", "-q", data })
    local chat = {}
    for _, line in ipairs(h.lines(whole.out)) do
      if cjson.decode(line).sink == "chat" then chat[#chat + 1] = line end
    end
    assert.equal(table.concat(chat, "\n") .. "\n", place:read("out/warn.chat.jsonl"))
    place:run({ "replay", "-q", "--out-dir", "all", "--all", data })
    assert.equal(346 - #chat, #h.lines(place:read("all/warn.jsonl")))
    assert.matches('"what":"filtered","why":"no warning"', h.lines(place:read("all/warn.jsonl"))[1], 1, true)
  end)

  it("keeps sinks apart whose names make one path", function()
    config([[ sinks = { out = { kind = "stdout" }, ["b.out"] = { kind = "stdout" } },
      watchers = { { name = "a", sinks = { "b.out" } }, { name = "a.b", sinks = { "out" } } }, ]])
    local r = place:run({ "replay", "--out-dir", "out", data })
    assert.equal(1, r.code)
    assert.matches("out/a.b.out.jsonl: the names of two sinks lead to this file", r.err, 1, true)
  end)

  it("has what is emitted go to the other watchers before the next event", function()
    config([[ sinks = { out = { kind = "stdout" } },
      watchers = {
        { name = "first", script = "e.lua", sinks = { "out" } },
        { name = "second", sinks = { "out" } },
      }, ]])
    place:write("e.lua", [[ return { handle = function(event)
      if event.reason == "Failed" then emit(event:with{ reason = "Told" }) end
    end } ]])
    local r = place:run({ "replay", "--ledger", "json" }, {
      stdin = h.event("a", { reason = "Failed" }) .. "\n" .. h.event("b") .. "\n",
    })
    assert.equal(0, r.code, r.err)
    local seen = {}
    for i, row in ipairs(rows(r)) do
      seen[i] = row.input .. row.watcher .. (row.by and "<" .. table.concat(row.by, "<") or "") .. row.event.reason
    end
    assert.same({ "1firstFailed", "1secondFailed", "1second<firstTold", "2firstBackOff", "2secondBackOff" }, seen)
    local ledger = h.ledger(r)
    assert.same({ 2, 3, 3 },
      { ledger.watchers[1].taken, ledger.watchers[2].taken, ledger.broadcaster.accepted })
  end)

  it("leaves out what is not between --from and --to", function()
    usual()
    local function inputs(...)
      local r = place:run({ "replay", "--ledger", "json", ..., data })
      assert.equal(0, r.code, r.err)
      local ledger = h.ledger(r)
      return ledger.watchers[2].taken, ledger.left_out
    end
    local taken, left_out = inputs("--from=10m", "--to=2026-11-23T05:14:00Z")
    assert.equal(346, taken + left_out)
    local same = inputs("--from=2026-11-23T05:11:40Z", "--to=12m20s")
    assert.is_true(taken > 10 and taken < 336)
    assert.equal(taken, same)
  end)

  it("says how far a recording is from its order", function()
    config([[ sinks = { out = { kind = "stdout" } }, watchers = { { name = "w", sinks = { "out" } } }, ]])
    local input = {}
    for i, at in ipairs({ "05:00:00Z", "05:01:00Z", "04:59:30Z", "05:00:59Z", "06:00:00Z" }) do
      input[i] = h.event("e" .. i, { lastTimestamp = "2026-11-23T" .. at }) .. "\n"
    end
    local r = place:run({ "replay" }, { stdin = table.concat(input) })
    assert.equal("mooncrier: 2 of 5 events are older than one before them, by up to 90 s: the clock stood still for "
      .. "these (it follows a recording that is sorted by time)\n", r.err)
  end)

  it("says when there is nothing to replay, and why", function()
    config([[ sinks = { out = { kind = "stdout" } }, watchers = { { name = "w", sinks = { "out" } } }, ]])
    for _, case in ipairs({
      { { "--from", "2h" }, "none of the 346 events is between --from and --to: the first one is of "
        .. "2026-11-23T05:01:40Z, the last one of 2026-11-23T05:24:10Z" },
      { { "--from", "10m", "--to", "5m" }, "none of the 346 events is between --from and --to: " },
    }) do
      local r = place:run({ "replay", data, unpack(case[1]) })
      assert.same({ 0, "" }, { r.code, r.out })
      assert.matches("mooncrier: warning: " .. case[2], r.err, 1, true)
    end
    local r = place:run({ "replay", "/dev/null" })
    assert.same({ 0, "", "mooncrier: no events\n" }, { r.code, r.out, r.err })
  end)

  it("reads what eval reads", function()
    config([[ sinks = { out = { kind = "stdout" } }, watchers = { { name = "w", sinks = { "out" } } }, ]])
    local r = place:run({ "replay", "-q", watch, h.root .. "/tests/data/eventlist.json" })
    assert.equal(0, r.code, r.err)
    local e = place:run({ "eval", "true", watch, h.root .. "/tests/data/eventlist.json" })
    assert.equal(#h.lines(e.out), #h.lines(r.out))
    place:shell("gzip -c '" .. data .. "' > in.gz")
    assert.equal(346, #h.lines(place:run({ "replay", "-q", "in.gz" }).out))
  end)

  it("needs a configuration and scripts that load", function()
    local r = place:run({ "replay", data })
    assert.equal(78, r.code)
    assert.equal("mooncrier: error: there is no configuration: neither mooncrier.lua here nor "
      .. "/etc/mooncrier/mooncrier.lua; -c names another, 'mooncrier init' writes one to begin with\n", r.err)
    usual()
    place:write("warn.lua", "return { handel = 1 }")
    for _, input in ipairs({ data, "/dev/null" }) do
      local broken = place:run({ "replay", input })
      assert.same({ 78, "" }, { broken.code, broken.out })
      assert.matches("handle", broken.err, 1, true)
    end
  end)

  it("fails when a script does, unless that is expected", function()
    config([[ sinks = { out = { kind = "stdout" } },
      watchers = { { name = "w", script = "s.lua", sinks = { "out" } } }, ]])
    place:write("s.lua", "return { handle = function(event) if event.reason == 'Fail' then error('no') end end }")
    local input = h.event("a") .. "\n" .. h.event("b", { reason = "Fail" }) .. "\n"
    local r = place:run({ "replay", "--all" }, { stdin = input })
    assert.equal(1, r.code)
    local last = cjson.decode(h.lines(r.out)[2])
    assert.same({ "refused", "b" }, { last.what, last.event.metadata.name })
    assert.matches("s.lua:1: no", last.why, 1, true)
    place:write("want.jsonl", r.out)
    assert.equal(0, place:run({ "replay", "--all", "--expect", "want.jsonl" }, { stdin = input }).code)
  end)

  it("says which scripts really do what they do, as every rehearsal does", function()
    config([[ sinks = {
        out = { kind = "webhook", url = "http://127.0.0.1:9/", render = { "render.lua", allow = { "os", "jit" } } },
        own = { kind = "script", script = { "sink.lua", allow = { "io" } } },
      },
      watchers = {
        { name = "a", script = { "notes.lua", allow = { "io", "debug", "ffi" } }, sinks = { "out", "own" } },
        { name = "b", scripts = { { "notes.lua", allow = { "io" } }, { "safe.lua", allow = { "env" } } },
          sinks = { "out" } },
      }, ]])
    place:write("notes.lua", [[ return { handle = function(event)
        local f = assert(io.open("notes", "a"))
        f:write(event.metadata.name, "\n")
        f:close()
      end } ]])
    place:write("safe.lua", "return { filter = function() return true end }")
    place:write("render.lua", "return { render = function() end }")
    place:write("sink.lua", "return { write = function() end }")
    local warnings = "mooncrier: warning: notes.lua is allowed ffi, io: what it does with that, it really does, "
      .. "here as well; only the sinks are replaced\n"
      .. "mooncrier: warning: render.lua is allowed os: what it does with that, it really does, here as well; "
      .. "only the sinks are replaced\n"
    local input = h.event("first") .. "\n"
    for _, args in ipairs({ { "replay" }, { "explain" }, { "diff", "mooncrier.lua", "mooncrier.lua" },
      { "simulate", "--watcher", "a" } }) do
      place:shell("rm -f notes")
      args[#args + 1] = "-q"
      local r = place:run(args, { stdin = input })
      assert.equal(0, r.code, r.err)
      assert.equal(args[1] == "diff" and warnings .. warnings or warnings, r.err, args[1])
      assert.matches("first\n", place:read("notes"), 1, true)
    end
    assert.equal("", place:run({ "check", "-q" }).err)
  end)

  it("says, as run does, that fini has no other watchers to emit to", function()
    config([[ sinks = { out = { kind = "stdout" } },
      watchers = { { name = "w", script = "t.lua", sinks = { "out" } }, { name = "other", sinks = { "out" } } }, ]])
    place:write("t.lua", [[
      local function last(name) return new_event{ metadata = { name = name }, involvedObject = { name = "x" } } end
      return { fini = function()
        emit(last("lost"))
        emit(last("kept"), "out")
      end }]])
    for _, command in ipairs({ "replay", "run" }) do
      if command == "run" then place:write("nothing.jsonl", "") end
      local r = place:run({ command, "-q" }, { stdin = "" })
      assert.matches("watcher 'w': emit: not taken: at the end, in fini, there are no other watchers any more; "
        .. "emit(event, \"sink\") goes to a sink still", r.err, 1, true)
      assert.matches("kept", r.out, 1, true)
      assert.not_matches("lost", r.out, 1, true)
    end
  end)

  it("goes at the speed of the events, and ends when told", function()
    config([[ sinks = { out = { kind = "stdout" } },
      watchers = { { name = "w", script = "t.lua", sinks = { "out" } } }, ]])
    place:write("t.lua", [[
      return { tick_every = "1s", tick = function(now)
        emit(new_event{ metadata = { name = "tick" }, involvedObject = { name = "x" } }, "out")
      end }]])
    local input = h.event("a") .. "\n" .. h.event("b", { lastTimestamp = "2026-11-23T05:01:02Z" }) .. "\n"
    local fast = place:run({ "replay" }, { stdin = input })
    assert.equal(fast.out, place:run({ "replay", "--speed", "20x" }, { stdin = input }).out)
    local p = place:start({ "replay", "--speed", "1x", "--ledger", "json" }, {
      stdin = input .. h.event("c", { lastTimestamp = "2026-11-23T06:00:00Z" }) .. "\n",
    })
    h.eventually("ticks come while nothing is due", function() return #h.lines(p:out() or "") >= 5 end)
    p:signal("TERM")
    local r = p:wait()
    assert.equal(143, r.code)
    assert.equal(2, h.ledger(r).watchers[1].taken)
  end)

  it("neither compares nor blesses what could not be read whole", function()
    config([[ sinks = { out = { kind = "stdout" } }, watchers = { { name = "w", sinks = { "out" } } }, ]])
    local input = h.event("a") .. "\n{ broken\n" .. h.event("b") .. "\n"
    local plain = place:run({ "replay" }, { stdin = input })
    assert.same({ 1, 2 }, { plain.code, #h.lines(plain.out) })
    assert.matches("stdin:2: byte", plain.err, 1, true)
    local blessed = place:run({ "replay", "--expect", "want.jsonl", "--bless" }, { stdin = input })
    assert.equal(1, blessed.code)
    assert.matches("want.jsonl: not written: the input could not be read whole", blessed.err, 1, true)
    assert.equal("mooncrier.lua\n", place:shell("ls"))
    place:write("want.jsonl", plain.out)
    local compared = place:run({ "replay", "--expect", "want.jsonl" }, { stdin = input })
    assert.equal(1, compared.code)
    assert.matches("want.jsonl: not compared to its end", compared.err, 1, true)
    assert.equal(1, place:run({ "replay", "missing.jsonl" }).code)
  end)

  it("refuses what makes no sense", function()
    for _, case in ipairs({
      { "--speed", "0" }, { "--speed", "fast" }, { "--from", "noon" }, { "--to", "-1h" }, { "--bless" },
      { "--ledger", "xml" }, { "--event-limit", "0" },
    }) do
      local r = place:run({ "replay", unpack(case) })
      assert.equal(2, r.code)
      assert.matches(case[1], r.err, 1, true)
    end
  end)
end)
