-- What every handler of scripts/ that keeps something keeps over a reload: what it tells is the same with and without.

local rfc3339 = require("mooncrier.rfc3339")
local test = require("mooncrier.test")

-- Parameters of those that need some, or tell too little of a quarter of an hour without.
local parameters = {
  ["crashloop"] = { threshold = 3 },
  ["dedup_owner"] = { every = "5m" },
  ["dedup"] = { every = "5m" },
  ["evictions"] = { threshold = 8 },
  ["incidents"] = { quiet = "2m" },
  ["job_failures"] = { threshold = 2 },
  ["oom_kills"] = { threshold = 2 },
  ["quiet_hours"] = { hours = "05:00-05:12" },
  ["sample"] = { warnings = true, rate = 0.3, first = 2 },
  ["scheduling_digest"] = { every = "4m" },
  ["slo"] = { least = 5, burn = 2, objective = 90, report = "3m" },
}

-- Those that emit nothing.
local silent = { sample = true, dedup = true, dedup_owner = true }

local function handlers_that_save()
  local list = {}
  for path in io.popen("grep -l '^  save = ' scripts/handlers/*.lua"):lines() do
    list[#list + 1] = path:match("([^/]+)%.lua$")
  end
  return list
end

local function script_of(name)
  local script = { "handlers/" .. name .. ".lua" }
  for key, value in pairs(parameters[name] or {}) do
    script[key] = value
  end
  return script
end

-- Everything that the script did to the events, as texts.
local function told(name, events, reload_every)
  test.clock(events[1].time)
  local watcher = test.start(script_of(name))
  for i, event in ipairs(events) do
    watcher:send(event)
    if i % reload_every == 0 then
      watcher:reload()
    end
  end
  local result = watcher:stop()
  local list = {}
  for _, outcome in ipairs(result) do
    list[#list + 1] = outcome.outcome .. " " .. tostring(outcome.changed) .. (outcome.reason or "")
  end
  for _, one in ipairs(result.emitted) do
    -- A reload begins the ticks anew, which shifts the heart's beats.
    local message = name == "heartbeat" and "" or one.event.message
    list[#list + 1] = one.event.reason .. " " .. one.event.involvedObject.name .. " " .. message
  end
  table.sort(list)
  return list
end

-- Events of the node problem detector, which the real ones lack.
local function with_kills(events)
  local list = {}
  for i, event in ipairs(events) do
    list[#list + 1] = event
    if i % 100 == 0 then
      list[#list + 1] = test.event({
        reason = "SystemOOM", message = "System OOM encountered, victim process: java, pid: " .. i,
        involvedObject = { kind = "Node", name = "edge-7" }, lastTimestamp = rfc3339.format(event.time),
      })
    end
  end
  return list
end

describe("over a reload", function()
  local events = with_kills(test.events("examples/data/troubles.jsonl"))

  local names = handlers_that_save()

  it("all that save are looked at", function()
    assert.is_true(#names >= 15, #names)
  end)

  for _, name in ipairs(names) do
    it("handlers/" .. name .. " tells the same", function()
      local without = told(name, events, math.huge)
      if not silent[name] then
        assert.truthy(#without > #events, "it tells nothing") -- more than the outcomes
      end
      assert.same(without, told(name, events, 53))
    end)

    it("handlers/" .. name .. " fits what it knows into what may be saved", function()
      local watcher = test.start(script_of(name), { still = true })
      local long = ("x"):rep(230)
      for i = 1, 2000 do
        local event = events[i % #events + 1]
        local namespace = event.involvedObject.namespace ~= "" and ("n"):rep(50) .. i or nil
        watcher:send(event:with({
          metadata = { name = long .. i, uid = long .. i },
          involvedObject = { name = long .. i, uid = long .. i, namespace = namespace },
          source = { host = long .. i },
        }))
      end
      watcher:reload()
      watcher:stop()
    end)
  end
end)
