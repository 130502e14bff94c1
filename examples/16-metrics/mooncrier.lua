return {
  scripts = "../../scripts",
  sources = { { kind = "jsonl", path = "../data/troubles.jsonl" } },
  sinks = { slo = { kind = "file", path = "out/slo.jsonl" } },
  watchers = {
    {
      name = "metrics",
      scripts = {
        {
          "handlers/metrics.lua", file = "out/events.prom", cluster = "prod-1",
          labels = { "namespace", "workload", "reason", "type" }, max_series = 60,
          allow = { "io", "os" },
        },
        { "handlers/slo.lua", good = "Completed", bad = { "BackoffLimitExceeded", "DeadlineExceeded" },
          objective = 90, burn = 3, least = 10, name = "Jobs", sink = "slo" },
      },
      sinks = { "slo" },
    },
  },
}
