return {
  sources = { { kind = "jsonl", path = "../data/events.jsonl" } },
  sinks = { out = { kind = "stdout" } },
  watchers = {
    { name = "enrich", scripts = { "scheduling.lua", { "enrich.lua", cluster = "eu-1" } }, sinks = { "out" } },
  },
}
