return {
  scripts = "../../scripts",
  sources = { { kind = "jsonl", path = "../data/events.jsonl" } },
  sinks = {
    api = { kind = "kube", server = env("SERVER") },
  },
  dead_letters = "out/dead.jsonl",
  watchers = {
    { name = "record", script = "handlers/warnings.lua", sinks = { "api" } },
  },
}
