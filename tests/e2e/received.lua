-- Somebody's server as a test needs it (tests/support/receiver.c), and the program with one webhook
-- sink that sends there.
--
--   local r = received.start(place, "503", "400=no such field")      200 when nothing is said
--   local result, sink = r:run("batch = { events = 100 }")           sink: its part of the ledger
--   r:requests()[1].body                                             method, path, headers, body, status
--   r:stop()

local h = require("tests.e2e.harness")

local received = {}

local Receiver = {}
Receiver.__index = Receiver

local program = h.binary:match("^(.*)/") .. "/tests/receiver"

-- Answers like this (STATUS or STATUS=BODY, in order, the last one for ever).
function received.start(place, ...)
  local answers = ""
  for _, answer in ipairs({ ... }) do answers = answers .. " '" .. answer .. "'" end
  place:shell(("mkfifo hold; { timeout 60 '%s'%s <>hold >requests 2>&1 & echo $! >pid; } >/dev/null")
    :format(program, answers))
  local url = h.eventually("the receiver listens", function()
    return (place:read("requests") or ""):match("^(http://%S+)\n")
  end)
  return setmetatable({ place = place, pid = tonumber(place:read("pid")), url = url }, Receiver)
end

function Receiver:stop()
  os.execute("kill " .. self.pid)
end

-- The requests that came, decoded.
function Receiver:requests()
  local list = h.lines(self.place:read("requests"))
  table.remove(list, 1)
  for i, line in ipairs(list) do list[i] = h.decode(line) end
  return list
end

-- Runs the program with a sink of these options (Lua text). more: events (a path, default
-- events.jsonl), script (Lua text: one of the watcher).
function Receiver:run(options, more)
  more = more or {}
  local config = [[
    return {
      scripts = %q,
      sources = { { kind = "jsonl", path = %q } },
      sinks = { hook = { kind = "webhook", url = %q, %s } },
      dead_letters = "dead.jsonl",
      watchers = { { name = "w", script = %s, sinks = { "hook" } } },
    }]]
  self.place:write("mooncrier.lua", config:format(h.root .. "/scripts", more.events or "events.jsonl",
    self.url .. "/in?x=1", options, more.script or "nil"))
  local result = self.place:run({ "run", "-o", "json" })
  return result, h.ledger(result).watchers[1].sinks[1]
end

return received
