-- Runs scripts on events as the program's drivers do, for the specs here: text in, what became of the
-- events out. Every world has its own files and log.

local ffi = require("ffi")
local core = require("mooncrier.core")
local event = require("mooncrier.event")
local driver = require("mooncrier.driver")
local mooncrier = require("mooncrier")

local world = {}

local outcomes = { [0] = "pass", "drop", "refused" }

-- Calls `hook` of the script text for each event (JSON text or field tables): a list of what became of
-- them, "pass", "drop" or "refused", the events that go on, and the errors.
function world.run(stage, text, events)
  local hooks = world.load(text)
  local failures, on_failed = {}, core.hook_failed
  core.hook_failed = function(_, _, i, message)
    failures[#failures + 1] = message
    event.run.slot[i].outcome = 2
  end
  local batch, one = driver.new(stage, hooks[stage], "spec", "spec.lua:1: ", { bits = {}, index = {} })
  local slots = ffi.new("mcr_slot[?]", #events)
  local kept = {}
  for i, source in ipairs(events) do
    kept[i] = mooncrier.event(source)
    slots[i - 1].handle = event.api.ref(kept[i].handle)
  end
  event.run.slot, event.run.first, event.run.last = slots, 0, #events
  event.run.in_hook = 1
  local run = #events == 1 and one or batch
  local ok, message = pcall(run)
  event.run.in_hook = 0
  event.run.slot = nil
  core.hook_failed = on_failed
  assert(ok, message)
  local results, left = {}, {}
  for i = 1, #events do
    results[i] = outcomes[slots[i - 1].outcome]
    -- The slot's hold becomes the view's.
    left[i] = ffi.gc(event.view_t(slots[i - 1].handle, 0), event.api.unref_view)
  end
  return results, left, failures
end

-- A folder of files, name → text; the path of the folder.
function world.files(files)
  local pipe = io.popen("mktemp -d")
  local dir = pipe:read("*l")
  pipe:close()
  for name, text in pairs(files) do
    local folder = name:match("^(.*)/")
    if folder then
      os.execute(("mkdir -p '%s/%s'"):format(dir, folder))
    end
    local file = assert(io.open(dir .. "/" .. name, "wb"))
    file:write(text)
    file:close()
  end
  return dir
end

-- The hooks of the script `text`, loaded from a file.
function world.load(text)
  local dir = world.files({ ["spec.lua"] = text })
  local ok, script = pcall(mooncrier.load, dir .. "/spec.lua")
  os.execute(("rm -r '%s'"):format(dir))
  if not ok then
    error((script:gsub(dir:gsub("%p", "%%%0") .. "/", "")), 0)
  end
  return script.hooks
end

return world
