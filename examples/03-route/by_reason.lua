-- Sorts events into three files by their reason and message. One that is of interest to two readers goes
-- to two files.

local match = require("mooncrier.match")

local about_images = match.any({ "Pull*", "InspectFailed", "ErrImage*" })
local about_nodes = match.any({ "*Scheduling", "Scheduled", "Preempted", "Evicted", "TaintManagerEviction" })
local names_image = match.regex("\\bimage\\b", "i")

---@type mooncrier.Hooks
return {
  route = function(event)
    local reason = event.reason
    local images = about_images(reason) or names_image:test(event.message)
    local scheduling = about_nodes(reason)
    if images and scheduling then
      return { "images", "scheduling" }
    end
    return images and "images" or scheduling and "scheduling" or "rest"
  end,
}
