-- The memory and start benches: one script between standard input and output.
return {
  sources = { { kind = "jsonl", path = "-" } },
  sinks = { out = { kind = "stdout" } },
  watchers = { { name = "bench", script = "filter_all.lua", sinks = { "out" } } },
}
