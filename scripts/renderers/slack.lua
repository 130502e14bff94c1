-- Renders events as messages for Slack: an incoming webhook takes {"text", "attachments"} and answers "ok". The
-- headline is type, reason and object; below, with a bar in the type's colour, stand the message and where, how
-- often and when. What an event brings is escaped (&, <, >), so that it can neither link nor call for @channel,
-- and cut before Slack's limit of 3000 characters. Deleted events are left out.
--
-- Slack takes about one message a second for each channel and answers 429 with Retry-After to more, which the sink
-- waits for. Each message is a request of its own: leave `batch` out.
--
--   sinks = {
--     slack = {
--       kind = "webhook", url = env("SLACK_URL"),           -- https://hooks.slack.com/services/T…/B…/…
--       render = { "renderers/slack.lua", cluster = "prod-1" },
--       rate = "1/s", burst = 5, updates = "10m",           -- repeats of one event: every 10 minutes
--     },
--   }
--
-- The Web API wants a token and a channel, and refuses with status 200:
--
--   url = "https://slack.com/api/chat.postMessage", bearer = env("SLACK_TOKEN"), expect = '"ok":true',
--   headers = { ["Content-Type"] = "application/json; charset=utf-8" },
--   render = { "renderers/slack.lua", channel = "#events" },
--
-- @param channel  string (none)       for the Web API, Mattermost and Rocket.Chat; an incoming webhook of Slack has
--                                     the one that it was made for
-- @param username string (none)       whose message it is, where the server lets one choose
-- @param icon     string (none)       ":boom:", the same
-- @param cluster  string (none)       shown with each event
-- @param link     string (none)       template of a URL that the headline leads to,
--                                     "https://example.com/{{involvedObject.namespace}}/{{involvedObject.name}}"
-- @param warning  string ("#e01e5a")  colour of Warnings
-- @param normal   string ("#2eb67d")  colour of all others
--
-- { "renderers/slack.lua", channel = "#events", cluster = "prod-1" }

local params = require("mooncrier.params")
local template = require("mooncrier.template")

-- Of a text object, in characters; counted in bytes here, which are never fewer.
local TEXT_MAX = 2900

local given, link

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }

-- The text as Slack shows it again: escaped, and cut where neither a character nor an entity is split.
---@param text string
---@param max? integer
local function plain(text, max)
  local escaped = text:gsub("[&<>]", entities)
  if #escaped <= (max or TEXT_MAX) then
    return escaped
  end
  local cut = escaped:sub(1, (max or TEXT_MAX) + 1):gsub("[\192-\255]?[\128-\191]*$", "", 1)
  if #cut > (max or TEXT_MAX) then
    cut = cut:sub(1, -2)
  end
  return (cut:gsub("&%a*$", "")) .. "…"
end

local function mrkdwn(text)
  return { type = "mrkdwn", text = text, verbatim = true }
end

---@param event mooncrier.Event
local function headline(event)
  local object = event.involvedObject
  local text = plain(("%s %s"):format(object.kind, object.name), 500)
  if link then
    local url = link(event):gsub("[^%w%-._~:/?#%[%]@!$&'()*+,;=%%]", function(byte)
      return ("%%%02X"):format(byte:byte())
    end)
    text = ("<%s|%s>"):format(plain(url, 2000), (text:gsub("|", "¦")))
  end
  return ("*%s* %s: %s"):format(plain(event.type, 100), plain(event.reason, 200), text)
end

---@param event mooncrier.Event
local function details(event)
  local parts = {}
  local function add(format, ...)
    parts[#parts + 1] = format:format(...)
  end
  if given.cluster then
    add("cluster *%s*", plain(given.cluster, 200))
  end
  if event.involvedObject.namespace ~= "" then
    add("namespace *%s*", plain(event.involvedObject.namespace, 200))
  end
  if event.occurrences > 1 then
    add("%d times", event.occurrences)
  end
  -- What handlers/dedup_owner.lua has held back.
  local repeats = event:get("repeats")
  if type(repeats) == "number" and repeats > 0 then
    add("%d more before", repeats)
  end
  local component = event.source.component ~= "" and event.source.component or event.reportingComponent
  if component ~= "" then
    local host = event.source.host
    add(host ~= "" and "%s on %s" or "%s", plain(component, 200), plain(host, 300))
  end
  if event.time > 0 then
    -- Shown in the reader's own time zone.
    add("<!date^%d^{date_short_pretty} {time_secs}|%s>", event.time, time.format(event.time))
  end
  return table.concat(parts, " · ")
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    given = params.read(init_params, {
      channel = { "string", false },
      username = { "string", false },
      icon = { "string", false },
      cluster = { "string", false },
      link = { "string", false },
      warning = { "string", "#e01e5a" },
      normal = { "string", "#2eb67d" },
    })
    link = given.link and template.compile(given.link)
  end,

  render = function(event)
    if event.change == "deleted" then
      return false
    end
    local blocks = {}
    if event.message:find("%S") then
      -- As it is: asterisks and underscores are common in messages, and no markup.
      local message = plain((event.message:gsub("```", "'''")))
      blocks[1] = { type = "section", text = mrkdwn("```" .. message .. "```") }
    end
    local about = details(event)
    if about ~= "" then
      blocks[#blocks + 1] = { type = "context", elements = { mrkdwn(about) } }
    end
    local color = event.type == "Warning" and given.warning or given.normal
    return {
      channel = given.channel,
      username = given.username,
      icon_emoji = given.icon,
      text = headline(event),
      attachments = blocks[1] and { { color = color, blocks = blocks } },
    }
  end,
}
