-- The configuration of the run-* benches; where things are comes from bench_run.c.
-- luacheck: read globals env
local workload, output = env("BENCH_WORKLOAD"), env("BENCH_OUTPUT")

local sinks = {
  filter = { out = { kind = "file", path = output } },
  enrich = { out = { kind = "file", path = output } },
  route = {
    backoff = { kind = "file", path = output .. ".backoff" },
    scheduling = { kind = "file", path = output .. ".scheduling" },
    rest = { kind = "file", path = output .. ".rest" },
  },
  null = {},
}

local names = {}
for name in pairs(sinks[workload]) do
  names[#names + 1] = name
end

return {
  sources = { { kind = "jsonl", path = env("BENCH_INPUT") } },
  sinks = sinks[workload],
  watchers = { { name = "bench", script = env("BENCH_SCRIPTS") .. "/" .. workload .. ".lua", sinks = names } },
}
