-- A sink: metrics of events. Counts occurrences by labels of your choice and writes them, in the text format of
-- Prometheus, to a file for node_exporter's textfile collector (or anything that serves a file). The file is replaced
-- as a whole, so that nobody reads half of one; counters go on from what it has, after reloads and restarts. Past
-- `max_series` new combinations of labels count as one whose labels are all "(other)", and a counter tells of how
-- many events that is so: what anybody can make up, such as reasons, cannot fill the memory of your Prometheus. Let
-- one watcher have it, without scripts when it shall count everything. mooncrier's own metrics, how many events went
-- where, are at /metrics of `admin`.
--
--   sinks = {
--     metrics = {
--       kind = "script",
--       script = { "sinks/metrics.lua", file = "/var/lib/node_exporter/events.prom", allow = { "io", "os" } },
--     },
--   }
--
-- @param file       string   ()  the file; node_exporter wants *.prom in its --collector.textfile.directory
-- @param labels     strings  ("namespace", "kind", "reason", "type")  also: "component", "host", "name", "workload"
-- @param cluster    string   (none)  a label `cluster` on all of them
-- @param max_series count    (1000)  combinations of labels
-- @param every      duration ("15s") time between writing the file
--
-- { "sinks/metrics.lua", file = "/var/lib/node_exporter/events.prom", allow = { "io", "os" } }

local params = require("mooncrier.params")
local workload = require("mooncrier.workload")

local given
-- What a line bears in braces → its count; nil until the file was read.
local series, n_series
local overflow, newest = 0, 0
local written_at, last_problem

local escapes = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

local function label(name, value)
  return name .. '="' .. value:gsub('[\\"\n]', escapes) .. '"'
end

local values = {
  namespace = function(event) return event.involvedObject.namespace end,
  kind = function(event) return event.involvedObject.kind end,
  name = function(event) return event.involvedObject.name end,
  workload = function(event) return workload.of(event.involvedObject.kind, event.involvedObject.name) end,
  reason = function(event) return event.reason end,
  type = function(event) return event.type end,
  component = function(event)
    local component = event.source.component
    return component ~= "" and component or event.reportingComponent
  end,
  host = function(event) return event.source.host end,
}

---@param event mooncrier.Event?
local function labels_of(event)
  local parts = {}
  for i, name in ipairs(given.labels) do
    parts[i] = label(name, event and values[name](event) or "(other)")
  end
  if given.cluster then
    table.insert(parts, 1, label("cluster", given.cluster))
  end
  return table.concat(parts, ",")
end

local function text()
  local lines = {
    "# HELP kubernetes_events_total Occurrences of Kubernetes events.",
    "# TYPE kubernetes_events_total counter",
  }
  local names = {}
  for name in pairs(series) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    lines[#lines + 1] = ("kubernetes_events_total{%s} %d"):format(name, series[name])
  end
  local own = given.cluster and "{" .. label("cluster", given.cluster) .. "}" or ""
  for _, one in ipairs({
    { "kubernetes_events_other_total", "counter", "Those without labels of their own, for lack of room.", overflow },
    { "kubernetes_events_newest_timestamp_seconds", "gauge", "Time of the newest event.", newest },
  }) do
    local name, kind, help, value = unpack(one)
    lines[#lines + 1] = ("# HELP %s %s\n# TYPE %s %s\n%s%s %d"):format(name, help, name, kind, name, own, value)
  end
  return table.concat(lines, "\n") .. "\n"
end

-- The names of the labels, and which cluster's they are.
local function shape_of(labels)
  -- A quote within a value has a backslash before it.
  local names = labels:gsub("\\.", ""):gsub('="[^"]*"', "")
  return names .. (given.cluster and labels:match('^cluster="[^"]*"') or "")
end

-- Goes on with the counters of the file. At the first event and not at the start, as a script that this one replaces
-- writes until then.
local function go_on()
  series, n_series = {}, 0
  local file = io.open(given.file)
  local before = file and file:read("*a") or ""
  if file then
    file:close()
  end
  -- Counters with other labels are other counters.
  local shape = shape_of(labels_of())
  for line in before:gmatch("[^\n]+") do
    local labels, count = line:match("^kubernetes_events_total{(.*)} (%d+)$")
    if labels and shape_of(labels) == shape and n_series <= given.max_series then
      series[labels], n_series = tonumber(count), n_series + 1
    end
    overflow = tonumber(line:match("^kubernetes_events_other_total.* (%d+)$")) or overflow
    newest = tonumber(line:match("^kubernetes_events_newest_timestamp_seconds.* (%d+)$")) or newest
  end
  if series[labels_of()] then
    n_series = n_series - 1
  end
end

local function write()
  -- The collector reads *.prom only.
  local part = given.file .. ".part"
  local file, why = io.open(part, "w")
  if file then
    local ok
    ok, why = file:write(text())
    local closed, close_why = file:close()
    if ok and closed then
      ok, why = os.rename(part, given.file)
    end
    why = not ok and why or not closed and close_why or nil
  end
  -- Once for each problem, not every time.
  if why and why ~= last_problem then
    log.error("metrics: %s", why)
  end
  last_problem = why
end

---@type mooncrier.SinkHooks
return {
  init = function(init_params)
    given = params.read(init_params, {
      file = { "string" },
      labels = { "strings", { "namespace", "kind", "reason", "type" } },
      cluster = { "string", false },
      max_series = { "count", 1000 },
      every = { "duration", "15s" },
    })
    for _, name in ipairs(given.labels) do
      if not values[name] then
        error(("parameter 'labels': there is no label %q; there are namespace, kind, reason, type, component, host, "
          .. "name and workload"):format(name), 0)
      end
    end
    -- The file is replaced: as root, /dev/null would be a file from then on.
    if given.file:find("^/+dev/") or given.file:find("^/+proc/") then
      error(("parameter 'file' must be a regular file, which it replaces, not %s"):format(given.file), 0)
    end
  end,

  -- What it may not do is known at the start, not when the first file is due.
  open = function()
    if not pcall(function() return io.open and os.rename end) then
      return false, "it writes a file: allow = { \"io\", \"os\" } beside its path lets it"
    end
    written_at = time.now()
  end,

  write = function(event)
    if not series then
      go_on()
    end
    local n = event.delta
    if n <= 0 then
      return
    end
    local name = labels_of(event)
    local count = series[name]
    if not count then
      if n_series >= given.max_series then
        name = labels_of()
        overflow = overflow + n
      else
        n_series = n_series + 1
      end
      count = series[name] or 0
    end
    series[name] = count + n
    newest = math.max(newest, event.time)
  end,

  tick = function(now)
    if series and now - written_at >= given.every then
      written_at = now
      write()
    end
  end,

  close = function()
    if series then
      write()
    end
  end,
}
