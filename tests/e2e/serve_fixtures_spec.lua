-- Requests that a real kube-apiserver was asked, put to `mooncrier serve`: the same status, reason,
-- words, details and warnings, and the same fields of objects.

local h = require("tests.e2e.harness")
local served = require("tests.e2e.served")

local FOLDER = "tests/data/fixtures/"
local OLD_UID = "50513445-9e79-401e-b4d7-19649752c428"

-- What has to be asked first.
local BEFORE = { ["events-series-patch-count1"] = "events-series-patch" }

-- Fields of the event that was there; ours may have others.
local OPTIONAL = { series = true, related = true, reportingController = true, reportingInstance = true }

-- The namespace and name that a path is about, as they are written in it.
local function place_of(path)
  local namespace, rest = path:match("/namespaces/([^/?]+)/events/?([^?]*)")
  return namespace, rest ~= "" and rest or nil
end

local function fixtures()
  local list = {}
  local pipe = io.popen("ls " .. FOLDER .. "*.json | grep -v /watch-")
  for file in pipe:lines() do
    list[#list + 1] = h.decode(assert(io.open(file)):read("*a"))
  end
  pipe:close()
  return list
end

local function body_of(fixture)
  local body = fixture.request.body
  if type(body) ~= "table" then return nil end
  if body.text then return body.text end
  local pipe = io.popen("printf %s '" .. body.b64 .. "' | base64 -d")
  local bytes = pipe:read("*a")
  pipe:close()
  return bytes
end

-- The keys of a map but those of `without`, sorted, as one text.
local function keys(map, without)
  local list = {}
  for key in pairs(map or {}) do
    if not (without and without[key]) then list[#list + 1] = key end
  end
  table.sort(list)
  return table.concat(list, " ")
end

describe("serve answers as kube-apiserver", function()
  local place, server

  setup(function()
    place = h.place()
    server = served.start(place, { "--history", "1" })
    for i = 1, 2 do
      server:create("fx", "gone." .. i)
      server:request("DELETE", "/api/v1/namespaces/fx/events/gone." .. i)
    end
    for i = 0, 4 do server:create("fx", "l." .. i, { metadata = { name = "l." .. i, namespace = "fx" } }) end
  end)
  teardown(function()
    server:stop()
    place:remove()
  end)

  -- An event such as the fixture was recorded with; its uid.
  local function seed(namespace, name, events_api)
    local file = events_api and "events-create-ok" or "core-create-ok"
    local body = h.decode(assert(io.open(FOLDER .. file .. ".json")):read("*a")).request.body.text
    body = body:gsub('"name":"pod%-a%.17c1e0a1b2c3d4e5"', function() return '"name":"' .. name .. '"' end)
    body = body:gsub('"namespace":"fx2?"', '"namespace":"' .. namespace .. '"')
    local path = (events_api and "/apis/events.k8s.io/v1" or "/api/v1") .. "/namespaces/" .. namespace .. "/events"
    local r = server:request("POST", path, { body = body })
    assert(r.status == 201, r.body)
    return r.json.metadata.uid
  end

  -- Makes what is there fit for the request; the uid of what was put there.
  local function prepare(fixture, body)
    local request, status = fixture.request, fixture.response.status
    local namespace, name = place_of(request.path)
    local in_body = body and body:match('"metadata": ?{"name": ?"([^"]*)"')
    local named = name or in_body
    if not namespace or not named or named == "" or request.method == "GET" and not name then return nil end
    server:request("DELETE", "/api/v1/namespaces/" .. namespace .. "/events/" .. named:gsub("[^%w%.%-]", function(c)
      return name and c or ("%%%02X"):format(c:byte())
    end))
    local is_there = status == 409 or name and status ~= 404 and status ~= 201 and status ~= 405
    if not is_there then return nil end
    local events_api = request.path:find("^/apis/") and not named:find("^old") and not fixture.case:find("of%-old")
    return seed(namespace, named, events_api or fixture.case == "events-core-get-of-new")
  end

  -- The path with versions of this server in the place of those that were then: the one that is
  -- now, or, for an answer that it is too old, the first of all.
  local function dated(path, status)
    local version = status == 410 and "1"
      or server:request("GET", "/api/v1/events?limit=1").json.metadata.resourceVersion
    return (path:gsub("(resourceVersion=)57%d+", "%1" .. version):gsub("(continue=)(eyJ%w+)", function(key, token)
      local padded = token .. ("="):rep(-#token % 4)
      local text = place:shell(("printf %%s %s | base64 -d"):format(padded)):gsub('("rv":)57%d+', "%1" .. version)
      place:write("token", text)
      return key .. place:shell("base64 -w0 token | tr -d '=\n'")
    end))
  end

  for _, fixture in ipairs(fixtures()) do
    it(fixture.case .. ": " .. fixture.note, function()
      local body = body_of(fixture)
      local uid = prepare(fixture, body)
      if uid and body then body = body:gsub(OLD_UID:gsub("%-", "%%-"), uid) end
      if BEFORE[fixture.case] then
        local first = h.decode(assert(io.open(FOLDER .. BEFORE[fixture.case] .. ".json")):read("*a"))
        local type = "application/strategic-merge-patch+json"
        local r = server:request(first.request.method, first.request.path,
          { headers = { ["Content-Type"] = type }, body = first.request.body.text })
        assert.equal(200, r.status)
      end
      local headers = { ["Content-Type"] = "" }
      for _, pair in ipairs(fixture.request.headers) do
        local name = pair[1]
        if name ~= "Host" and name ~= "Authorization" and name ~= "Content-Length" then headers[name] = pair[2] end
      end
      local path = dated(fixture.request.path, fixture.response.status)
      local r = server:request(fixture.request.method, path, { headers = headers, body = body })

      assert.equal(fixture.response.status, r.status, r.body)
      local warnings = {}
      for _, pair in ipairs(fixture.response.headers) do
        if pair[1]:lower() == "warning" then warnings[#warnings + 1] = pair[2] end
      end
      assert.same(warnings, r.warnings)
      local good, want = pcall(h.decode, fixture.response.body.text)
      if not good then
        assert.equal(fixture.response.body.text, r.body)
      elseif want.kind == "Status" then
        local message = want.message
        -- We do not speak protobuf, nor answer in YAML.
        if message then
          message = message:gsub(", application/vnd.kubernetes.protobuf", "")
          if want.code == 406 then message = message:gsub(", application/yaml", "") end
          if uid then message = message:gsub(OLD_UID:gsub("%-", "%%-"), uid) end
          message = message:gsub("current: %d+", "current: N")
        end
        local got = r.json.message and r.json.message:gsub("current: %d+", "current: N")
        assert.same({ want.status, want.reason, message, want.code },
          { r.json.status, r.json.reason, got, r.json.code })
        assert.same(want.metadata, r.json.metadata)
        assert.equal(keys(want.details), keys(r.json.details))
        if want.details and want.details.causes then assert.same(want.details, r.json.details) end
      else
        assert.same({ want.kind, want.apiVersion }, { r.json.kind, r.json.apiVersion })
        local without = uid and OPTIONAL
        assert.equal(keys(want, without), keys(r.json, without))
        if want.items == nil then assert.equal(keys(want.metadata), keys(r.json.metadata)) end
      end
    end)
  end
end)
