return {
  sources = { { kind = "jsonl", path = "../data/events.jsonl" } },
  sinks = {
    people = {
      kind = "file",
      path = "out/people.txt",
      format = "custom-columns=COUNT:.count,NAMESPACE:.metadata.namespace,REASON:.reason,MESSAGE:.message",
    },
    archive = { kind = "file", path = "out/archive.jsonl" },
  },
  watchers = {
    {
      name = "told-once",
      script = "by_kind.lua",
      sinks = { "people", "archive" },
      correlate = {
        max_events = 3, -- the third different event of a kind begins a combined one
        max_interval = "1h",
        burst_size = 20, -- of one object at once …
        qps = "12/h", -- … and later on
      },
    },
  },
}
