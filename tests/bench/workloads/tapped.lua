-- The configuration of the bench `tap`: run-null with a control socket of its own.
-- luacheck: read globals env
return {
  sources = { { kind = "jsonl", path = env("BENCH_INPUT") } },
  sinks = {},
  watchers = { { name = "bench", script = env("BENCH_SCRIPTS") .. "/null.lua" } },
  control = env("BENCH_CONTROL"),
}
