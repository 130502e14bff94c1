-- What counts as the same, and who is told. Similar are all events of one reason in one namespace,
-- whatever object they are about; the same are those whose messages differ in numbers and made-up
-- names only.

---@type mooncrier.Hooks
return {
  -- Declared keys are evaluated in C. A function would do, too: see scripts/keys/by_owner.lua.
  aggregate_key = { "metadata.namespace", "type", "reason" },
  local_key = { "message", normalize = true },

  aggregate_message = function(event)
    return "(one of many) " .. event.message
  end,

  -- The first event of a kind goes to people; all, with the counts of the repeats, to the archive.
  route = function(event)
    if event.type == "Warning" and event.count <= 1 then
      return { "people", "archive" }
    end
    return "archive"
  end,
}
