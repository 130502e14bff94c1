return {
  sources = { { kind = "jsonl", path = "../data/events.jsonl" } },
  sinks = { alerts = { kind = "stdout" } },
  watchers = {
    -- Looks at all events and emits new ones.
    { name = "detect", scripts = { { "loops.lua", threshold = 10, window = "5m" } } },
    -- Sees all events and the emitted ones, and prints only these.
    { name = "alert", script = "only_alerts.lua", sinks = { "alerts" } },
  },
}
