-- Keeps Warning events only, optionally of some namespaces only.
--
-- @param namespaces strings ("*")    globs: keep events of these namespaces
-- @param except     strings (none)   globs: drop events of these namespaces all the same
--
-- { "handlers/warnings.lua", namespaces = { "prod-*" }, except = { "prod-restricted" } }

local match = require("mooncrier.match")
local params = require("mooncrier.params")

local wanted, excepted

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      namespaces = { "strings", "*" },
      except = { "strings", {} },
    })
    wanted = match.any(given.namespaces)
    excepted = match.any(given.except)
  end,

  filter = function(event)
    if event.type ~= "Warning" then
      return false, "not a warning"
    end
    local namespace = event.metadata.namespace
    if not wanted(namespace) or excepted(namespace) then
      return false, "namespace not wanted"
    end
    return true
  end,
}
