return {
  scripts = "../../scripts",
  sources = { { kind = "jsonl", path = "../data/troubles.jsonl" } },
  sinks = {
    people = { kind = "file", path = "out/people.jsonl" },
    archive = { kind = "file", path = "out/archive.jsonl" },
  },
  watchers = {
    -- People: what is of the day's work, told already or summed up elsewhere is left out.
    {
      name = "people",
      scripts = {
        { "handlers/scheduling_digest.lua", every = "10m", keep = false, sink = "people" },
        { "handlers/quiet.lua", also = { "NodeHasSufficient*", "SuccessfulAttachVolume" } },
        { "handlers/dedup_owner.lua", every = "5m" },
      },
      sinks = { "people" },
    },
    -- The archive: of each namespace and reason the first five in ten minutes, and a tenth of the others.
    {
      name = "archive",
      scripts = { { "handlers/sample.lua", rate = 0.1, first = 5, window = "10m", warnings = true } },
      sinks = { "archive" },
    },
  },
}
