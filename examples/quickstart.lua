-- The configuration of quickstart.sh: what is wrong in production, one line each.
return {
  scripts = "../scripts",
  sources = { { kind = "jsonl", path = "-" } },
  sinks = {
    screen = {
      kind = "stdout",
      format = "custom-columns=SEVERITY:.severity,NAMESPACE:.metadata.namespace,"
        .. "OBJECT:.involvedObject.name,REASON:.reason,COUNT:.count",
    },
  },
  watchers = {
    {
      name = "production",
      scripts = {
        { "handlers/warnings.lua", namespaces = { "prod-*", "kube-system" } },
        { "handlers/dedup.lua", every = "1h" }, -- drops repeats
        "handlers/severity.lua", -- adds the field `severity`
        { "routes/by_severity.lua", warning = {} }, -- errors and worse go to the screen
      },
      sinks = { "screen" },
    },
  },
}
