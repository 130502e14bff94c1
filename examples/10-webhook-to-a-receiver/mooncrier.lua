return {
  sources = { { kind = "jsonl", path = "../data/events.jsonl" } },
  sinks = {
    chat = {
      kind = "webhook",
      url = env("RECEIVER") .. "/hook",
      bearer = env("TOKEN"),
      batch = { events = 5, wait = "5s" },
      retry = { wait = "100ms", attempts = 5 },
      max_in_flight = 1,
    },
  },
  dead_letters = "out/dead.jsonl",
  watchers = {
    { name = "failures", scripts = { { "failures.lua", at_least = 5 } }, sinks = { "chat" } },
  },
}
