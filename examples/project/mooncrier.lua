-- What mooncrier runs here: sources → watchers with their scripts → sinks. `mooncrier check` reads it as
-- `mooncrier run` does; mooncrier(1) has all keys.
return {
  -- Recorded events, to begin with. Live ones: path = "-", and
  --   kubectl get events -A -o json --watch --output-watch-events | mooncrier run
  sources = { { kind = "jsonl", path = "events.jsonl" } },

  sinks = {
    screen = {
      kind = "stdout",
      format = "custom-columns=SEVERITY:.severity,NAMESPACE:.involvedObject.namespace,OBJECT:.involvedObject.name,"
        .. "REASON:.reason,COUNT:.count",
    },
  },

  watchers = {
    {
      name = "urgent",
      scripts = { { "urgent.lua", namespaces = { "prod-*", "staging-*" }, threshold = 3 } },
      sinks = { "screen" },
    },
  },

  scripts = "scripts",
}
