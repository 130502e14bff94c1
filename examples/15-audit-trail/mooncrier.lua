return {
  scripts = "../../scripts",
  sources = { { kind = "jsonl", path = "out/events.jsonl" } },
  sinks = {
    audit = { kind = "script", script = { "sinks/audit.lua", dir = "out", allow = { "io" } } },
  },
  dead_letters = "out/dead.jsonl",
  watchers = {
    { name = "audit", scripts = { "changes.lua", "handlers/redact.lua" }, sinks = { "audit" } },
  },
}
