-- What people write without mooncrier: plain LuaJIT and lua-cjson (Debian's lua-cjson), one file,
-- line by line. The four workloads of the `run-*` benches, as fast as such a script gets: reading
-- and writing in large pieces, untouched lines written as they came.
--
--   luajit baseline.lua filter|enrich|route|null INPUT OUTPUT
--   luajit baseline.lua compare EXPECTED FOUND    same events, whatever the order of their keys
--
-- route writes OUTPUT.backoff, OUTPUT.scheduling and OUTPUT.rest.

local cjson = require("cjson")

local function open_output(path)
  local file = assert(io.open(path, "w"))
  file:setvbuf("full", 1024 * 1024)
  return file
end

-- Calls each(line) for every line of the file.
local function lines(path, each)
  local file = assert(io.open(path, "r"))
  local rest = ""
  while true do
    local piece = file:read(64 * 1024)
    if not piece then break end
    piece = rest .. piece
    local from = 1
    while true do
      local newline = piece:find("\n", from, true)
      if not newline then break end
      each(piece:sub(from, newline - 1))
      from = newline + 1
    end
    rest = piece:sub(from)
  end
  if rest ~= "" then each(rest) end
  file:close()
end

local workloads = {}

function workloads.filter(input, output)
  local out = open_output(output)
  lines(input, function(line)
    local event = cjson.decode(line)
    if event.type == "Warning" and (event.reason == "BackOff" or event.reason == "FailedScheduling")
      and event.metadata.namespace:find("^prod%-") then
      out:write(line, "\n")
    end
  end)
  out:close()
end

local severity = { BackOff = "high", FailedScheduling = "high", Unhealthy = "medium" }

function workloads.enrich(input, output)
  local out = open_output(output)
  lines(input, function(line)
    local event = cjson.decode(line)
    if event.type == "Normal" then return end
    event.severity = severity[event.reason] or "low"
    event.message = "[" .. event.involvedObject.kind .. "] " .. event.message
    out:write(cjson.encode(event), "\n")
  end)
  out:close()
end

function workloads.route(input, output)
  local backoff = open_output(output .. ".backoff")
  local scheduling = open_output(output .. ".scheduling")
  local rest = open_output(output .. ".rest")
  lines(input, function(line)
    local event = cjson.decode(line)
    local out = rest
    if event.reason == "BackOff" then
      out = backoff
    elseif event.reason == "FailedScheduling" then
      out = scheduling
    end
    out:write(line, "\n")
  end)
  backoff:close()
  scheduling:close()
  rest:close()
end

function workloads.null(input)
  local seen = 0
  local function handle(_)
    seen = seen + 1
  end
  lines(input, function(line)
    handle(cjson.decode(line))
  end)
  return seen
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

function workloads.compare(expected_path, found_path)
  local expected = {}
  lines(expected_path, function(line) expected[#expected + 1] = line end)
  local n = 0
  lines(found_path, function(line)
    n = n + 1
    if line == expected[n] then return end
    if not expected[n] or not same(cjson.decode(expected[n]), cjson.decode(line)) then
      io.stderr:write(("line %d differs:\n  expected %s\n  found    %s\n")
        :format(n, tostring(expected[n]), line))
      os.exit(1)
    end
  end)
  if n ~= #expected then
    io.stderr:write(("%d lines expected, %d found\n"):format(#expected, n))
    os.exit(1)
  end
end

local work = workloads[arg[1]]
if not work or not arg[2] then
  io.stderr:write("usage: luajit baseline.lua filter|enrich|route|null|compare INPUT OUTPUT\n")
  os.exit(2)
end
work(arg[2], arg[3])
