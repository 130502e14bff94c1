-- The prompt: as a terminal shows it, in tmux, and as a reader of standard input.

local h = require("tests.e2e.harness")

local EVENTS = h.root .. "/examples/data/events.jsonl"

describe("mooncrier repl without a terminal", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local function answers(input, args, options)
    options = options or {}
    options.stdin = input
    return place:run({ "repl", unpack(args or {}) }, options)
  end

  it("prints what expressions give, and no prompt", function()
    local r = answers("1 + 1\nx = { 1, a = 'b' }\nx\nfor i = 1, 2 do\n  print(i)\nend\n")
    assert.same({ 0, "2\n{ 1, a = \"b\" }\n1\n2\n", "" }, { r.code, r.out, r.err })
  end)

  it("loads events, counts them and goes through them", function()
    local r = answers(":filter event.type == 'Warning' and event.count > 20\n:next\n:next 346\n", { EVENTS })
    assert.same({ 0, "" }, { r.code, r.err })
    assert.same({
      "346 events of " .. EVENTS,
      "1 of 346: Warning KubeAPIReadyz Namespace default/openshift-kube-apiserver: readyz=true",
      "12 of 346 events (3.5 %); they are in `matching`, and :next goes through them",
    }, { unpack(h.lines(r.out), 1, 3) })
  end)

  it("shows an event with its fields in their order", function()
    local r = answers("event\n", { EVENTS })
    assert.matches("\n{\n  metadata = {\n    name = \"openshift%-kube%-apiserver.18ea93f9531c34df\",\n", r.out)
    assert.matches("\n  involvedObject = {\n.*\n  type = \"Warning\",\n  reason = \"KubeAPIReadyz\",\n", r.out)
  end)

  it("says what is wrong, goes on, and exits with 1", function()
    local r = answers("event.resaon\nno_such_thing\n:nxt\n) (\n:load nowhere.jsonl\n1\n", { EVENTS })
    assert.equal(1, r.code)
    assert.matches("\n1\n$", r.out)
    assert.same({
      "no field 'resaon'; did you mean 'reason'?",
      "undefined global 'no_such_thing'",
      "there is no command :nxt, did you mean :next? (:help lists them)",
      "unexpected symbol near ')'",
    }, { unpack(h.lines(r.err), 1, 4) })
    assert.matches("nowhere.jsonl: cannot be opened: No such file or directory", r.err, 1, true)
  end)

  it("says when the end comes in the middle", function()
    local r = answers("for i = 1, 2 do\n")
    assert.same({ 1, "the end came in the middle of: for i = 1, 2 do\n" }, { r.code, r.err })
  end)

  it("stops what does not end", function()
    local r = answers("while true do end\n1\n", { "--deadline", "50ms" })
    assert.same({ 1, "1\n", "deadline: stopped after 0.05 s\n" }, { r.code, r.out, r.err })
  end)

  it("runs a script's hooks", function()
    local r = answers("script:filter(events[1])\nscript.filter(events[2])\n",
      { "--script", h.root .. "/scripts/handlers/warnings.lua", EVENTS })
    assert.same({ 0, "" }, { r.code, r.err })
    assert.matches("warnings.lua: filter, init\ntrue\nfalse\t\"not a warning\"\n$", r.out)
  end)

  it("explains an event by the script, as mooncrier explain does", function()
    local script = h.root .. "/scripts/handlers/warnings.lua"
    local r = answers(":next 2\n:explain\n", { "--script", script, EVENTS })
    assert.same({ 0, "" }, { r.code, r.err })
    place:write("two.jsonl", place:shell("head -n 2 " .. EVENTS))
    local explained = place:run({ "explain", "-q", "--script", script, "two.jsonl" })
    assert.matches("  filter          dropped: not a warning  (" .. script, explained.out, 1, true)
    assert.equal(explained.out, r.out:match("\n(event .*)$"))
  end)

  it("explains by a configuration, after the events before", function()
    place:write("mooncrier.lua", [[return {
      sources = { { kind = "jsonl", path = "-" } }, sinks = { out = { kind = "store", path = "never.db" } },
      watchers = { { name = "w", sinks = { "out" } } },
    }]])
    place:write("in.jsonl", h.event("a") .. "\n" .. h.event("a") .. "\n")
    local r = answers(":explain\n:next\n:explain\nevent = event:with{ message = 'other' }\n:explain\n",
      { "-c", "mooncrier.lua", "in.jsonl" })
    assert.same({ 0, "" }, { r.code, r.err })
    assert.matches("a new event.*count +2, a repeat of a.*as a patch.*BackOff: other.*2 of 10 similar events", r.out)
    assert.is_nil(place:read("never.db"))
  end)

  it("explains by a script with the parameters that it was given", function()
    place:write("limit.lua", [[
      local given
      return { init = function(params) given = params end,
        filter = function(event) return event.count > given.limit, "below " .. given.words[1] end }]])
    local r = answers("n = 1e6\n:script limit.lua { limit = n, words = { 'a \"limit\"' } }\n:explain\n", { EVENTS })
    assert.same({ 0, "" }, { r.code, r.err })
    assert.matches('filter +dropped: below a "limit"  %(limit.lua:3%)', r.out)
    r = answers(":script limit.lua { limit = 3, words = { print } }\n:explain\n", { EVENTS })
    assert.same({ 1, "the parameters of a script in a configuration are plain values, not a function\n" },
      { r.code, r.err })
  end)

  it("explains by nothing", function()
    local r = answers(":explain\n", { EVENTS })
    assert.same({ 1, "by what? :script FILE or :config FILE says so\n" }, { r.code, r.err })
  end)

  it("tells what an expression costs, and its bytecode", function()
    local r = answers(":time event.reason == 'BackOff'\nfunction f(e) return e.reason end\n:bytecode f\n", { EVENTS })
    assert.matches("\n[%d.]+ [nµ]+s per event %([%d,]+ calls in [%d.]+ s%), %d+ bytes allocated\n", r.out)
    assert.matches("TGETS  1 0 0  ; \"reason\"\n", r.out, 1, true)
  end)

  it("says what is missing for bytecode", function()
    local r = answers("function f() end\n:bytecode f\n", {}, { env = "LUA_PATH=/nowhere/?.lua" })
    assert.same({ 1, "" }, { r.code, r.out })
    assert.matches("jit/vmdef.lua, which is not installed (on Debian: apt-get install luajit)", r.err, 1, true)
  end)

  it("leaves no history", function()
    answers("1\n", {}, { env = "XDG_STATE_HOME=" .. place:path("state") })
    assert.is_nil(place:read("state/mooncrier/history"))
  end)
end)

