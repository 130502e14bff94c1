-- Thins out what there is too much of. The first `first` events of a namespace and reason in each `window` pass, so
-- that what is rare is seen whole; of the others a share of `rate`, chosen by the identity of the event: all repeats
-- of one event pass or none, and two programs with the same configuration choose the same ones. Warnings all pass,
-- unless `warnings` says otherwise. The ledger tells how many were left out.
--
-- @param rate     number   (0.1)   share of the events beyond the first that pass: 0 to 1
-- @param first    count    (10)    events of a namespace and reason that pass in each window
-- @param window   duration ("1m")  the window
-- @param reasons  strings  ("*")   globs: thin out these reasons only
-- @param warnings boolean  (false) thin out Warning events, too
--
-- { "handlers/sample.lua", rate = 0.01, reasons = { "Pull*", "Created", "Started" } }

local alarm = require("mooncrier.alarm")
local match = require("mooncrier.match")
local params = require("mooncrier.params")
local window = require("mooncrier.window")

local given, thinned, seen

-- A number from 0 to 1 that is the same for the same text.
local function share_of(text)
  local hash = 5381
  for i = 1, #text do
    hash = (hash * 33 + text:byte(i)) % 4294967296
  end
  -- Its low digits are the more random ones.
  return hash % 10007 / 10007
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    given = params.read(init_params, {
      rate = { "number", 0.1 },
      first = { "count", 10 },
      window = { "duration", "1m" },
      reasons = { "strings", "*" },
      warnings = { "boolean", false },
    })
    if given.rate < 0 or given.rate > 1 then
      error(("parameter 'rate' must be between 0 and 1, not %g"):format(given.rate), 0)
    end
    thinned = match.any(given.reasons)
    seen = window.new({ span = given.window, tumbling = true })
  end,

  filter = function(event)
    local reason = event.reason
    if event.type == "Warning" and not given.warnings or not thinned(reason) then
      return true
    end
    local metadata = event.metadata
    if seen:add(metadata.namespace .. "\0" .. reason, 1, alarm.time(event)) <= given.first then
      return true
    end
    local identity = metadata.uid ~= "" and metadata.uid or metadata.namespace .. "/" .. metadata.name
    return share_of(identity) < given.rate, "not in the sample"
  end,

  save = function()
    return seen:save()
  end,

  restore = function(saved)
    seen:restore(saved)
  end,
}
