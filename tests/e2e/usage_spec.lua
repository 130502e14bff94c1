local h = require("tests.e2e.harness")

describe("the command line", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local commands = {
    "init", "scripts", "convert", "check", "eval", "repl", "test", "replay", "explain", "diff", "simulate", "run",
    "status", "reload", "rollback", "shadow", "tap", "profile", "record", "get", "serve", "version",
  }
  for _, command in ipairs(commands) do
    it(command .. " --help says how it is used", function()
      local r = place:run({ command, "--help" })
      assert.same({ 0, "" }, { r.code, r.err })
      assert.matches("mooncrier " .. command, r.out, 1, true)
    end)

    it(command .. "'s flags are all in the manual", function()
      local manual = assert(io.open("core/cli/mooncrier.1")):read("*a")
      for flag in place:run({ command, "--help" }).out:match("\nFlags:.*"):gmatch("%-%-([%w-]+)") do
        assert.matches("Fl -" .. flag, manual, 1, true)
      end
    end)

    it(command .. " says which flag it does not know", function()
      local r = place:run({ command, "--hepl" })
      assert.same({ 2, "" }, { r.code, r.out })
      assert.matches("unknown flag", r.err)
      assert.matches("--help", r.err, 1, true)
    end)
  end

  -- `check` prints the keys that have a value; those without a default are given here.
  it("has every key of the configuration in the manual", function()
    place:write("w.lua", "return {}")
    place:write("mooncrier.lua", [[return {
      sources = { { kind = "jsonl", path = "in", name = "n", follow = true, from = "end", on_full = "drop" } },
      sinks = { out = { kind = "file", path = "out", format = "wide", fsync = "1s", updates = "first" } },
      dead_letters = "dead", scripts = ".", limits = { event = "1MiB", emit = 5, drain_timeout = "1s" },
      state_dir = "state", control = "none", admin = { listen = "0.0.0.0:1", anywhere = true },
      reload = { watch = false, debounce = "1s", poll = "1s", last_good = false, events = false },
      watchers = { { name = "w", script = "w.lua", sinks = { "out" }, group = "g", log = "json", queue = 5,
        fallback = { "out" }, on_error = "drop", correlate = { lru_cache_size = 9, burst_size = 9, qps = 9,
          max_events = 9, max_interval = "9s" } },
        { name = "w2", script = "w.lua", sinks = { "out" }, correlate = { spam_filter = false, aggregate = false } } },
    }]])
    local r = place:run({ "check" })
    assert.equal(0, r.code)
    local manual = assert(io.open("core/cli/mooncrier.1")):read("*a")
    for key in (place:read("mooncrier.lua") .. r.out:gsub("\n  (%w+)  ", " %1 = ")):gmatch("([%w_]+) = ") do
      if key ~= "out" then assert.matches("Va " .. key, manual, 1, true) end
    end
  end)

  it("lists the commands with --help", function()
    local r = place:run({ "--help" })
    assert.same({ 0, "" }, { r.code, r.err })
    local listed = {}
    for command in r.out:gmatch("\n  (%l+) +%l") do
      listed[#listed + 1] = command
    end
    assert.same(commands, listed)
  end)

  for typed, meant in pairs({ evla = "eval", chek = "check", verison = "version" }) do
    it("suggests " .. meant .. " for " .. typed, function()
      local r = place:run({ typed })
      assert.same({ 2, "" }, { r.code, r.out })
      assert.matches("unknown command '" .. typed .. "'", r.err, 1, true)
      assert.matches("did you mean '" .. meant .. "'?", r.err, 1, true)
    end)
  end

  for command, args in pairs({ help = { "--help" }, flags = { "run", "--help" }, version = { "version" },
                              scripts = { "scripts", "--dir", h.root .. "/scripts" }, init = { "init" } }) do
    it(command .. " says when standard output cannot be written", function()
      local r = place:run(args, { before = "exec >/dev/full" })
      assert.same({ 1, "mooncrier: error: standard output: No space left on device\n" }, { r.code, r.err })
    end)
  end

  it("suggests the flag that was meant", function()
    local r = place:run({ "eval", "--ouput", "json", "true" })
    assert.equal(2, r.code)
    assert.matches("--output", r.err, 1, true)
  end)

  it("eval wants an expression", function()
    local r = place:run({ "eval" })
    assert.same({ 2, "" }, { r.code, r.out })
    assert.not_equal("", r.err)
  end)

  it("version prints one line for itself and the libraries", function()
    local r = place:run({ "version" })
    assert.same({ 0, "" }, { r.code, r.err })
    assert.matches("^mooncrier %d+%.%d+%.%d+", r.out)
    assert.matches("LuaJIT 2%.1", r.out)
  end)
end)
