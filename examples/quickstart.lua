-- The configuration of quickstart.sh: what needs attention, one line each.
return {
  scripts = "../scripts",
  sources = { { kind = "jsonl", path = "-" } },
  sinks = {
    screen = {
      kind = "stdout",
      format = "custom-columns=SEVERITY:.severity,NAMESPACE:.involvedObject.namespace,"
        .. "OBJECT:.involvedObject.name,REASON:.reason,MESSAGE:.message",
    },
  },
  watchers = {
    {
      name = "attention",
      scripts = {
        "handlers/quiet.lua", -- drops a cluster's daily work
        { "handlers/dedup.lua", every = "1h" }, -- and repeats
        "handlers/severity.lua", -- adds the field `severity`
        { "routes/by_severity.lua", info = {} }, -- which says where an event goes
      },
      sinks = { "screen" },
    },
  },
}
