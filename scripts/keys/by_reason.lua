-- One budget of the spam filter per object and reason: a Pod whose probe fails every few seconds no
-- longer uses up what its other events need, as it does with client-go, where all events of an object
-- share 25. Evaluated in C.
--
-- { "keys/by_reason.lua" }

local params = require("mooncrier.params")

---@type mooncrier.Hooks
return {
  init = function(init_params)
    params.read(init_params, {})
  end,

  -- The fields of client-go's key, then the reason.
  spam_key = {
    "source.component",
    "source.host",
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "type",
    "reason",
  },
}
