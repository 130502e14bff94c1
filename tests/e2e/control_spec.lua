-- Commands to a running program: by `mooncrier status`, `reload` and `rollback`, over the control
-- socket and by signal; which socket that is, and who may use it.
local ffi = require("ffi")
local h = require("tests.e2e.harness")

ffi.cdef([[
int socket(int domain, int type, int protocol);
int connect(int fd, const void *address, unsigned length);
int shutdown(int fd, int how);
long send(int fd, const void *bytes, unsigned long n, int flags);
long recv(int fd, void *bytes, unsigned long n, int flags);
int close(int fd);
struct control_address { unsigned short family; char path[108]; };
]])

local good = [[return { handle = function(event) return event:with({ reason = "%s" }) end }]]

describe("a running mooncrier takes commands:", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local function config(more)
    place:write("mooncrier.lua", ([[return {
      sources = { { kind = "jsonl", path = "in.jsonl", follow = true } },
      sinks = { out = { kind = "file", path = "out.jsonl" } },
      watchers = { { name = "w", script = "s.lua", sinks = { "out" } } },
      reload = { watch = false }, %s
    }]]):format(more or ""))
  end

  local function start(more, options)
    config(more)
    place:write("s.lua", good:format("one"))
    place:write("in.jsonl", "")
    local p = place:start({ "run", "-o", "json" }, options)
    h.eventually("it answers", function() return place:run({ "status" }, options).code == 0 end)
    return p
  end

  local function status(options)
    local r = place:run({ "status", "-o", "json" }, options)
    assert.same({ 0, "" }, { r.code, r.err })
    return h.decode(r.out)
  end

  local function reason_of_next(name)
    local before = #h.lines(place:read("out.jsonl") or "")
    place:append("in.jsonl", h.event(name) .. "\n")
    h.eventually(name .. " came through", function() return #h.lines(place:read("out.jsonl")) > before end)
    local lines = h.lines(place:read("out.jsonl"))
    return h.decode(lines[#lines]).reason
  end

  -- Sends the text to the socket, ends its side, and returns all that comes back.
  local function talk(path, text)
    local fd = ffi.C.socket(1, 1, 0)
    local address = ffi.new("struct control_address", 1, path)
    assert.equal(0, ffi.C.connect(fd, address, ffi.sizeof(address)))
    assert.equal(#text, tonumber(ffi.C.send(fd, text, #text, 0)))
    ffi.C.shutdown(fd, 1)
    local parts, bytes = {}, ffi.new("char[65536]")
    while true do
      local n = tonumber(ffi.C.recv(fd, bytes, 65536, 0))
      if n <= 0 then break end
      parts[#parts + 1] = ffi.string(bytes, n)
    end
    ffi.C.close(fd)
    return table.concat(parts)
  end

  it("reload, which says what has changed, or why not and where", function()
    local p = start()
    assert.equal("one", reason_of_next("a"))
    place:write("s.lua", good:format("two"))
    local r = place:run({ "reload" })
    assert.same({ 0, "generation 2 runs, changed: s.lua\n", "" }, { r.code, r.out, r.err })
    assert.equal("two", reason_of_next("b"))

    place:write("s.lua", "return {\n  handle = 5,\n}")
    r = place:run({ "reload" })
    assert.same({ 1, "" }, { r.code, r.out })
    assert.matches("s.lua", r.err, 1, true)
    assert.matches("generation 2 goes on", r.err, 1, true)
    r = place:run({ "reload", "-o", "json" })
    assert.same({ 1, "" }, { r.code, r.out })
    assert.equal("two", reason_of_next("c"))

    local s = status()
    assert.same({ 2, 1, 2, false }, { s.generation.number, s.reload.succeeded, s.reload.failed, s.reload.last.ok })
    assert.equal("s.lua", s.generation.changed)
    p:signal("TERM")
    assert.equal(0, p:wait().code)
  end)

  it("a broken line of a script is named with file and line", function()
    start()
    place:write("s.lua", "return {\n  handle = function( end,\n}")
    assert.matches("error: s.lua:2: ", place:run({ "reload" }).err, 1, true)
  end)

  it("rollback, back and forth", function()
    start()
    local r = place:run({ "rollback" })
    assert.equal(1, r.code)
    assert.matches("there is no generation before this one", r.err, 1, true)
    place:write("s.lua", good:format("two"))
    assert.equal(0, place:run({ "reload" }).code)
    r = place:run({ "rollback" })
    assert.same({ 0, "" }, { r.code, r.err })
    assert.equal("one", reason_of_next("a"))
    assert.equal(0, place:run({ "rollback" }).code)
    assert.equal("two", reason_of_next("b"))
  end)

  it("SIGHUP does the same, and the log and `status` tell what came of it", function()
    local p = start()
    place:write("s.lua", good:format("two"))
    p:signal("HUP")
    h.eventually("it runs", function() return status().generation.number == 2 end)
    assert.same({ true, "SIGHUP" }, { status().reload.last.ok, status().reload.last.who })
    assert.matches("SIGHUP: generation 2 runs", p:err(), 1, true)
    place:write("s.lua", "broken")
    p:signal("HUP")
    h.eventually("it failed", function() return status().reload.failed == 1 end)
    assert.equal("two", reason_of_next("a"))
  end)

  it("status has all of the program", function()
    local p = start()
    reason_of_next("a")
    local s = status()
    assert.equal(p:pid(), s.pid)
    assert.same({ true, h.null, h.null }, { s.ready, s.admin, s.last_good })
    assert.matches("/mooncrier.lua$", s.config)
    assert.same({ "mooncrier.lua", "s.lua" }, { s.generation.files[1].path, s.generation.files[2].path })
    assert.same({ 1, 16 }, { s.generation.number, #s.generation.hash })
    assert.equal("handle", s.watchers[1].hooks[1].hook)
    s.watchers[1].hooks = nil
    assert.same({ { name = "w", host = "w", group = h.null, scripts = { "s.lua (handle)" }, leaving = false,
      silent = false } }, s.watchers)
    assert.equal(1, s.ledger.watchers[1].sinks[1].delivered)
    local text = place:run({ "status" }).out
    for _, part in ipairs({ "process " .. p:pid(), s.socket, "generation  1, " .. s.generation.hash,
      "script    s.lua (handle)", "1 assigned = 1 delivered" }) do
      assert.matches(part, text, 1, true)
    end
  end)

  it("status answers although a hook does not return, and says whose", function()
    local p = start('limits = { deadline = "60s" },')
    place:write("s.lua", "return { handle = function() log.info('%s', 'stuck') while true do end end }")
    assert.equal(0, place:run({ "reload" }).code)
    place:append("in.jsonl", h.event("a") .. "\n")
    h.eventually("it is stuck", function() return p:err():find("stuck", 1, true) end)
    local s = status()
    assert.is_true(s.watchers[1].silent)
    assert.same({}, s.ledger.watchers)
    assert.equal(1, s.ledger.sources[1].decoded)
    assert.matches("watcher     w, which does not answer", place:run({ "status" }).out, 1, true)
  end)

  it("the socket is its owner's alone, whatever the umask, and goes with the program", function()
    local p = start('state_dir = "state",', { before = "umask 0" })
    local s = status()
    assert.matches("/state/control.sock$", s.socket)
    assert.equal("600 700\n", place:shell("echo $(stat -c %a state/control.sock state)"))
    p:signal("TERM")
    p:wait()
    assert.equal("gone\n", place:shell("test -e state/control.sock || echo gone"))
  end)

  it("answers lines of JSON, one after the other", function()
    start('control = "c.sock",')
    local lines = h.lines(talk(place:path("c.sock"), '{"mooncrier":1,"request":"ping"}\n' ..
      '{"mooncrier":2,"request":"ping"}\nnothing\n{"mooncrier":1,"request":"relaod"}\n' ..
      '{"mooncrier":1,"request":"reload"}\n{"mooncrier":1,"request":"rollback"}'))
    for i, line in ipairs(lines) do lines[i] = h.decode(line) end
    assert.equal(6, #lines)
    assert.same({ mooncrier = 1, ok = true }, lines[1])
    assert.same({ mooncrier = 1, ok = false, error = "this mooncrier speaks version 1 of the control protocol" },
      lines[2])
    assert.matches("a request is a line such as", lines[3].error, 1, true)
    assert.matches("did you mean 'reload'?", lines[4].error, 1, true)
    assert.same({ true, 2, "reload" }, { lines[5].ok, lines[5].outcome.generation, lines[5].outcome.what })
    assert.same({ true, 3, "rollback" }, { lines[6].ok, lines[6].outcome.generation, lines[6].outcome.what })
  end)

  it("a tap is answered by lines for ever, until the client ends its side", function()
    start('control = "c.sock",')
    local lines = h.lines(talk(place:path("c.sock"),
      '{"mooncrier":1,"request":"tap","at":["dropped","source"],"sample":0,"watcher":"w","sink":"out"}\n'))
    assert.same({ '{"mooncrier":1,"ok":true,"tap":{"at":["source","dropped"],"sample":0}}',
      '{"counts":{"passed":0,"shown":0,"full":0}}' }, lines)
    local mistakes = {
      { '"at":"source"', '"at" is a list of stages' },
      { '"at":["sorce"]', "there is no stage 'sorce'" },
      { '"at":[5]', "there is no stage ''" },
      { '"sample":-1', '"sample" is a number of events a second, at most 1000000' },
      { '"sample":"all"', '"sample" is a number of events a second, at most 1000000' },
      { '"watcher":"v"', "there is no watcher 'v'; there are: w" },
      { '"sink":"somewhere"', "there is no sink 'somewhere'; there are: out" },
    }
    for _, case in ipairs(mistakes) do
      -- The connection goes on after one.
      lines = h.lines(talk(place:path("c.sock"), ('{"mooncrier":1,"request":"tap",%s}\n'):format(case[1]) ..
        '{"mooncrier":1,"request":"ping"}\n'))
      assert.equal(case[2], h.decode(lines[1]).error)
      assert.equal('{"mooncrier":1,"ok":true}', lines[2])
    end
  end)

  it("cuts off a request that is too long", function()
    start('control = "c.sock",')
    local answer = talk(place:path("c.sock"), ("x"):rep(65600))
    assert.matches("at most 65536 bytes", answer, 1, true)
    assert.equal(0, place:run({ "status" }).code)
  end)

  it("a socket that a killed one has left is replaced, that of a living one is not", function()
    local p = start('control = "c.sock",')
    p:signal("KILL")
    p:wait()
    assert.equal("there\n", place:shell("test -S c.sock && echo there"))
    local r = place:run({ "status" })
    assert.equal(1, r.code)
    assert.matches("c.sock (nobody listens)", r.err, 1, true)
    local second = start('control = "c.sock",')
    r = place:run({ "run" })
    assert.equal(1, r.code)
    assert.matches(("process %d listens at ./c.sock already"):format(second:pid()), r.err, 1, true)
    assert.equal(second:pid(), status().pid)
  end)

  it("does not touch a file that is no socket", function()
    place:write("c.sock", "mine")
    config('control = "c.sock",')
    place:write("s.lua", good:format("one"))
    local r = place:run({ "run" })
    assert.equal(1, r.code)
    assert.matches("there is a file that is no socket", r.err, 1, true)
    assert.equal("mine", place:read("c.sock"))
  end)

  it("two of one configuration that says no place: the second runs without commands", function()
    local p = start()
    local second = place:start({ "run" })
    h.eventually("it says so", function()
      return (second:err() or ""):find("this process takes no commands", 1, true)
    end)
    assert.equal(p:pid(), status().pid)
  end)

  it('control = "none" is none', function()
    config('control = "none",')
    place:write("s.lua", good:format("one"))
    place:write("in.jsonl", h.event("a") .. "\n")
    place:start({ "run" })
    h.eventually("it runs", function() return place:read("out.jsonl") ~= nil end)
    local r = place:run({ "status" })
    assert.equal(1, r.code)
    assert.matches('mooncrier.lua says control = "none"', r.err, 1, true)
  end)

  for where, more in pairs({ ["in state_dir"] = 'state_dir = "state",', ["at control"] = 'control = "c.sock",',
    ["nowhere in particular"] = "" }) do
    it("is found by its configuration although that is broken by now: socket " .. where, function()
      start(more)
      place:write("mooncrier.lua", "return {\n  sources = 5,\n}")
      local r = place:run({ "reload" })
      assert.same({ 1, "" }, { r.code, r.out })
      assert.matches("error: mooncrier.lua:2: ", r.err, 1, true)
      assert.matches("generation 1 goes on", r.err, 1, true)
    end)
  end

  it("is found from another folder, by its configuration or its socket", function()
    start('control = "c.sock",')
    place:shell("mkdir other")
    local before = { before = "cd other" }
    assert.equal(0, place:run({ "status", "-c", "../mooncrier.lua" }, before).code)
    assert.equal(0, place:run({ "reload", "--socket", "../c.sock" }, before).code)
    local r = place:run({ "status", "-s", "no.sock" })
    assert.equal(1, r.code)
    assert.matches("no mooncrier runs there; tried: no.sock (there is none)", r.err, 1, true)
  end)

  it("is found although a mounted ConfigMap has exchanged its files", function()
    config()
    place:write("in.jsonl", "")
    place:write("s.lua", good:format("one"))
    place:shell("mkdir -p cm/..1 cm/..2 && cp mooncrier.lua s.lua cm/..1 && ln -s ..1 cm/..data && " ..
      "ln -s ..data/mooncrier.lua cm/mooncrier.lua && ln -s ..data/s.lua cm/s.lua")
    place:write("cm/..2/s.lua", good:format("two"))
    place:shell("cp mooncrier.lua cm/..2")
    place:start({ "run", "-c", "cm/mooncrier.lua" })
    h.eventually("it answers", function() return place:run({ "status", "-c", "cm/mooncrier.lua" }).code == 0 end)
    place:shell("ln -s ..2 cm/..data_tmp && mv -T cm/..data_tmp cm/..data && rm -r cm/..1")
    local r = place:run({ "reload", "-c", "cm/mooncrier.lua" })
    assert.same({ 0, "generation 2 runs, changed: cm/s.lua\n" }, { r.code, r.out })
    assert.equal("two", reason_of_next("a"))
  end)

  it("says what it has tried when nothing runs", function()
    config()
    place:write("s.lua", good:format("one"))
    for _, command in ipairs({ "status", "reload", "rollback" }) do
      local r = place:run({ command })
      assert.same({ 1, "" }, { r.code, r.out })
      assert.matches("no mooncrier runs there; tried: /%S+%.sock %(there is none%)", r.err)
    end
  end)

  it("gives up after --timeout", function()
    local fd = ffi.C.socket(1, 1, 0)
    ffi.cdef("int bind(int, const void *, unsigned); int listen(int, int);")
    local address = ffi.new("struct control_address", 1, place:path("deaf.sock"))
    assert.equal(0, ffi.C.bind(fd, address, ffi.sizeof(address)))
    assert.equal(0, ffi.C.listen(fd, 1))
    local r = place:run({ "reload", "--socket", "deaf.sock", "--timeout", "100ms" })
    ffi.C.close(fd)
    assert.equal(1, r.code)
    assert.matches("no answer in time", r.err, 1, true)
    assert.equal(2, place:run({ "reload", "--timeout", "soon" }).code)
  end)
end)