describe("mooncrier repl --attach", function()
  local place, p
  before_each(function()
    place = h.place()
    place:write("in.jsonl", h.event("a") .. "\n" .. h.event("b") .. "\n")
    place:write("count.lua", [[return {
      filter = function(event) return event.metadata.name ~= "b", "it is b" end,
      handle = function(event) shared.set("last/" .. event.metadata.name, event.reason) shared.add("n", 1) end,
    }]])
    place:write("mooncrier.lua", [[return {
      sources = { { kind = "jsonl", path = "in.jsonl", follow = true } },
      sinks = { out = { kind = "file", path = "out.jsonl" } },
      watchers = { { name = "w", script = "count.lua", sinks = { "out" } } },
      control = "here.sock", reload = { watch = false },
    }]])
    p = place:start({ "run" })
    h.eventually("both were read", function()
      local r = place:run({ "status", "-o", "json" })
      local w = r.code == 0 and h.decode(r.out).ledger.watchers[1]
      return w and w.filtered == 1 and w.routed == 1
    end)
  end)
  after_each(function() place:remove() end)

  it("reads status, hooks, ledger and shared values, and changes nothing", function()
    local r = place:run({ "repl", "--attach" }, { stdin = table.concat({
      ":shared", "shared.get('n'), status.ledger.watchers[1].reasons", "shared.set('n', 2)", "shared.delete('n')",
      "status.watchers[1].scripts[1]", ":shared last/*",
    }, "\n") .. "\n" })
    assert.equal(1, r.code)
    assert.equal(("the prompt only reads what the running program shares\n"):rep(2), r.err)
    assert.matches("\n  script    count.lua %(filter, handle%)\n.*\nledger\n", r.out)
    assert.matches([[

last/a = "BackOff"
n = 1
2 of 2 values
1	{ ["it is b"] = 1 }
"count.lua (filter, handle)"
last/a = "BackOff"
1 of 2 values
]], r.out, 1, true)
  end)

  it("takes a sample of live events", function()
    -- Events come until it has seen some.
    local prompt = place:start({ "repl", "--attach", "-s", "here.sock" }, {
      stdin = ":sample 3\n#events, event.involvedObject.name\n" })
    h.eventually("it has had enough", function()
      place:append("in.jsonl", h.event("c") .. "\n")
      return not prompt:running()
    end)
    local r = prompt:wait()
    assert.same({ 0, "" }, { r.code, r.err })
    assert.matches("\n3 events of the running program\n.*\n3\t\"web%-0\"\n$", r.out)
  end)

  it("says when nothing runs, and what goes with --attach", function()
    p:signal("TERM")
    p:wait()
    local r = place:run({ "repl", "--attach" })
    assert.same({ 1, "" }, { r.code, r.out })
    assert.matches("no mooncrier runs there", r.err, 1, true)
    assert.equal(2, place:run({ "repl", "-s", "here.sock" }).code)
  end)
end)

