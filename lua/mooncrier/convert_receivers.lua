-- The receivers of kubernetes-event-exporter as sinks. What has no equivalent becomes a file of JSON lines, for
-- another program to read, and is told.

local go_template = require("mooncrier.go_template")
local text = require("mooncrier.convert_text")

local convert_receivers = {}

-- What a receiver is read with: r (the reader), name, fields (of its kind), line, what (for messages).
local Receiver = {}
Receiver.__index = Receiver

function Receiver:say(level, field, format, ...)
  self.r:say(level, self.fields[field] or self.line, "receiver %q: " .. format, self.name, ...)
end

function Receiver:text(field)
  local value = self.r:text(self.fields[field], field)
  return value ~= "" and value or nil
end

-- A text as it is, with environment variables.
function Receiver:code(field)
  local value = self:text(field)
  return value and text.text(value)
end

local function percent(part)
  return (part:gsub("%%", "%%%%"))
end

-- A Go template as source; nil: it was told why not.
function Receiver:template(value, field)
  local converted, times = go_template.convert(value)
  if not converted then
    self:say("warn", field, "%s: %q has no equivalent: %s", field, value, times)
    return nil
  elseif times then
    self:say("info", field, "%s: times are written as 2006-01-02T15:04:05Z, not as Go prints them", field)
  end
  return text.text(converted)
end

-- A layout as source: texts are templates; what is no text the exporter leaves out.
function Receiver:layout(node, where)
  if node.kind == "text" then
    return self:template(node.text, where)
  end
  local out = text.table()
  if node.kind == "list" then
    for i, item in ipairs(node) do
      out:item(self:layout(item, where) or ("(item %d)"):format(i))
    end
  elseif node.kind == "map" then
    local found, names = self.r:map(node, where)
    for _, name in ipairs(names) do
      local value = found[name].value
      if value.kind ~= "null" then
        out:set(name, self:layout(value, where))
      end
    end
  end
  return out
end

