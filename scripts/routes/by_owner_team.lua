-- Sends events to the sinks of the team that owns the object, by a label or annotation of the event
-- (a handler or who makes the events puts it there; Kubernetes itself does not copy an object's).
--
-- @param teams  table   (required)     { ["web"] = "slack-web", ["db"] = { "pager", "archive" } }
-- @param label  string  ("team")       the label, or annotation, that names the team
-- @param others sinks   (none)         sinks of events of no team, or one that is not listed
--
-- Without `others` those go to all sinks of the watcher.
--
-- { "routes/by_owner_team.lua", label = "example.com/team", teams = { web = "slack-web" }, others = "archive" }

local params = require("mooncrier.params")

local p, sinks_of_team

---@type mooncrier.Hooks
return {
  init = function(init_params)
    p = params.read(init_params, {
      teams = { "table" },
      label = { "string", "team" },
      others = { "sinks", false },
    })
    sinks_of_team = {}
    for team, sinks in pairs(p.teams) do
      if type(team) ~= "string" then
        error("teams: the keys are names of teams, not " .. tostring(team), 0)
      end
      -- The same check, and the same words when it fails, as for any parameter.
      sinks_of_team[team] = params.read({ [team] = sinks }, { [team] = { "sinks" } })[team]
    end
  end,

  route = function(event)
    local metadata = event.metadata
    local team = metadata.labels[p.label] or metadata.annotations[p.label]
    return team and sinks_of_team[team] or p.others or nil
  end,
}
