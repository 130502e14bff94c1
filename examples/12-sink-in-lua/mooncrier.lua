return {
  sources = { { kind = "jsonl", path = "../data/events.jsonl" } },
  sinks = {
    reports = {
      kind = "script",
      script = { "reports.lua", dir = "out", allow = { "io" } },
      retry = { attempts = 5, wait = "1s" },
    },
  },
  dead_letters = "out/dead.jsonl",
  watchers = {
    { name = "reports", script = "warnings.lua", sinks = { "reports" } },
  },
}