-- name → text of a map such as headers; templates only where `has_templates`: then nil, since they need a renderer.
function Receiver:strings(field)
  local found, names = self.r:map(self.fields[field], field)
  local out, plain = {}, true
  for _, name in ipairs(names) do
    local value = self.r:text(found[name].value, field .. "." .. name) or ""
    plain = plain and go_template.is_fixed(value)
    out[#out + 1] = { name, value }
  end
  return out, plain
end

function Receiver:headers(sink, more)
  local list, plain = self:strings("headers")
  local out, dynamic = more or text.table(), nil
  for _, pair in ipairs(list) do
    if not plain and not go_template.is_fixed(pair[2]) then
      local code = self:template(pair[2], "headers")
      dynamic = dynamic or text.table()
      dynamic:set(pair[1], code)
    else
      out:set(pair[1], text.text(pair[2]))
    end
  end
  sink:set("headers", not out:is_empty() and out or nil)
  return dynamic
end

local tls_fields = "insecureSkipVerify serverName caFile certFile keyFile enable"

function Receiver:tls(sink)
  if not self.fields.tls then
    return
  end
  local fields = self.r:fields(self.fields.tls, "tls", tls_fields)
  local function code(field)
    local value = self.r:text(fields[field], field)
    return value and value ~= "" and text.text(value) or nil
  end
  local out = text.table()
  local insecure = self.r:boolean(fields.insecureSkipVerify, "insecureSkipVerify")
  out:set("insecure", insecure or nil):set("server_name", code("serverName"))
  out:set("ca", not insecure and code("caFile") or nil) -- which would mean nothing
  out:set("cert", code("certFile")):set("key", code("keyFile"))
  sink:set("tls", not out:is_empty() and out or nil)
end

-- Repeats: some versions of the exporter send them only where they are told to.
function Receiver:updates(sink)
  if self.fields.sentUpdateEvent and not self.r:boolean(self.fields.sentUpdateEvent, "sentUpdateEvent") then
    sink:set("updates", "first")
  end
end

function Receiver:no_dedot()
  if self.fields.deDot and self.r:boolean(self.fields.deDot, "deDot") then
    self:say("warn", "deDot", "deDot has no equivalent here: names of labels and annotations keep their dots "
      .. "(the Elasticsearch renderer replaces them)")
  end
end

-- The sink of lines: `plain` where there is no layout, else a sink in Lua that writes to `path` (nil: standard output).
function Receiver:lines(plain, path)
  if not self.fields.layout then
    return plain
  end
  local script = text.table():item("sinks/layout.lua"):set("path", path)
    :set("layout", self:layout(self.fields.layout, "layout")):set("allow", text.table():item("io"))
  return text.table():set("kind", "script"):set("script", script)
end

-- In a URL of ours, braces are templates; the exporter's have none.
local function braces(part)
  return (part:gsub("{{", '{{"{{"}}'))
end

local NOWHERE = "http://127.0.0.1:1/"

-- The source of a URL that stands in `field`.
function Receiver:address(url, field)
  if not url:find("^https?://.") and not text.has_variables(url) then
    self:say("warn", field, "%s: %q is no URL that begins with http:// or https://: set `url`", field, url)
    url = NOWHERE
  end
  return text.text(url, braces)
end

function Receiver:url(field)
  local url = self:text(field)
  if not url then
    self:say("warn", field, "there is no %s: set `url`", field)
  end
  return self:address(url or NOWHERE, field)
end

local function webhook(url)
  return text.table():set("kind", "webhook"):set("url", url)
end

local function layout_renderer(layout, headers)
  return text.table():item("renderers/layout.lua"):set("layout", layout):set("headers", headers)
end

-- kind → { fields, function(receiver) → sink }
local kinds = {}

kinds.webhook = { "endpoint tls layout headers", function(it)
  local sink = webhook(it:url("endpoint"))
  local headers = it:headers(sink)
  it:tls(sink)
  local layout = it.fields.layout and it:layout(it.fields.layout, "layout")
  if layout or headers then
    sink:set("render", layout_renderer(layout, headers))
  end
  return sink
end }

kinds.file = { "path layout maxsize maxage maxbackups deDot", function(it)
  it:no_dedot()
  if it.fields.maxsize or it.fields.maxage or it.fields.maxbackups then
    it:say("info", "maxsize", "the file is not rotated: logrotate does it, with `kill -USR1` afterwards")
  end
  local path = it:code("path") or it.name .. ".jsonl"
  return it:lines(text.table():set("kind", "file"):set("path", path), path)
end }

kinds.pipe = { "path layout deDot", function(it)
  it:no_dedot()
  local device = (it:text("path") or ""):match("^/dev/(std%l+)$")
  if device and (device == "stdout" or not it.fields.layout) then
    return it:lines(text.table():set("kind", device))
  end
  local path = it:code("path") or it.name .. ".jsonl"
  return it:lines(text.table():set("kind", "file"):set("path", path), path)
end }

kinds.stdout = { "deDot layout", function(it)
  it:no_dedot()
  return it:lines(text.table():set("kind", "stdout"))
end }

-- Go's layout of a time as strftime's: 2006-01-02 → %Y-%m-%d.
local go_times = {
  { "2006", "%Y" }, { "January", "%B" }, { "Jan", "%b" }, { "Monday", "%A" }, { "Mon", "%a" }, { "01", "%m" },
  { "02", "%d" }, { "15", "%H" }, { "04", "%M" }, { "05", "%S" }, { "06", "%y" },
}

local function strftime(layout)
  local out, i = {}, 1
  while i <= #layout do
    local found
    for _, pair in ipairs(go_times) do
      if not found and layout:sub(i, i + #pair[1] - 1) == pair[1] then
        found = pair
      end
    end
    out[#out + 1] = found and found[2] or percent(layout:sub(i, i))
    i = i + (found and #found[1] or 1)
  end
  return table.concat(out)
end

local function search(it)
  local hosts = it.r:list(it.fields.hosts, "hosts")
  local host = hosts[1] and it.r:text(hosts[1], "hosts")
  if #hosts > 1 then
    it:say("warn", "hosts", "one host only: a proxy before them, or the first (%s)", host)
  elseif not host then
    it:say("warn", "hosts", "there are no hosts%s: set `url`",
      it.fields.cloudID and " (a cloudID says nothing here)" or "")
    host = "http://127.0.0.1:1"
  end
  local sink = webhook(it:address(host:gsub("/+$", "") .. "/_bulk?filter_path=errors,items.*.error", "hosts"))
  local key = it:text("apiKey")
  local more = text.table()
  if key then
    more:set("Authorization", text.text("ApiKey " .. key))
  end
  if it:headers(sink, more) then
    it:say("warn", "headers", "headers with templates are left out")
  end
  if it:text("username") then
    sink:set("user", it:code("username")):set("password", it:code("password"))
  end
  it:tls(sink)
  local format = it:text("indexFormat")
  local index = format and format:gsub("{(.*)}", strftime) or percent(it:text("index") or "kube-events")
  if format and format:find("{{", 1, true) then
    it:say("warn", "indexFormat", "fields in names of indices have no equivalent: events go to one index")
    index = percent(it:text("index") or "kube-events")
  elseif format then
    it:say("info", "indexFormat", "the index is of the day when the event began, not of today: repeats stay with it")
  end
  local render = text.table():item("renderers/elasticsearch.lua"):set("index", text.text(index))
  if not it.r:boolean(it.fields.useEventID, "useEventID") then
    render:set("history", true)
  end
  sink:set("render", render)
  sink:set("batch", text.table():set("format", "ndjson"):set("events", 500):set("wait", "1s"))
  sink:set("expect", '"errors":false')
  if it.fields.layout then
    it:say("warn", "layout", "layout has no equivalent for Elasticsearch: documents are the events, with @timestamp")
  end
  if it.fields.type then
    it:say("warn", "type", "types of documents are gone since Elasticsearch 7: left out")
  end
  return sink
end

local search_fields =
  "hosts username password cloudID apiKey headers useEventID deDot index indexFormat type tls layout"
kinds.elasticsearch = { search_fields, search }
kinds.opensearch = { search_fields, search }

kinds.loki = { "url streamLabels headers layout tls", function(it)
  local sink = webhook(it:url("url"))
  if it:headers(sink) then
    it:say("warn", "headers", "headers with templates are left out")
  end
  it:tls(sink)
  -- Labels that are empty are left out: those that the renderer would add are.
  local labels = text.table()
  local given = {}
  for _, pair in ipairs((it:strings("streamLabels"))) do
    labels:set(pair[1], text.text(pair[2]))
    given[pair[1]] = true
  end
  for _, name in ipairs({ "job", "namespace", "kind", "type" }) do
    if not given[name] then
      labels:set(name, "")
    end
  end
  if it.fields.layout then
    it:say("warn", "layout", "layout has no equivalent for Loki: `line` of the renderer is a template of the line")
  end
  sink:set("render", text.table():item("renderers/loki.lua"):set("labels", labels):set("metadata", false))
  sink:set("batch", text.table():set("events", 500):set("wait", "1s"):set("prefix", '{"streams":['):set("suffix", "]}"))
  it:say("info", "url", "lines are at the time of their event, not at that of their sending")
  return sink
end }

kinds.slack = { "token channel message color footer title author_name fields", function(it)
  local function part(field)
    local value = it:text(field)
    return value and it:template(value, field)
  end
  local sink = webhook("https://slack.com/api/chat.postMessage")
  sink:set("bearer", it:code("token")):set("expect", '"ok":true')
  local layout = text.table()
  if not it.fields.channel then
    it:say("warn", "channel", "there is no channel")
  end
  layout:set("channel", part("channel") or (it.fields.channel and "#events" or nil)):set("text", part("message"))
  if it.fields.fields then
    local found, names = it.r:map(it.fields.fields, "fields")
    table.sort(names)
    local list = text.table()
    for _, name in ipairs(names) do
      list:item(text.table():set("title", name):set("value", it:layout(found[name].value, "fields") or "")
        :set("short", false))
    end
    local attachment = text.table():set("fields", list):set("author_name", part("author_name"))
      :set("color", part("color")):set("title", part("title")):set("footer", part("footer"))
    layout:set("attachments", text.table():item(attachment))
  end
  return sink:set("render", layout_renderer(layout))
end }

kinds.teams = { "endpoint layout headers", function(it)
  local sink = webhook(it:url("endpoint"))
  local headers = it:headers(sink)
  if it.fields.layout then
    it:say("warn", "layout", "layout has no equivalent here: the text has message, reason and metadata of the event")
  end
  it:say("info", "endpoint", "metadata is written as JSON, not as Go prints maps")
  local layout = text.table():set("summary", "event")
    :set("text", "Event: {{message}} \nStatus: {{reason}} \nMetadata: {{metadata | json}}")
  return sink:set("render", layout_renderer(layout, headers))
end }

kinds.opsgenie = { "apiKey URL priority message alias description tags details", function(it)
  local sink = webhook(it:address((it:text("URL") or "https://api.opsgenie.com") .. "/v2/alerts", "URL"))
  sink:set("headers", text.table():set("Authorization", text.text("GenieKey " .. (it:text("apiKey") or ""))))
  local layout = text.table():set("message", it:text("message") and it:template(it:text("message"), "message"))
  for _, field in ipairs({ "alias", "description" }) do
    layout:set(field, it:text(field) and it:template(it:text(field), field))
  end
  layout:set("priority", it:code("priority"))
  for _, field in ipairs({ "tags", "details" }) do
    layout:set(field, it.fields[field] and it:layout(it.fields[field], field))
  end
  return sink:set("render", layout_renderer(layout))
end }

-- What has no sink here, and what to do instead.
local elsewhere = {
  kafka = "a webhook to a Kafka REST proxy takes events, or kcat reads the file: tail -F FILE | kcat -P -b B -t TOPIC",
  kinesis = "a webhook to an API Gateway before the stream, or Fluent Bit or Vector reading the file",
  firehose = "a webhook to an API Gateway before the stream, or Fluent Bit or Vector reading the file",
  sqs = "a webhook to an API Gateway before the queue, or Fluent Bit or Vector reading the file",
  sns = "a webhook to an API Gateway before the topic, or Vector reading the file",
  eventbridge = "a webhook to an API Gateway before the bus, or Vector reading the file",
  opscenter = "a webhook to an API Gateway that creates the item, or a program that reads the file",
  pubsub = "a webhook to a Cloud Run service that publishes, or Vector reading the file",
  bigquery = "`bq load --source_format=NEWLINE_DELIMITED_JSON` of the file, or Vector reading it",
  syslog = "tail -F FILE | logger -n HOST -P PORT, or rsyslog's imfile reading it",
  prometheus = "the ledger is at /metrics (admin = { listen = … }); a script counts events (scripts/handlers)",
  inMemory = "it is for tests of the exporter",
}

-- The kinds in the order in which the exporter looks for them: of several, the first counts.
local order = {
  "inMemory", "pipe", "webhook", "file", "syslog", "stdout", "elasticsearch", "kinesis", "firehose", "opensearch",
  "opsgenie", "sqs", "sns", "slack", "kafka", "pubsub", "opscenter", "teams", "bigquery", "eventbridge", "loki",
  "prometheus",
}

-- One receiver: its name and its sink as source; nil: it has no name.
function convert_receivers.convert(r, node)
  local fields = r:fields(node, "a receiver", "name " .. table.concat(order, " "))
  local name = r:text(fields.name, "name")
  if not name or name == "" then
    r:say("warn", node, "a receiver without a name: no rule can name it")
    return nil
  end
  local kind
  for _, one in ipairs(order) do
    if fields[one] and kind then
      r:say("warn", fields[one], "receiver %q is a %s already: the exporter reads over its %s", name, kind, one)
    elseif fields[one] then
      kind = one
    end
  end
  local it = setmetatable({ r = r, name = name, line = node.line, fields = {} }, Receiver)
  if not kind then
    -- `stdout: {}` and `stdout:` differ to the exporter: the second is none.
    it:say("warn", "", "it says no kind that there is (for one without settings: `stdout: {}`): the exporter does not "
      .. "start with it; here it is a file")
    return name, text.table():set("kind", "file"):set("path", name .. ".jsonl")
  end
  it.line = fields[kind].line or node.line
  if elsewhere[kind] then
    it:say("warn", "", "%s has no equivalent, so its events go to the file %s.jsonl. Instead: %s", kind, name,
      (elsewhere[kind]:gsub("FILE", name .. ".jsonl")))
    return name, text.table():set("kind", "file"):set("path", name .. ".jsonl"), kind
  end
  it.fields = r:fields(fields[kind], kind, kinds[kind][1] .. " sentUpdateEvent")
  local sink = kinds[kind][2](it)
  it:updates(sink)
  return name, sink
end

return convert_receivers
