-- Says with each event whose it is: gives it annotations of the team that owns its namespace, such as `team`, which
-- routes/by_owner_team.lua goes by and every sink shows. The first entry of `owners` whose glob matches the namespace
-- of the object decides; nodes and what else has no namespace are those of `cluster`. An annotation that the event
-- has already is left; events of nobody pass unchanged.
--
-- @param owners  table  ()      a list of { "glob", team = "…", … }: whose namespaces; every name becomes an annotation
-- @param cluster table  (none)  the annotations of events about what has no namespace: { team = "platform" }
-- @param prefix  string ("")    stands before the names: "example.com/" makes the annotation example.com/team
--
-- { "handlers/namespace_owners.lua", owners = { { "prod-pay*", team = "payments" } }, cluster = { team = "infra" } }

local match = require("mooncrier.match")
local params = require("mooncrier.params")

local owners, of_cluster

-- Checks the names and values of one owner, and puts the prefix before them.
local function read_annotations(given, what, prefix)
  local annotations = {}
  for name, value in pairs(given) do
    if type(name) == "string" then
      if not name:find("^[%w._/-]+$") then
        error(("%s: %q is no name of an annotation"):format(what, name), 0)
      elseif type(value) ~= "string" then
        error(("%s: %s must be a string, not %s"):format(what, name, tostring(value)), 0)
      end
      annotations[prefix .. name] = value
    end
  end
  if not next(annotations) then
    error(("%s says nothing about the owner; for example team = \"web\""):format(what), 0)
  end
  return annotations
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      owners = { "table" },
      cluster = { "table", false },
      prefix = { "string", "" },
    })
    owners = {}
    for i, owner in ipairs(given.owners) do
      local what = ("owners[%d]"):format(i)
      if type(owner) ~= "table" or type(owner[1]) ~= "string" or #owner ~= 1 then
        error(what .. " must be { \"glob\", team = \"…\" }", 0)
      end
      owners[i] = { is = match.glob(owner[1]), annotations = read_annotations(owner, what, given.prefix) }
    end
    of_cluster = given.cluster and read_annotations(given.cluster, "cluster", given.prefix)
  end,

  handle = function(event)
    local namespace = event.involvedObject.namespace
    local annotations = of_cluster
    if namespace ~= "" then
      annotations = nil
      for i = 1, #owners do
        if owners[i].is(namespace) then
          annotations = owners[i].annotations
          break
        end
      end
    end
    if not annotations then
      return
    end
    local has, missing = event.metadata.annotations, nil
    for name, value in pairs(annotations) do
      if has[name] == nil then
        missing = missing or {}
        missing[name] = value
      end
    end
    return missing and event:with({ metadata = { annotations = missing } })
  end,
}
