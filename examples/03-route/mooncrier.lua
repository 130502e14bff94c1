return {
  sources = { { kind = "jsonl", path = "../data/events.jsonl" } },
  sinks = {
    images = { kind = "file", path = "out/images.jsonl" },
    scheduling = { kind = "file", path = "out/scheduling.jsonl" },
    rest = { kind = "file", path = "out/rest.jsonl" },
  },
  watchers = {
    { name = "sort", script = "by_reason.lua", sinks = { "images", "scheduling", "rest" } },
  },
}
