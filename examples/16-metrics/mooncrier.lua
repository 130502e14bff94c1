return {
  scripts = "../../scripts",
  sources = { { kind = "jsonl", path = "../data/troubles.jsonl" } },
  sinks = {
    metrics = {
      kind = "script",
      script = {
        "sinks/metrics.lua", file = "out/events.prom", cluster = "prod-1", max_series = 60,
        labels = { "namespace", "workload", "reason", "type" },
        allow = { "io", "os" },
      },
    },
    slo = { kind = "file", path = "out/slo.jsonl" },
  },
  watchers = {
    { name = "metrics", sinks = { "metrics" } },
    {
      name = "objectives",
      script = {
        "handlers/slo.lua", good = "Completed", bad = { "BackoffLimitExceeded", "DeadlineExceeded" }, objective = 90,
        burn = 3, least = 10, name = "Jobs", sink = "slo",
      },
      sinks = { "slo" },
    },
  },
}
