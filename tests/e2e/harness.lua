-- Runs the program as a user does: in a folder of its own, from a shell, and looks at what it says.
--
--   local h = require("tests.e2e.harness")
--   local place = h.place()                     a fresh temporary folder
--   place:write("in.jsonl", text)
--   local r = place:run({ "eval", "true", "in.jsonl" })     r.code, r.out, r.err
--   local p = place:start({ "run" })            in the background: p:signal("TERM"), p:wait()
--   h.eventually("the line is there", function() return place:read("out") == "x\n" end)
--   place:remove()

local cjson = require("cjson")
local ffi = require("ffi")

ffi.cdef([[
int poll(void *fds, unsigned long n, int timeout_ms);
int kill(int pid, int signal);
]])

local harness = { null = cjson.null }

local binary = os.getenv("MOONCRIER") or "build/release/mooncrier"
local root = io.popen("pwd"):read("*l")
if binary:sub(1, 1) ~= "/" then binary = root .. "/" .. binary end

harness.binary = binary
harness.root = root

-- How long a condition may take on a busy machine before the test fails.
local PATIENCE_MS = 20000

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function words(list)
  local quoted = {}
  for i, word in ipairs(list) do quoted[i] = quote(word) end
  return table.concat(quoted, " ")
end

-- Calls condition until it gives something true, which is returned; an error past the deadline.
function harness.eventually(what, condition)
  for _ = 1, PATIENCE_MS / 5 do
    local result = condition()
    if result then return result end
    ffi.C.poll(nil, 0, 5)
  end
  error("waited in vain until " .. what, 2)
end

local Place = {}
Place.__index = Place

function harness.place()
  local pipe = io.popen("mktemp -d")
  local dir = pipe:read("*l")
  pipe:close()
  return setmetatable({ dir = dir, n = 0, started = {} }, Place)
end

-- Ends what was started here and still runs, then removes the folder.
function Place:remove()
  for _, p in ipairs(self.started) do
    if p:running() then
      ffi.C.kill(p:pid(), 9)
      harness.eventually("a killed program is gone", function() return not p:running() end)
    end
  end
  os.execute("rm -rf " .. quote(self.dir))
end

function Place:path(name)
  return self.dir .. "/" .. name
end

function Place:write(name, text, mode)
  local file = assert(io.open(self:path(name), mode or "wb"))
  assert(file:write(text))
  file:close()
end

function Place:append(name, text)
  self:write(name, text, "ab")
end

-- nil when there is no such file.
function Place:read(name)
  local file = io.open(self:path(name), "rb")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

-- Runs a shell command in the folder; what it prints on stdout.
function Place:shell(command)
  local pipe = io.popen("cd " .. quote(self.dir) .. " && " .. command, "r")
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local Process = {}
Process.__index = Process

-- Starts the program with the arguments. options: stdin (text), stdin_file (a name), env (a
-- string such as "A=1"), before (a shell command that runs in the same shell first).
function Place:start(args, options)
  options = options or {}
  self.n = self.n + 1
  local name = ".run" .. self.n
  local stdin = "/dev/null"
  if options.stdin then
    self:write(name .. ".in", options.stdin)
    stdin = name .. ".in"
  elseif options.stdin_file then
    stdin = options.stdin_file
  end
  local inner = ("echo $$ >%s.pid; %s exec env %s %s %s"):format(name,
    options.before and options.before .. ";" or "", options.env or "", quote(binary), words(args))
  local command = ("cd %s && { sh -c %s <%s >%s.out 2>%s.err; echo $? >%s.part; mv %s.part %s.code; } &")
    :format(quote(self.dir), quote(inner), stdin, name, name, name, name, name)
  os.execute(command)
  local p = setmetatable({ place = self, name = name }, Process)
  self.started[#self.started + 1] = p
  return p
end

function Process:out() return self.place:read(self.name .. ".out") end

function Process:err() return self.place:read(self.name .. ".err") end

function Process:pid()
  return harness.eventually("the program has a pid", function()
    return tonumber(self.place:read(self.name .. ".pid"))
  end)
end

local numbers = { HUP = 1, INT = 2, KILL = 9, USR1 = 10, USR2 = 12, TERM = 15 }

function Process:signal(name)
  assert(ffi.C.kill(self:pid(), numbers[name]) == 0, "the program is gone already")
end

function Process:running()
  return self.place:read(self.name .. ".code") == nil
end

-- Waits for the end; { code, out, err }. What does not end in time is killed and an error.
function Process:wait()
  local ended = pcall(harness.eventually, "", function() return not self:running() end)
  if not ended then
    ffi.C.kill(self:pid(), numbers.KILL)
    error("the program did not end; it had said:\n" .. self:err(), 2)
  end
  return {
    code = tonumber(self.place:read(self.name .. ".code")),
    out = self:out(),
    err = self:err(),
  }
end

function Place:run(args, options)
  return self:start(args, options):wait()
end

-- The JSON ledger among the lines of stderr.
function harness.ledger(result)
  for line in result.err:gmatch("[^\n]+") do
    if line:sub(1, 1) == "{" then return cjson.decode(line) end
  end
  error("no JSON ledger in: " .. result.err, 2)
end

function harness.decode(text) return cjson.decode(text) end

-- The lines of a text, without their ends.
function harness.lines(text)
  local list = {}
  for line in text:gmatch("([^\n]*)\n") do list[#list + 1] = line end
  return list
end

-- An event as one line of JSON, without the newline; `name` and whatever fields differ.
function harness.event(name, fields)
  local event = {
    kind = "Event",
    apiVersion = "v1",
    metadata = { name = name, namespace = "default", creationTimestamp = cjson.null },
    involvedObject = { kind = "Pod", namespace = "default", name = "web-0" },
    reason = "BackOff",
    message = "Back-off restarting failed container",
    source = { component = "kubelet" },
    firstTimestamp = "2026-11-23T05:00:00Z",
    lastTimestamp = "2026-11-23T05:01:00Z",
    count = 1,
    type = "Warning",
    eventTime = cjson.null,
    reportingComponent = "",
    reportingInstance = "",
  }
  for key, value in pairs(fields or {}) do event[key] = value end
  return cjson.encode(event)
end

-- The metadata.name of every event in JSON lines.
function harness.names(text)
  local names = {}
  for _, line in ipairs(harness.lines(text)) do names[#names + 1] = cjson.decode(line).metadata.name end
  return names
end

return harness
