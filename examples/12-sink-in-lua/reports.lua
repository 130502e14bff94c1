-- A sink: one CSV file of events for each namespace, in the folder `dir`.
--
-- @param dir string  where the files are made; it must exist
--
-- reports = { kind = "script", script = { "reports.lua", dir = "out", allow = { "io" } } }

local params = require("mooncrier.params")

local dir
local files = {} -- namespace → open file

local function cell(value)
  return '"' .. tostring(value):gsub('"', '""'):gsub("%s+", " ") .. '"'
end

-- The file of a namespace; nil and why there is none.
local function file_of(namespace)
  if not files[namespace] then
    local file, why = io.open(("%s/%s.csv"):format(dir, namespace), "a")
    if not file then
      return nil, why
    end
    if file:seek("end") == 0 then
      file:write("time,type,reason,object,times,message\n")
    end
    files[namespace] = file
  end
  return files[namespace]
end

local function close_all()
  for namespace, file in pairs(files) do
    file:close()
    files[namespace] = nil
  end
end

---@type mooncrier.SinkHooks
return {
  init = function(given)
    dir = params.read(given, { dir = { "string" } }).dir
  end,

  -- A folder that is not there is known at the start, not at the first event.
  open = function()
    local folder, why = io.open(dir)
    if not folder then
      return false, why
    end
    folder:close()
  end,

  write = function(event)
    local object = event.involvedObject
    local namespace = object.namespace ~= "" and object.namespace or "cluster"
    -- It becomes a file name, and anybody may have written it: "../../etc/cron.d/x".
    if not namespace:find("^[%w-]+$") then
      return false, ("%q is no namespace"):format(namespace)
    end
    local file, why = file_of(namespace)
    if not file then
      return "retry", why
    end
    local cells = {
      time.format(event.time), event.type, event.reason, object.kind .. "/" .. object.name, event.occurrences,
      event.message,
    }
    for i, value in ipairs(cells) do
      cells[i] = cell(value)
    end
    file:write(table.concat(cells, ","), "\n")
  end,

  -- Only when this has answered do the events count as delivered.
  flush = function()
    for _, file in pairs(files) do
      local ok, why = file:flush()
      if not ok then
        return false, why
      end
    end
  end,

  reopen = close_all, -- SIGUSR1: somebody has moved the files away
  close = close_all,
}
