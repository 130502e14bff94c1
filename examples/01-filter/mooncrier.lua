return {
  sources = { { kind = "jsonl", path = "../data/events.jsonl" } },
  sinks = { screen = { kind = "stdout" } },
  watchers = {
    { name = "warnings", scripts = { { "prod_warnings.lua", more_than = 20 } }, sinks = { "screen" } },
  },
}
