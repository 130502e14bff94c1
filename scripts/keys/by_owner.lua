-- Counts and combines the events of one owner as if they were one object's: the Pods of a ReplicaSet
-- that fail for the same reason make one combined event, and share one budget of the spam filter. The
-- owner is the controller among the event's `metadata.ownerReferences`, else the first of them;
-- Kubernetes itself sets none on events, so something before must (a handler, or who makes the
-- events). An event without owner keeps client-go's keys.
--
-- @param spam boolean (true)  the spam filter's budget is the owner's, too
--
-- { "keys/by_owner.lua", spam = false }

local params = require("mooncrier.params")

local SEPARATOR = "\31"
local shares_spam

-- What identifies the owner; nil when there is none.
local function owner_of(event)
  local owner
  for _, reference in ipairs(event.metadata.ownerReferences) do
    if type(reference) == "table" then
      if reference.controller == true then
        owner = reference
        break
      end
      owner = owner or reference
    end
  end
  if not owner then
    return nil
  end
  local uid = owner.uid
  if type(uid) == "string" and uid ~= "" then
    return uid
  end
  -- Without a uid the name says who it is, within the event's namespace.
  if type(owner.kind) == "string" and type(owner.name) == "string" then
    return event.metadata.namespace .. SEPARATOR .. owner.kind .. SEPARATOR .. owner.name
  end
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    shares_spam = params.read(init_params, { spam = { "boolean", true } }).spam
  end,

  aggregate_key = function(event)
    local owner = owner_of(event)
    if owner then
      local key = "owner" .. SEPARATOR .. owner .. SEPARATOR .. event.type .. SEPARATOR .. event.reason
      return key
    end
  end,

  spam_key = function(event)
    local owner = shares_spam and owner_of(event)
    if owner then
      local key = "owner" .. SEPARATOR .. owner .. SEPARATOR .. event.type
      return key
    end
  end,
}
