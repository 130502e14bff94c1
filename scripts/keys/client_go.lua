-- The keys and the text that client-go's correlator has, written in Lua: to begin with when yours should
-- differ a little. As they are they change nothing; what runs without them is in C and costs less.
--
-- @param separator string ("")  between the fields of a key; client-go has nothing there, so that
--   different events can share a key
--
-- { "keys/client_go.lua", separator = "/" }

local params = require("mooncrier.params")

local combined = "(combined from similar events): "
local separator

local function spam_key(event)
  local source, object, s = event.source, event.involvedObject, separator
  local key = source.component .. s .. source.host .. s .. object.kind .. s .. object.namespace .. s
    .. object.name .. s .. object.uid .. s .. object.apiVersion .. s .. event.type
  return key
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    separator = params.read(init_params, { separator = { "string", "" } }).separator
  end,

  -- Which events are similar: about one object, for one reason, by one reporter.
  aggregate_key = function(event)
    local source, object, s = event.source, event.involvedObject, separator
    local key = source.component .. s .. source.host .. s .. object.kind .. s .. object.namespace .. s
      .. object.name .. s .. object.uid .. s .. object.apiVersion .. s .. event.type .. s
      .. event.reason .. s .. event.reportingComponent .. s .. event.reportingInstance
    return key
  end,

  -- Which of them are the same.
  local_key = function(event)
    return event.message
  end,

  -- Whose events share one budget: those of one source about one object.
  spam_key = spam_key,

  aggregate_message = function(event)
    return combined .. event.message
  end,
}
