-- Messages that differ only in numbers, hashes, UUIDs or generated names are the same message: "0/7
-- nodes are available" and "0/8 nodes are available" count as one of the similar events that are
-- combined from the tenth different one on, not as two. Evaluated in C.
--
-- { "keys/by_message.lua" }

local params = require("mooncrier.params")

---@type mooncrier.Hooks
return {
  init = function(init_params)
    params.read(init_params, {})
  end,

  local_key = { "message", normalize = true },
}
