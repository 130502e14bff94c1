local mooncrier = require("mooncrier")

describe("sinks/audit", function()
  local dir

  before_each(function()
    dir = os.tmpname()
    os.remove(dir)
    os.execute("mkdir " .. dir)
    mooncrier.clock(1795410100) -- 2026-11-23T05:01:40Z
  end)

  after_each(function()
    os.execute("rm -r " .. dir)
  end)

  local function open(params)
    local given = { dir = dir }
    for name, value in pairs(params or {}) do
      given[name] = value
    end
    local sink = mooncrier.load_sink("scripts/sinks/audit.lua", given, { "io" })
    assert.is_nil(sink:open())
    return sink
  end

  local function lines(day)
    local list = {}
    for line in assert(io.lines(("%s/audit-%s.jsonl"):format(dir, day or "2026-11-23"))) do
      list[#list + 1] = line
    end
    return list
  end

  local function sha256(text)
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    local pipe = assert(io.popen("sha256sum < " .. path))
    local sum = pipe:read("*l"):match("^%x+")
    pipe:close()
    os.remove(path)
    return sum
  end

  local function event(name)
    return mooncrier.event({
      metadata = { name = name, uid = "u-" .. name, namespace = "prod", labels = { team = "web" } }, type = "Normal",
      reason = "ScalingReplicaSet", message = "Scaled up replica set web-5d4 from 1 to 3",
      involvedObject = { kind = "Deployment", namespace = "prod", name = "web", uid = "u-1" },
      source = { component = "deployment-controller" }, lastTimestamp = "2026-11-23T05:01:00Z",
    })
  end

  it("writes who did what to which object, and when", function()
    local sink = open()
    assert.is_nil(sink:write(event("a")))
    assert.is_nil(sink:flush())
    assert.same({
      number = 1, previous = ("0"):rep(64), written = "2026-11-23T05:01:40.000Z", time = "2026-11-23T05:01:00Z",
      change = "new", by = { component = "deployment-controller" }, type = "Normal", reason = "ScalingReplicaSet",
      object = { kind = "Deployment", namespace = "prod", name = "web", uid = "u-1" }, times = 1,
      message = "Scaled up replica set web-5d4 from 1 to 3", event = { namespace = "prod", name = "a", uid = "u-a" },
    }, mooncrier.json.decode(lines()[1]))
    local labelled = open({ labels = true })
    labelled:write(event("b"))
    labelled:close()
    assert.same({ team = "web" }, mooncrier.json.decode(lines()[2]).labels)
  end)

  it("chains all lines of real events, over days and restarts, as sha256sum sees it", function()
    local sink = open()
    local n = 0
    for one in mooncrier.events("examples/data/watch.jsonl") do
      n = n + 1
      if n == 20 then
        sink:flush()
        sink:close()
        sink = open()
      elseif n == 30 then
        mooncrier.clock(1795410100 + 86400)
        sink:reopen()
      end
      assert.is_nil(sink:write(one))
    end
    sink:flush()
    sink:close()
    local all = lines()
    assert.equal(29, #all)
    for _, line in ipairs(lines("2026-11-24")) do
      all[#all + 1] = line
    end
    assert.equal(n, #all)
    for i = 2, n do
      local entry = mooncrier.json.decode(all[i])
      assert.equal(i, entry.number)
      assert.equal(sha256(all[i - 1]), entry.previous)
    end
  end)

  it("goes on behind a line that was cut off", function()
    local sink = open()
    sink:write(event("a"))
    sink:close()
    local file = assert(io.open(dir .. "/audit-2026-11-23.jsonl", "a"))
    file:write('{"number":2,"prev')
    file:close()
    sink = open()
    sink:write(event("b"))
    sink:close()
    local all = lines()
    assert.equal(3, #all)
    assert.equal(sha256(all[2]), mooncrier.json.decode(all[3]).previous)
  end)

  for _, size in ipairs({ 0, 54, 55, 56, 63, 64, 200, 70000 }) do
    it("hashes lines with messages of " .. size .. " bytes", function()
      local sink = open()
      for i = 1, 2 do
        sink:write(mooncrier.event({ message = ("x"):rep(size), involvedObject = { kind = "Pod", name = "p" .. i } }))
        sink:flush()
        sink:close()
      end
      sink = open() -- finds the long line again
      sink:write(event("c"))
      sink:close()
      local all = lines()
      assert.equal(sha256(all[1]), mooncrier.json.decode(all[2]).previous)
      assert.equal(sha256(all[2]), mooncrier.json.decode(all[3]).previous)
    end)
  end

  it("does not start without its folder, and waits when it is gone", function()
    local sink = mooncrier.load_sink("scripts/sinks/audit.lua", { dir = "/nowhere" }, { "io" })
    assert.same({ false, "/nowhere: No such file or directory" }, { sink:open() })
    assert.same({ "retry", "/nowhere/audit-2026-11-23.jsonl: No such file or directory" }, { sink:write(event("a")) })
  end)
end)