describe("mooncrier repl in a terminal", function()
  if os.execute("tmux -V >/dev/null 2>&1") ~= 0 then
    pending("tmux is not installed")
    return
  end

  local place
  local n = 0 -- of servers: one that was killed may be ending still
  before_each(function() place = h.place() end)

  local function tmux(command)
    return place:shell("tmux -S tmux" .. n .. ".sock -f /dev/null " .. command .. " 2>&1")
  end

  after_each(function()
    tmux("kill-server")
    place:remove()
  end)

  local function screen()
    return (tmux("capture-pane -p"):gsub("\n+$", "\n"))
  end

  local function shows(text)
    local last
    local ok = pcall(h.eventually, "", function()
      last = screen()
      return last:find(text, 1, true)
    end)
    assert(ok, ("the screen does not show\n%s\nbut\n%s"):format(text, last))
  end

  local function keys(...)
    for _, key in ipairs({ ... }) do
      tmux("send-keys " .. (key:match("^[%u][%w-]+$") and key or "-l '" .. key:gsub("'", "'\\''") .. "'"))
    end
  end

  local function begin(args)
    n = n + 1
    tmux(("new-session -d -x 90 -y 24 'XDG_STATE_HOME=%s/state LC_ALL=C.UTF-8 %s repl %s; echo ended with $?; cat'")
      :format(place.dir, h.binary, args or ""))
    shows("Ctrl-D ends.")
  end

  it("edits lines, and shows what they give", function()
    begin(EVENTS)
    shows("1/346>")
    keys("1 + 2", "Enter")
    shows("1/346> 1 + 2\n3\n1/346>")
    keys(":next", "Enter")
    shows("2 of 346: Normal LeaderElection Lease kube-system/kube-scheduler")
    shows("2/346>")
    keys("1 + 3", "Left", "BSpace", "4 * ", "Enter")
    shows("2/346> 1 +4 * 3\n13\n") -- the cursor was before the 3, and the blank is gone
    keys("for i = 1, 2 do", "Enter")
    shows("  >")
    keys("print('line ' .. i) end", "Enter")
    shows("line 1\nline 2\n2/346>")
  end)

  it("completes names, fields, commands and files", function()
    place:write("recording.jsonl", h.event("a") .. "\n")
    begin(EVENTS)
    keys("event.invo", "Tab", ".na", "Tab")
    shows("> event.involvedObject.name")
    keys("Enter")
    shows("\n\"openshift-kube-apiserver\"\n")
    keys("event:", "Tab")
    shows("> event:\nget   keep  with\n1/346> event:")
    keys("BSpace", "BSpace", "BSpace", "BSpace", "BSpace", "BSpace", ":lo", "Tab", "rec", "Tab")
    shows("> :load recording.jsonl")
    keys("Enter")
    shows("1 event of recording.jsonl")
    shows("1/1>")
  end)

  it("remembers what was typed, for its user alone", function()
    begin()
    keys("40 + 2", "Enter")
    shows("\n42\n")
    keys("C-d")
    shows("ended with 0")
    assert.equal("600\n", place:shell("stat -c %a state/mooncrier/history"))
    tmux("kill-server")
    begin()
    keys("Up", "Enter")
    shows("> 40 + 2\n42\n")
  end)

  it("is interrupted by Ctrl-C, and goes on", function()
    begin("--deadline 10m")
    keys("while true do end", "Enter")
    shows("> while true do end\n")
    -- It may not run yet: pressed until it is felt.
    h.eventually("it is interrupted", function()
      keys("C-c")
      return screen():find("interrupted\n", 1, true)
    end)
    keys("not this")
    shows("> not this") -- a key that is not read yet is lost with the line
    keys("C-c")
    shows("> not this^C\n")
    keys("6 * 7", "Enter")
    shows("> 6 * 7\n42\n")
    keys(":quit", "Enter")
    shows("ended with 0")
  end)
end)
