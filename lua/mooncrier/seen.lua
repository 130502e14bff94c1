-- What was already told of each event of a stream: sets change and delta as the sources of the program do
-- (core/source/seen.h). For those that read events without one: plain LuaJIT, and tests.

local ffi = require("ffi")

local seen = {}

local event_ptr = ffi.typeof("mcr_event *")
local UNKNOWN, NEW, REPEAT, DELETED = 0, 1, 2, 3 -- MCR_CHANGE_*

-- The change that an event has from its document, before any stream was told of it.
function seen.said(view)
  return ffi.cast(event_ptr, view.handle).change
end

-- Tells the stream of an event, and returns it. `told` is what the stream was told so far: identity →
-- occurrences. `said` is the change that its document says.
function seen.note(told, view, said)
  local ev = ffi.cast(event_ptr, view.handle)
  local metadata = view.metadata
  local key = metadata.uid ~= "" and metadata.uid or metadata.namespace .. "/" .. metadata.name
  local before, occurrences = told[key], view.occurrences
  ev.change = said ~= UNKNOWN and said or before and REPEAT or NEW
  if ev.change == DELETED then
    ev.delta = 0
    told[key] = nil
    return view
  end
  if before then
    ev.delta = math.max(occurrences - before, 0)
  else
    ev.delta = ev.change == REPEAT and 1 or occurrences
  end
  told[key] = occurrences
  return view
end

return seen
