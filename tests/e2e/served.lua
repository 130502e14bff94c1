-- `mooncrier serve` as a test needs it: a server on a port of its own, asked with curl.
--
--   local s = served.start(place, { "--ttl", "2s" })
--   local r = s:request("POST", "/api/v1/namespaces/a/events", { body = text })
--   r.status, r.headers["content-type"], r.warnings, r.body, r.json
--   s:stop()

local h = require("tests.e2e.harness")

local served = {}

local Server = {}
Server.__index = Server

function served.start(place, args)
  local all = { "serve", "--listen", "127.0.0.1:0", "--store", "events.db" }
  for _, arg in ipairs(args or {}) do all[#all + 1] = arg end
  local process = place:start(all)
  local url = h.eventually("the server listens", function()
    if not process:running() then error("serve ended: " .. process:err()) end
    return (process:err() or ""):match("on (http://[%w%.:]+)\n")
  end)
  return setmetatable({ place = place, process = process, url = url, n = 0 }, Server)
end

-- Ends it in peace; its exit code.
function Server:stop()
  if self.process:running() then self.process:signal("TERM") end
  return self.process:wait()
end

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function parse_head(head)
  local headers, warnings = {}, {}
  for name, value in head:gmatch("\n([^:\r\n]+):%s*([^\r\n]*)") do
    headers[name:lower()] = value
    if name:lower() == "warning" then warnings[#warnings + 1] = value end
  end
  return headers, warnings
end

-- options: headers (a map), body (text). status is nil when no answer came.
function Server:request(method, path, options)
  options = options or {}
  self.n = self.n + 1
  local name = ".request" .. self.n
  local command = { "curl -s --path-as-is --max-time 20 -A spec/1 -X", method, "-D", name .. ".head",
    "-o", name .. ".body", "-w '%{http_code} %{exitcode}'" }
  local headers = options.headers or {}
  if options.body then
    self.place:write(name .. ".in", options.body)
    command[#command + 1] = "--data-binary @" .. name .. ".in"
    if not headers["Content-Type"] then headers["Content-Type"] = "application/json" end
    headers["Expect"] = headers["Expect"] or ""
  end
  for key, value in pairs(headers) do
    command[#command + 1] = "-H " .. quote(key .. (value == "" and ";" or ": " .. value))
  end
  if headers["Expect"] == "" then
    for i, word in ipairs(command) do
      if word == "-H 'Expect;'" then command[i] = "-H 'Expect:'" end
    end
  end
  for i, word in ipairs(command) do
    if word == "-H 'Content-Type;'" then command[i] = "-H 'Content-Type:'" end
  end
  command[#command + 1] = quote(self.url .. path)
  local code, exit = self.place:shell(table.concat(command, " ")):match("(%d+) (%d+)")
  local head = self.place:read(name .. ".head") or ""
  local body = self.place:read(name .. ".body") or ""
  local parsed_headers, warnings = parse_head(head)
  local good, json = pcall(h.decode, body)
  return {
    status = tonumber(code) ~= 0 and tonumber(code) or nil,
    exit = tonumber(exit),
    headers = parsed_headers,
    warnings = warnings,
    body = body,
    json = good and json or nil,
  }
end

-- Creates a core/v1 event; its resourceVersion.
function Server:create(namespace, name, fields)
  fields = fields or {}
  fields.metadata = fields.metadata or { name = name, namespace = namespace }
  fields.involvedObject = fields.involvedObject or { kind = "Pod", namespace = namespace, name = "web-0" }
  local r = self:request("POST", "/api/v1/namespaces/" .. namespace .. "/events", { body = h.event(name, fields) })
  assert(r.status == 201, "cannot create " .. name .. ": " .. r.body)
  return tonumber(r.json.metadata.resourceVersion)
end

-- The lines of a watch that ends by its timeoutSeconds.
function Server:watch(query)
  local r = self:request("GET", "/api/v1/events?watch=1&" .. query)
  local events = {}
  for _, line in ipairs(h.lines(r.body)) do events[#events + 1] = h.decode(line) end
  return events, r
end

return served
