-- The configuration of quickstart.sh: what is wrong in production goes to the event store, as an API
-- server would keep it.
return {
  scripts = "../scripts",
  sources = { { kind = "jsonl", path = "-" } },
  sinks = {
    store = { kind = "store", path = "build/quickstart.db" },
  },
  watchers = {
    {
      name = "production",
      scripts = {
        { "handlers/warnings.lua", namespaces = { "prod-*", "kube-system" } },
        { "handlers/dedup.lua", every = "1h" }, -- drops repeats
        "handlers/severity.lua", -- adds the field `severity`
        { "routes/by_severity.lua", warning = {} }, -- errors and worse go to the store
      },
      sinks = { "store" },
    },
  },
}
