-- Renders events for Elasticsearch and OpenSearch: POST /_bulk takes two lines for each document, what to do with it
-- and the document, and a line end at the end; the Content-Type is application/x-ndjson. The document is the event
-- with `@timestamp` (its last occurrence) and without managedFields. Dots in the names of labels and annotations
-- become "_": Elasticsearch would take them for objects in objects, and refuse "app" beside "app.kubernetes.io/name".
--
-- The id is the event's, so a request that is sent twice does no harm, and repeats update the count of one document.
-- A data stream takes new documents only: with `data_stream`, each repeat is one more, and a request that was taken
-- though its answer was lost is there twice. Deleted events are left out: the index outlives the cluster's records.
--
--   sinks = {
--     search = {
--       kind = "webhook", gzip = true,
--       url = "https://elastic.example:9200/_bulk?filter_path=errors,items.*.error",
--       headers = { Authorization = "ApiKey " .. env("ELASTIC_API_KEY") },
--       render = { "renderers/elasticsearch.lua", index = "events-%Y.%m" },
--       batch = { format = "ndjson", events = 1000, wait = "2s" },
--       expect = '"errors":false',
--     },
--   }
--
-- The answer is 200 even when documents were refused: `expect` sees it. Then the whole batch goes to the dead letters
-- with Elasticsearch's words, the documents that it took as well; small batches keep that small. A batch of one event
-- needs batch = { suffix = "\n" } and the Content-Type in `headers`.
--
-- @param index       string  ("kubernetes-events")  index or data stream; strftime of the event's first occurrence,
--                                                   so that repeats stay where the event is
-- @param data_stream boolean (false)  `index` is a data stream
-- @param history     boolean (false)  each repeat is a document of its own, not in place of the one before
-- @param fields      table   ()       more fields of all documents, such as cluster = "prod-1"
--
-- { "renderers/elasticsearch.lua", index = "events-%Y.%m.%d", fields = { cluster = "prod-1" } }

local params = require("mooncrier.params")

local given

-- The event's latest time as it was written; nil when it has none.
local function last_time(event)
  local series, text = event.series.lastObservedTime, nil
  for _, one in ipairs({ series, event.lastTimestamp, event.eventTime, event.firstTimestamp,
                         event.metadata.creationTimestamp }) do
    text = text or one ~= "" and one or nil
  end
  return text
end

local function index_of(event)
  if not given.index:find("%", 1, true) then
    return given.index
  end
  local first
  for _, one in ipairs({ event.firstTimestamp, event.eventTime, event.metadata.creationTimestamp }) do
    first = first or time.parse(one)
  end
  return time.date(given.index, first or event.time > 0 and event.time or time.now())
end

-- Nil for events without an identity: Elasticsearch makes one.
local function id_of(event)
  local metadata = event.metadata
  local id = metadata.uid
  if id == "" and metadata.name ~= "" then
    id = metadata.namespace .. "/" .. metadata.name
  end
  if id == "" or given.data_stream then
    return nil
  end
  return given.history and ("%s/%d"):format(id, event.occurrences) or id
end

local function without_dots(map)
  if type(map) ~= "table" then
    return map
  end
  local out = {}
  for name, value in pairs(map) do
    out[name:gsub("%.", "_")] = value
  end
  return next(out) and out or nil
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    given = params.read(init_params, {
      index = { "string", "kubernetes-events" },
      data_stream = { "boolean", false },
      history = { "boolean", false },
      fields = { "table", {} },
    })
    if given.data_stream and given.index:find("%", 1, true) then
      error("index: a data stream has one name for all times", 0)
    end
  end,

  render = function(event)
    if event.change == "deleted" then
      return false
    end
    local document = event:get()
    local metadata = document.metadata
    if type(metadata) == "table" then
      metadata.managedFields = nil
      metadata.labels = without_dots(metadata.labels)
      metadata.annotations = without_dots(metadata.annotations)
    end
    for name, value in pairs(given.fields) do
      document[name] = value
    end
    document["@timestamp"] = last_time(event) or time.format(time.now())
    local action = { _index = index_of(event), _id = id_of(event) }
    return json.encode({ [given.data_stream and "create" or "index"] = action }) .. "\n" .. json.encode(document)
  end,
}
