-- Runs in a pod: the events of a file that another container writes, recorded at the cluster's API server.
return {
  sources = {
    { kind = "jsonl", path = env("EVENTS"), follow = true },
  },
  sinks = {
    -- The server, the CA and the token are those of the pod's service account; the token is read
    -- anew when it has been exchanged.
    cluster = { kind = "kube", in_cluster = true, max_in_flight = 16, rate = 50, burst = 100 },
    -- What is new, for `kubectl logs`.
    news = { kind = "stdout", format = "structured", updates = "first" },
  },
  dead_letters = env("DEAD_LETTERS"),
  watchers = {
    { name = "record", sinks = { "cluster" } },
    { name = "news", sinks = { "news" } },
  },
  limits = { drain_timeout = "20s" }, -- less than terminationGracePeriodSeconds
}
