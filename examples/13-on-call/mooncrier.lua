return {
  scripts = "../../scripts",
  sources = { { kind = "jsonl", path = "../data/troubles.jsonl" } },
  sinks = {
    slack = {
      kind = "webhook",
      url = env("RECEIVER") .. "/services/T0/B0/x",
      render = { "renderers/slack.lua", cluster = "prod-1" },
      max_in_flight = 1,
    },
  },
  watchers = {
    -- Looks for trouble in everything that happens, and emits an event about each.
    {
      name = "find",
      scripts = {
        { "handlers/crashloop.lua", threshold = 5 },
        { "handlers/oom_kills.lua" },
        { "handlers/image_pulls.lua", threshold = 2, namespaces = { "prod-*", "staging-*" } },
        { "handlers/node_flaps.lua" },
        { "handlers/evictions.lua", cluster = "prod-1" },
      },
      sinks = {},
    },
    -- Takes these, and tells people of them.
    {
      name = "tell",
      scripts = {
        "found.lua",
        {
          "handlers/quiet_hours.lua", hours = "22:00-05:10", sink = "slack",
          urgent = { "EvictionStorm", "NodeFlapping", "OutOfMemory" },
        },
        { "handlers/dedup_owner.lua", every = "1h", reasons = "CrashLoop" },
      },
      sinks = { "slack" },
    },
  },
}
