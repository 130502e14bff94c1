-- Sends events to sinks by their namespace: the first route whose glob matches decides.
--
-- @param routes  table   ()      a list of { "glob", "sink", … }: events of these namespaces go to these
--                                sinks; no sink after the glob: they go nowhere
-- @param default sinks   (none)  sinks of other namespaces; left out: all sinks of the watcher
--
-- { "routes/by_namespace.lua", routes = { { "prod-*", "pager", "archive" }, { "dev-*" } }, default = "archive" }

local match = require("mooncrier.match")
local params = require("mooncrier.params")

local routes, default

local function read_route(route, i)
  local ok = type(route) == "table" and #route > 0
  for k = 1, ok and #route or 0 do
    ok = ok and type(route[k]) == "string"
  end
  if not ok then
    error(("routes[%d] must be a list { \"glob\", \"sink\", … }"):format(i), 0)
  end
  local name = ("routes[%d]"):format(i)
  local sinks = params.read({ [name] = { unpack(route, 2) } }, { [name] = { "sinks" } })[name]
  return { is = match.glob(route[1]), sinks = sinks }
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      routes = { "table" },
      default = { "sinks", false },
    })
    routes, default = {}, given.default
    for i, route in ipairs(given.routes) do
      routes[i] = read_route(route, i)
    end
  end,

  route = function(event)
    local namespace = event.metadata.namespace
    for i = 1, #routes do
      if routes[i].is(namespace) then
        return routes[i].sinks
      end
    end
    return default
  end,
}
