-- Reloads, as those who edit a running configuration cause them.
local h = require("tests.e2e.harness")
local received = require("tests.e2e.received")

describe("a reload", function()
  local place, running, receiver
  before_each(function() place = h.place() end)
  after_each(function()
    if receiver then receiver:stop() end
    receiver = nil
    place:remove()
  end)

  local function line(name, fields) return h.event(name, fields) .. "\n" end

  -- A script that writes what it is called into every event.
  local function marks(word)
    return ("return { handle = function(event) return event:with{ message = %q } end }\n"):format(word)
  end

  -- The words that `file` has, in the order of its events, but for those that the program made about
  -- itself.
  local function words(file)
    local list = {}
    for _, text in ipairs(h.lines(place:read(file or "out.jsonl") or "")) do
      local event = h.decode(text)
      if event.involvedObject.kind == "Pod" then list[#list + 1] = event.message end
    end
    return list
  end

  -- Sends one event and waits for what becomes of it in `file`.
  local sent = 0
  local function next_word(file)
    local before = #words(file)
    sent = sent + 1
    place:append("in.jsonl", line("e" .. sent))
    return h.eventually("an event has come through", function() return words(file)[before + 1] end)
  end

  -- How many reloads there were, and how many failed.
  local function outcomes()
    local text = running:err()
    local _, ran = text:gsub("generation %d+ runs", "")
    local _, failed = text:gsub("generation %d+ goes on", "")
    return ran, failed
  end

  local function await_generation(n)
    h.eventually("generation " .. n .. " runs", function()
      return running:err():find(("generation %d runs"):format(n), 1, true)
    end)
  end

  -- What the reload that failed as the n-th had to say.
  local function await_failure(n)
    return h.eventually("a reload has failed", function()
      local count = 0
      for _, text in ipairs(h.lines(running:err())) do
        if text:find("generation %d+ goes on") then
          count = count + 1
          if count == n then return running:err() end
        end
      end
    end)
  end

  local standard = [[
    sources = { { kind = "jsonl", path = "in.jsonl", follow = true } },
    sinks = { out = { kind = "file", path = "out.jsonl" } },
    watchers = { { name = "w", script = "h.lua", sinks = { "out" } } },]]

  local function configure(config)
    place:write("mooncrier.lua", "return {\n" .. config .. "\n}\n")
  end

  -- Starts with `config` and sees that it works.
  local function start(config)
    if not place:read("in.jsonl") then place:write("in.jsonl", "") end
    configure(config or standard)
    running = place:start({ "run", "-o", "json" })
    h.eventually("it runs", function()
      if not running:running() then error("it does not run: " .. running:err()) end
      return place:read("out.jsonl")
    end)
    return running
  end

  -- Ends it in peace; its ledger, in which every event is found again: the program would have said
  -- so otherwise.
  local function finish()
    running:signal("TERM")
    local r = running:wait()
    assert.equal(0, r.code, r.err)
    assert.is_nil(r.err:find("does not add up", 1, true))
    return h.ledger(r), r
  end

  local ways = {
    { "written in place", function() place:write("h.lua", marks("new")) end },
    { "replaced by an editor", function()
      place:write(".h.lua.swp", marks("new"))
      place:shell("mv .h.lua.swp h.lua")
    end },
    { "renamed away and written anew", function()
      place:shell("mv h.lua h.lua~")
      place:write("h.lua", marks("new"))
    end },
    { "moved over from elsewhere", function()
      place:shell("mkdir elsewhere")
      place:write("elsewhere/x", marks("new"))
      place:shell("mv elsewhere/x h.lua")
    end },
    { "removed and copied", function()
      place:write("x", marks("new"))
      place:shell("rm h.lua; cp x h.lua")
    end },
    { "linked to another file", function()
      place:write("x", marks("new"))
      place:shell("ln -s x link; mv link h.lua")
    end },
  }
  for _, way in ipairs(ways) do
    it("follows a script that is " .. way[1], function()
      place:write("h.lua", marks("old"))
      start()
      assert.equal("old", next_word())
      way[2]()
      await_generation(2)
      assert.equal("new", next_word())
      assert.same({ "old", "new" }, words())
      local ledger = finish()
      assert.same({ 2, 2 }, { ledger.sources[1].decoded, ledger.watchers[1].sinks[1].delivered })
    end)
  end

  it("follows a ConfigMap, whose folder is exchanged by one symbolic link", function()
    place:shell("mkdir -p etc/..2026_1 && ln -s ..2026_1 etc/..data && ln -s ..data/h.lua etc/h.lua")
    place:write("etc/..2026_1/h.lua", marks("old"))
    start((standard:gsub('"h.lua"', '"etc/h.lua"')))
    assert.equal("old", next_word())
    for i = 2, 4 do -- more than once: the folders that are watched change with it
      place:shell(("mkdir etc/..2026_%d"):format(i))
      place:write(("etc/..2026_%d/h.lua"):format(i), marks("new" .. i))
      place:shell(("ln -s ..2026_%d etc/..tmp && mv -T etc/..tmp etc/..data && rm -r etc/..2026_%d"):format(i, i - 1))
      await_generation(i)
      assert.equal("new" .. i, next_word())
    end
    finish()
  end)

  it("follows modules that scripts require, also those of modules", function()
    place:shell("mkdir lib")
    place:write("lib/deep.lua", 'return "old"\n')
    place:write("words.lua", 'return { word = require("lib.deep") }\n')
    place:write("h.lua", [[
      local words = require("words")
      return { handle = function(event) return event:with{ message = words.word } end }]])
    start()
    assert.equal("old", next_word())
    place:write("lib/deep.lua", 'return "deep"\n')
    await_generation(2)
    assert.equal("deep", next_word())
    place:write("words.lua", 'return { word = "near" }\n')
    await_generation(3)
    assert.equal("near", next_word())
    finish()
  end)

  it("takes several files that change together at once, and says which", function()
    for _, name in ipairs({ "h", "a", "b" }) do place:write(name .. ".lua", "return {}\n") end
    start(standard:gsub('script = "h.lua"', 'scripts = { "h.lua", "a.lua", "b.lua" }')
      .. 'reload = { debounce = "500ms" },')
    place:write("h.lua", marks("h"))
    place:write("b.lua", "return { filter = function() return true end }\n")
    place:write("a.lua", "return { filter = function() return true end }\n")
    await_generation(2)
    assert.equal("h", next_word())
    assert.truthy(running:err():find("changed: a.lua, b.lua, h.lua\n"), running:err())
    assert.same({ 1, 0 }, { outcomes() })
    finish()
  end)

  it("does nothing for what was only touched, or has nothing to do with it", function()
    place:write("h.lua", marks("old"))
    start(standard .. 'reload = { debounce = "20ms", poll = "50ms" },')
    place:shell("touch h.lua; cp h.lua x; mv x h.lua; sleep 0.5; echo hello >other.lua; sleep 0.5")
    place:write("h.lua", marks("new"))
    await_generation(2)
    assert.equal("new", next_word())
    assert.same({ 1, 0 }, { outcomes() })
    finish()
  end)

  it("finds a folder that was removed and is made anew", function()
    place:shell("mkdir lib")
    place:write("lib/h.lua", marks("old"))
    start(standard:gsub('"h.lua"', '"lib/h.lua"') .. 'reload = { poll = "100ms" },')
    place:shell("rm -r lib")
    local said = await_failure(1)
    assert.truthy(said:find("lib/h.lua", 1, true), said)
    assert.equal("old", next_word())
    place:shell("mkdir lib")
    place:write("lib/h.lua", marks("new"))
    await_generation(2)
    assert.equal("new", next_word())
    place:write("lib/h.lua", marks("newer"))
    await_generation(3)
    assert.equal("newer", next_word())
    finish()
  end)

  it("comes at SIGHUP, also when nothing is watched", function()
    place:write("h.lua", marks("old"))
    local p = start(standard .. "reload = { watch = false },")
    assert.equal("old", next_word())
    place:write("h.lua", marks("new"))
    place:shell("sleep 0.5")
    assert.equal("old", next_word())
    p:signal("HUP")
    await_generation(2)
    assert.equal("new", next_word())
    p:signal("HUP") -- with nothing new, too
    await_generation(3)
    assert.equal("new", next_word())
    finish()
  end)

  local broken = {
    { "does not compile", "return {\n  handle = function(event\n}", "h.lua:3: " },
    { "fails when it is loaded", "\nerror('no')", "h.lua:2: no" },
    { "is no script", "return 5", "h.lua: a script must return a table of hooks" },
    { "has an unknown hook", "return {\n  hendle = print }", "h.lua:2: unknown hook 'hendle'" },
    { "refuses to begin", "return { init = function() return false, 'not today' end }",
      "h.lua: init refused: not today" },
    { "fails its own test", "return { self_test = function()\nassert(1 == 2, 'sums') end }", "h.lua:2: sums" },
    { "refuses by its own test", "return { self_test = function() return false, 'sums' end }",
      "h.lua: self_test refused: sums" },
    { "does not take what the old one saved", "return { restore = function() return false, 'who?' end }",
      "h.lua: restore refused: who?" },
    { "fails on it", "return { restore = function(saved)\nassert(saved.x) end }", "h.lua:2: " },
    { "does not come to an end", "return { init = function() while true do end end }", "deadline" },
  }
  it("leaves everything as it was when the new script is wrong, and says how", function()
    place:write("h.lua", [[
      local seen = 0
      return {
        filter = function(event) return event.involvedObject.kind == "Pod" end,
        handle = function(event) seen = seen + 1 return event:with{ message = "old " .. seen } end,
        save = function() return { n = seen } end,
      }]])
    start()
    for i, case in ipairs(broken) do
      assert.equal("old " .. i, next_word())
      place:write("h.lua", case[2])
      local said = await_failure(i)
      assert.truthy(said:find(case[3], 1, true), case[1] .. ": " .. said)
    end
    assert.equal("old " .. #broken + 1, next_word())
    place:write("h.lua", [[
      local seen
      return {
        filter = function(event) return event.involvedObject.kind == "Pod" end,
        handle = function(event) seen = seen + 1 return event:with{ message = "new " .. seen } end,
        restore = function(saved) seen = saved.n end,
      }]])
    await_generation(2)
    assert.equal("new " .. #broken + 2, next_word())
    assert.same({ 1, #broken }, { outcomes() })
    finish()
  end)

  it("keeps what the scripts that come with mooncrier know", function()
    place:write("h.lua", "return {}\n")
    start(standard:gsub('script = "h.lua"', 'scripts = { "handlers/dedup.lua", "h.lua" }')
      .. ("scripts = %q,"):format(h.root .. "/scripts"))
    place:append("in.jsonl", line("a"))
    h.eventually("it has come", function() return #words() == 1 end)
    place:write("h.lua", marks("new"))
    await_generation(2)
    place:append("in.jsonl", line("repeat") .. line("b", { reason = "Other" }))
    h.eventually("the other one has come", function() return #words() > 1 end)
    assert.same({ "a", "b" }, h.names(place:read("out.jsonl")))
    finish()
  end)

  it("fails when the old script cannot save", function()
    place:write("h.lua", "return { save = function() return print end }\n")
    start()
    place:write("h.lua", marks("new"))
    local said = await_failure(1)
    assert.truthy(said:find("h.lua:1: save must return plain data", 1, true), said)
    finish()
  end)

  describe("of the configuration", function()
    it("says where it is wrong, and goes on", function()
      place:write("h.lua", marks("old"))
      start()
      configure(standard .. "\nsnks = {},")
      local said = await_failure(1)
      assert.truthy(said:find("mooncrier.lua:5: unknown key 'snks'", 1, true), said)
      assert.equal("old", next_word())
      configure(standard)
      await_generation(2)
      finish()
    end)

    it("adds, changes and removes sinks, and finds every event again", function()
      place:write("h.lua", marks("x"))
      start()
      local function with(sinks, names)
        configure(([[
          sources = { { kind = "jsonl", path = "in.jsonl", follow = true } },
          sinks = { %s },
          watchers = { { name = "w", script = "h.lua", sinks = { %s } } },]]):format(sinks, names))
      end
      next_word()
      with([[more = { kind = "file", path = "more.jsonl" }, out = { kind = "file", path = "out.jsonl" }]],
        '"more", "out"')
      await_generation(2)
      next_word("more.jsonl")
      h.eventually("both have it", function() return #words() == 2 end)
      with([[more = { kind = "file", path = "other.jsonl" }, out = { kind = "file", path = "out.jsonl" }]],
        '"out", "more"')
      await_generation(3)
      next_word("other.jsonl")
      with([[out = { kind = "file", path = "out.jsonl" }]], '"out"')
      await_generation(4)
      next_word()
      assert.same({ 4, 1, 1 }, { #words(), #words("more.jsonl"), #words("other.jsonl") })
      local ledger, r = finish()
      local sinks = {}
      for _, sink in ipairs(ledger.watchers[1].sinks) do sinks[sink.name] = sink.delivered end
      assert.same({ out = 4, ["more (ended)"] = 2 }, sinks)
      assert.truthy(r.err:find("watcher w has other sinks", 1, true))
    end)

    it("changes which repeats a sink is told of, without a script", function()
      local function with(updates)
        return ([[
          sources = { { kind = "jsonl", path = "in.jsonl", follow = true } },
          sinks = { out = { kind = "file", path = "out.jsonl", updates = %s } },
          watchers = { { name = "w", sinks = { "out" } } },]]):format(updates)
      end
      start(with('"all"'))
      local function repeats(n)
        place:append("in.jsonl", line("same"):rep(n) .. line("end"))
        h.eventually("the last one has come", function()
          local names = h.names(place:read("out.jsonl"))
          return names[#names] == "end"
        end)
        return #h.names(place:read("out.jsonl"))
      end
      assert.equal(4, repeats(3))
      place:write("out.jsonl", "")
      configure(with('"first"'))
      await_generation(2)
      assert.equal(2, repeats(3))
      finish()
    end)

    it("adds and removes watchers", function()
      place:write("h.lua", marks("x"))
      start()
      next_word()
      local function with(watchers)
        configure(([[
          sources = { { kind = "jsonl", path = "in.jsonl", follow = true } },
          sinks = { out = { kind = "file", path = "out.jsonl" }, two = { kind = "file", path = "two.jsonl" } },
          watchers = { %s },]]):format(watchers))
      end
      local w, two = [[{ name = "w", script = "h.lua", sinks = { "out" } }]],
        [[{ name = "two", script = "h.lua", sinks = { "two" }%s }]]
      with(w .. "," .. two:format(""))
      await_generation(2)
      next_word("two.jsonl")
      with(w .. "," .. two:format(", queue = 50")) -- a queue cannot be changed: it begins anew
      await_generation(3)
      next_word("two.jsonl")
      with(w .. "," .. two:format(", group = 'g'") .. [[, { name = "three", group = "g" }]])
      await_generation(4)
      next_word("two.jsonl")
      with(w .. [[, { name = "three", group = "g" }]])
      await_generation(5)
      next_word()
      with(w .. [[, { name = "three", group = "g" }, { name = "four", group = "g" }]])
      await_generation(6)
      next_word()
      with(w)
      await_generation(7)
      next_word()
      local ledger, r = finish()
      local taken = {}
      for _, watcher in ipairs(ledger.watchers) do taken[watcher.name] = watcher.taken end
      assert.same({ w = 7, ["two (ended)"] = 3, ["three (ended)"] = 3, ["four (ended)"] = 1 }, taken)
      for _, words_said in ipairs({ "watcher two added", "watcher two begins anew", "watcher three added",
        "watcher two removed", "watcher four removed" }) do
        assert.truthy(r.err:find(words_said, 1, true), words_said)
      end
    end)

    it("adds and removes sources, and follows on where it was", function()
      place:write("h.lua", marks("x"))
      place:write("in.jsonl", line("a") .. line("b"))
      start()
      h.eventually("both are there", function() return #words() == 2 end)
      local function with(sources)
        configure((standard:gsub("sources = %b{}", "sources = { " .. sources .. " }")))
      end
      local one, two = [[{ kind = "jsonl", path = "in.jsonl", follow = true }]],
        [[{ kind = "jsonl", path = "two.jsonl", follow = true }]]
      place:write("two.jsonl", line("c"))
      with(one .. "," .. two)
      await_generation(2)
      h.eventually("it reads the new one", function() return #words() == 3 end)
      place:append("two.jsonl", line("d"))
      place:append("in.jsonl", line("e"))
      h.eventually("it reads both", function() return #words() == 5 end)
      with(one)
      await_generation(3)
      place:append("two.jsonl", line("nobody"))
      place:append("in.jsonl", line("f"))
      h.eventually("it reads the one that stayed", function() return #words() == 6 end)
      with(one .. "," .. two) -- it comes back, and begins at its beginning
      await_generation(4)
      h.eventually("it reads the other one anew", function() return #words() == 9 end)
      with(two)
      await_generation(5)
      place:append("two.jsonl", line("g"))
      h.eventually("it reads the one that is left", function() return #words() == 10 end)
      local names = h.names(place:read("out.jsonl"))
      table.sort(names)
      assert.same({ "a", "b", "c", "c", "d", "d", "e", "f", "g", "nobody" }, names)
      local ledger = finish()
      local decoded = 0
      for _, source in ipairs(ledger.sources) do decoded = decoded + source.decoded end
      assert.equal(10, decoded)
    end)

    it("leaves connections, queues and counts of what did not change alone", function()
      place:write("h.lua", "return {}\n")
      receiver = received.start(place, '201={"kind":"Event","apiVersion":"v1",' ..
        '"metadata":{"name":"same","namespace":"default","resourceVersion":"1"}}')
      local config = ([[
        sources = { { kind = "jsonl", path = "in.jsonl", follow = true } },
        sinks = {
          out = { kind = "file", path = "out.jsonl" },
          hook = { kind = "webhook", url = "%s/in" },
          api = { kind = "kube", server = "%s" },
        },
        watchers = { { name = "w", script = "h.lua", correlate = true, sinks = { "out", "hook", "api" } } },]])
        :format(receiver.url, receiver.url)
      start(config)
      for i = 1, 4 do
        -- The same event each time: the correlator counts it.
        place:append("in.jsonl", line("same", { eventTime = h.null }))
        h.eventually("it has come", function()
          return #receiver:requests() == 2 * i and #words() == i
        end)
        if i < 4 then
          place:write("h.lua", ([[return { filter = function() return %d < 10 end }]]):format(i))
          configure(config .. ("\nlimits = { memory = '%dMiB' },"):format(20 + i))
          h.eventually("the reload is over", function() return outcomes() >= i end)
        end
      end
      local counts, connections, methods = {}, {}, {}
      for i, text in ipairs(h.lines(place:read("out.jsonl"))) do counts[i] = h.decode(text).count end
      for _, request in ipairs(receiver:requests()) do
        local sink = request.path == "/in" and "hook" or "api"
        connections[sink] = connections[sink] or request.connection
        assert.equal(connections[sink], request.connection)
        if sink == "api" then methods[#methods + 1] = request.method end
      end
      assert.same({ 1, 2, 3, 4 }, counts)
      assert.same({ "POST", "PATCH", "PATCH", "PATCH" }, methods)
      finish()
    end)

    it("changes nothing when a sink does not open", function()
      place:write("h.lua", marks("old"))
      start()
      assert.equal("old", next_word())
      place:write("h.lua", marks("new"))
      configure((standard:gsub("sinks = { out", 'sinks = { bad = { kind = "file", path = "none/x" }, out')
        :gsub('{ "out" }', '{ "out", "bad" }')))
      local said = await_failure(1)
      assert.truthy(said:find("sink 'bad' of watcher 'w': ", 1, true), said)
      assert.equal("old", next_word())
      place:shell("mkdir none")
      running:signal("HUP")
      await_generation(2)
      assert.equal("new", next_word())
      h.eventually("the new sink has it", function() return #words("none/x") == 1 end)
      finish()
    end)

    it("lets a source go on that waited for a watcher which is removed", function()
      place:write("h.lua", marks("x"))
      local lines = {}
      for i = 1, 2000 do lines[i] = line("e" .. i) end
      place:write("in.jsonl", table.concat(lines))
      local stuck = [[
        sources = { { kind = "jsonl", path = "in.jsonl", follow = true, on_full = "wait" } },
        sinks = { out = { kind = "file", path = "out.jsonl" },
          hook = { kind = "webhook", url = "http://127.0.0.1:1/", queue = 10 } },
        watchers = { { name = "w", script = "h.lua", sinks = { "out" } },
          { name = "stuck", queue = 10, sinks = { "hook" } } },
        limits = { drain_timeout = "1s" },]]
      start(stuck)
      place:shell("sleep 0.3")
      assert.is_true(#words() < 2000)
      configure((stuck:gsub('{ name = "stuck".- } }', "")))
      h.eventually("all have come", function() return #words() == 2000 end)
      running:signal("TERM")
      local r = running:wait()
      assert.is_nil(r.err:find("does not add up", 1, true), r.err)
    end)

    it("says what only the next start takes up", function()
      place:write("h.lua", marks("x"))
      start()
      configure(standard .. '\ndead_letters = "dead.jsonl",')
      await_generation(2)
      assert.truthy(running:err():find("only the next start takes up dead_letters", 1, true), running:err())
      finish()
    end)
  end)

  it("is refused while the program ends, and nothing is left running", function()
    for _ = 1, 5 do
      place:write("h.lua", marks("x"))
      place:write("two.jsonl", line("z"))
      start()
      next_word()
      -- A new source that would never end, and a script that takes a while to load.
      place:write("h.lua", marks("y") .. "-- " .. ("x"):rep(1000))
      configure((standard:gsub("sources = { ",
        'sources = { { kind = "jsonl", path = "two.jsonl", follow = true }, ')))
      running:signal("HUP")
      finish()
      place:shell("rm out.jsonl in.jsonl")
    end
  end)
end)
