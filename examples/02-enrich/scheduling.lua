-- Keeps what the scheduler could not do for the web shop.

local match = require("mooncrier.match")

local of_shop = match.any({ "prod-web", "prod-payments" })

---@type mooncrier.Hooks
return {
  filter = function(event)
    return event.reason == "FailedScheduling" and of_shop(event.metadata.namespace)
  end,
}
