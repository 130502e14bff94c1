-- The hooks that a script may have.

local hooks = {}

-- In the order that events meet them, then those of a script's life.
hooks.names = {
  "filter", "handle", "aggregate_key", "local_key", "spam_key", "aggregate_message", "route", "render",
  "init", "self_test", "open", "write", "flush", "save", "restore", "tick", "reopen", "fini", "close",
}

-- Those that are given an event.
hooks.with_event = {
  "filter", "handle", "aggregate_key", "local_key", "spam_key", "aggregate_message", "route", "render", "write",
}

-- What a script of a watcher may return, and of what type.
hooks.of_watchers = {
  filter = "function",
  handle = "function",
  aggregate_key = "function or table",
  local_key = "function or table",
  spam_key = "function or table",
  aggregate_message = "function",
  route = "function",
  render = "function",
  init = "function",
  self_test = "function",
  save = "function",
  restore = "function",
  tick = "function",
  fini = "function",
  tick_every = "number or string",
}

-- The same of a script that is a sink.
hooks.of_sinks = {
  init = "function",
  open = "function",
  write = "function",
  flush = "function",
  tick = "function",
  tick_every = "number or string",
  reopen = "function",
  close = "function",
}

return hooks
