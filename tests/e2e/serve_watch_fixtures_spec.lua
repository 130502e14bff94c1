-- Watches of a real kube-apiserver, put to `mooncrier serve` while the same happens to the same
-- events: the same lines in the same order, with the same fields, and the same end.

local cjson = require("cjson")
local h = require("tests.e2e.harness")
local served = require("tests.e2e.served")

local FOLDER = "tests/data/fixtures/"

-- Fields of events.k8s.io/v1 and what core/v1 calls them.
local CORE = {
  note = "message",
  regarding = "involvedObject",
  reportingController = "reportingComponent",
  deprecatedCount = "count",
  deprecatedFirstTimestamp = "firstTimestamp",
  deprecatedLastTimestamp = "lastTimestamp",
  deprecatedSource = "source",
}

local function fixtures()
  local list = {}
  local pipe = io.popen("ls " .. FOLDER .. "watch-*.json")
  for file in pipe:lines() do
    local fixture = h.decode(assert(io.open(file)):read("*a"))
    -- Its lines were sent in pieces of 2048 bytes, cut anywhere.
    local text = {}
    for _, chunk in ipairs(fixture.response.chunks or {}) do text[#text + 1] = chunk.text end
    fixture.lines = {}
    for _, line in ipairs(h.lines(table.concat(text))) do fixture.lines[#fixture.lines + 1] = h.decode(line) end
    list[#list + 1] = fixture
  end
  pipe:close()
  return list
end

-- The paths of all fields of a value, sorted, as one text. `managedFields` only tells that it is.
local function shape(value)
  local paths = {}
  local function visit(path, at)
    paths[#paths + 1] = path
    if type(at) ~= "table" or path:find("managedFields$") then return end
    for key, below in pairs(at) do visit(path .. "." .. key, below) end
  end
  visit("", value)
  table.sort(paths)
  return table.concat(paths, "\n")
end

-- What a line says apart from its version and from what the server makes up.
local function content(line)
  local object = h.decode(cjson.encode(line)).object
  object.metadata.resourceVersion = nil
  object.metadata.uid = nil
  object.metadata.creationTimestamp = nil
  object.metadata.managedFields = nil
  return { line.type, object }
end

-- Lines without their bookmarks, and one of these.
local function without_bookmarks(lines)
  local rest, bookmark = {}, nil
  for _, line in ipairs(lines) do
    if line.type == "BOOKMARK" then
      bookmark = line
    else
      rest[#rest + 1] = line
    end
  end
  return rest, bookmark
end

describe("serve watches as kube-apiserver", function()
  local place, server
  before_each(function() place = h.place() end)
  after_each(function()
    if server then server:stop() end
    server = nil
    place:remove()
  end)

  -- Does what led to the line, as it was done then: through core/v1.
  local function repeat_change(line)
    local object, path = content(line)[2], "/api/v1/namespaces/fx/events"
    if object.apiVersion ~= "v1" then
      for events, core in pairs(CORE) do object[core], object[events] = object[events], nil end
      object.apiVersion = "v1"
    end
    local item = path .. "/" .. object.metadata.name
    local r
    if line.type == "ADDED" then
      r = server:request("POST", path, { body = cjson.encode(object) })
    elseif line.type == "MODIFIED" then
      r = server:request("PUT", item, { body = cjson.encode(object) })
    else
      r = server:request("DELETE", item)
    end
    assert.equal(line.type == "ADDED" and 201 or 200, r.status, r.body)
  end

  local function start_watch(path, accept)
    os.execute(("cd %s && { curl -sN --max-time 30 -D head %s '%s%s' >stream; echo $? >exit; } &")
      :format(place.dir, accept and "-H 'Accept: " .. accept .. "'" or "", server.url, path))
  end

  local function lines_now()
    local list = {}
    for _, line in ipairs(h.lines(place:read("stream") or "")) do list[#list + 1] = h.decode(line) end
    return list
  end

  local function compare(want, got)
    want, got = { without_bookmarks(want) }, { without_bookmarks(got) }
    assert.equal(#want[1], #got[1])
    for i, line in ipairs(want[1]) do
      assert.same(content(line), content(got[1][i]))
      assert.equal(shape(line), shape(got[1][i]))
    end
    if want[2] then
      assert.same(content(want[2]), content(got[2]))
      assert.equal(shape(want[2]), shape(got[2]))
    end
  end

  -- A resourceVersion that is there no more.
  local function age()
    for i = 1, 3 do
      server:create("fx", "gone." .. i)
      server:request("DELETE", "/api/v1/namespaces/fx/events/gone." .. i)
    end
  end

  for _, fixture in ipairs(fixtures()) do
    it(fixture.case .. ": " .. fixture.note, function()
      server = served.start(place, { "--history", "1" })
      local path = fixture.request.path
      local accept
      for _, pair in ipairs(fixture.request.headers) do
        if pair[1] == "Accept" then accept = pair[2] end
      end
      local since = path:match("resourceVersion=(%d+)")
      local first = fixture.lines[1]
      local expired = first and first.type == "ERROR"
      local initial = not since or since == "0"

      if fixture.response.status ~= 200 then
        local r = server:request("GET", path)
        assert.equal(fixture.response.status, r.status)
        assert.same(h.decode(fixture.response.body.text), r.json)
        return
      end
      if expired then
        age()
        path = path:gsub("resourceVersion=%d+", "resourceVersion=1")
      elseif since and since ~= "0" and fixture.case ~= "watch-rv-future" then
        path = path:gsub("resourceVersion=%d+", "resourceVersion=" .. server:create("other", "before"))
      end
      if initial then
        for _, line in ipairs(fixture.lines) do repeat_change(line) end
      end
      path = path:gsub("timeoutSeconds=75", "timeoutSeconds=6")
      start_watch(path, accept)
      h.eventually("the watch has begun", function() return (place:read("head") or ""):find("\r\n\r\n") end)
      assert.matches("^HTTP/1.1 200 OK\r\n", place:read("head"))
      assert.matches("\r\nContent%-Type: application/json\r\n", place:read("head"))
      if not initial and not expired then
        -- One after the other, so that none is told together with the next.
        for i, line in ipairs((without_bookmarks(fixture.lines))) do
          repeat_change(line)
          h.eventually("line " .. i .. " is told", function() return #(without_bookmarks(lines_now())) >= i end)
        end
      end
      if fixture.case == "watch-open-across-compaction" then
        -- What others remove is forgotten, which an open watch does not mind.
        for i = 1, 3 do
          server:create("other", "gone." .. i)
          server:request("DELETE", "/api/v1/namespaces/other/events/gone." .. i)
        end
        server:create("fx", "late")
        h.eventually("the watch lives", function()
          local lines = lines_now()
          return lines[#lines].object.metadata.name == "late"
        end)
        local lines = lines_now()
        lines[#lines] = nil
        compare(fixture.lines, lines)
        return
      end
      if fixture.case == "watch-shutdown" then
        assert.equal(0, server:stop().code)
        server = nil
      end
      if fixture["end"]:find("^last chunk") then
        h.eventually("the server ends the stream", function() return (place:read("exit") or "") ~= "" end)
        assert.equal("0\n", place:read("exit")) -- with the last chunk
      end
      compare(fixture.lines, lines_now())
      local version = 0
      for _, line in ipairs(lines_now()) do
        local next_version = tonumber(line.object.metadata.resourceVersion) or 0
        local may_repeat = line.type == "BOOKMARK"
        assert.is_true(line.type == "ERROR" or next_version > version or may_repeat and next_version == version)
        version = next_version
      end
    end)
  end
end)
