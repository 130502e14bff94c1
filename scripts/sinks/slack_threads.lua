-- A sink: Slack with a thread for each incident. The first event of an incident is a message of its own; what follows
-- within `thread` answers it in its thread. An incident is what handlers/incidents.lua says in the field `incident`;
-- an event without one belongs to its workload. Threads need the Web API (an app's token with chat:write), since
-- incoming webhooks do not tell what message they made, and its answers: this script asks `curl` to post and reads
-- the answer, one event at a time. With a webhook, renderers/slack.lua and `updates = "10m"` make one message of
-- repeats instead. Which threads there are survives reloads; after a restart new ones begin.
--
--   sinks = {
--     slack = {
--       kind = "script", rate = "1/s",
--       script = { "sinks/slack_threads.lua", channel = "#oncall", allow = { "io", "os" }, deadline = "30s" },
--     },
--   }
--
-- @param channel   string   ()              where to: "#oncall", or the channel's id
-- @param token_env string   ("SLACK_TOKEN") the environment variable with the app's token
-- @param url       string   ("https://slack.com/api/chat.postMessage")  of the Web API
-- @param thread    duration ("6h")          how long events are put into the same thread
-- @param cluster   string   (none)          shown with each first message
-- @param timeout   duration ("10s")         how long Slack may take
--
-- { "sinks/slack_threads.lua", channel = "#oncall", cluster = "prod-1", allow = { "io", "os" }, deadline = "30s" }

local params = require("mooncrier.params")
local workload = require("mooncrier.workload")

local MESSAGE_MAX = 2000

local given, command

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }

-- As Slack shows it again, cut between characters.
local function plain(text)
  if #text > MESSAGE_MAX then
    text = text:sub(1, MESSAGE_MAX + 1):gsub("[\192-\255]?[\128-\191]*$", "", 1) .. "…"
  end
  return (text:gsub("[&<>]", entities))
end

---@param event mooncrier.Event
local function incident_of(event)
  local incident = event:get("incident")
  return type(incident) == "string" and incident or workload.key(event)
end

---@param event mooncrier.Event
local function text_of(event, is_first)
  local object = event.involvedObject
  local parts = {
    ("*%s* %s: %s %s"):format(plain(event.type), plain(event.reason), plain(object.kind), plain(object.name)),
  }
  if is_first then
    local where = object.namespace ~= "" and "namespace " .. plain(object.namespace) or nil
    parts[#parts + 1] = given.cluster and "cluster " .. plain(given.cluster) .. (where and ", " .. where or "") or where
  end
  if event.message:find("%S") then
    parts[#parts + 1] = "```" .. plain((event.message:gsub("```", "'''"))) .. "```"
  end
  return table.concat(parts, "\n")
end

-- Posts the body; the answer as a table, or nil and why there is none.
local function post(body)
  local path = os.tmpname()
  local file, why = io.open(path, "wb")
  if not file then
    return nil, why
  end
  file:write(body)
  file:close()
  local pipe, answer
  -- The name of the file is the system's, all else was checked: nothing here comes from an event.
  pipe, why = io.popen(command:format(path), "r")
  if pipe then
    answer = pipe:read("*a")
    pipe:close()
  end
  os.remove(path)
  if not pipe then
    return nil, why
  end
  local text, status = answer:match("^(.*)\n(%d%d%d)%s*$")
  local ok, decoded = pcall(json.decode, text or "")
  if not ok or type(decoded) ~= "table" then
    return nil, ("Slack answered with status %s and no JSON"):format(status or "none")
  end
  return decoded
end

-- Errors that pass: https://docs.slack.dev/reference/methods/chat.postMessage
local passing = {
  ratelimited = true, rate_limited = true, service_unavailable = true, internal_error = true, fatal_error = true,
  request_timeout = true,
}

---@type mooncrier.SinkHooks
return {
  init = function(init_params)
    given = params.read(init_params, {
      channel = { "string" },
      token_env = { "string", "SLACK_TOKEN" },
      url = { "string", "https://slack.com/api/chat.postMessage" },
      thread = { "duration", "6h" },
      cluster = { "string", false },
      timeout = { "duration", "10s" },
    })
    if not given.url:find("^https?://[%w.:/_-]+$") then
      error(("parameter 'url' must be http(s)://…, not %q"):format(given.url), 0)
    elseif not given.token_env:find("^[%a_][%w_]*$") then
      error(("parameter 'token_env' must be the name of an environment variable, not %q"):format(given.token_env), 0)
    end
    -- The token stays out of the command's arguments, which everybody on the machine can see.
    command = ([[curl --silent --show-error --max-time %g --write-out '\n%%%%{http_code}' --config /dev/fd/3 ]]
      .. [[--header 'Content-Type: application/json; charset=utf-8' --data-binary @%%s '%s' 3<<END 2>/dev/null
header = "Authorization: Bearer $%s"
END
]]):format(given.timeout, given.url, given.token_env)
  end,

  open = function()
    if env(given.token_env, "") == "" then
      return false, ("the environment variable %s with Slack's token is not set"):format(given.token_env)
    end
  end,

  write = function(event)
    if event.change == "deleted" then
      return
    end
    local key = "slack_threads " .. given.channel .. " " .. incident_of(event)
    local parent = shared.get(key)
    local answer, why = post(json.encode({
      channel = given.channel, text = text_of(event, not parent), thread_ts = parent,
      unfurl_links = false, unfurl_media = false,
    }))
    if not answer then
      return "retry", why
    elseif answer.ok == true then
      if not parent and type(answer.ts) == "string" then
        shared.set(key, answer.ts, given.thread)
      end
      return
    end
    local problem = type(answer.error) == "string" and answer.error or "no reason"
    if problem == "thread_not_found" or problem == "message_not_found" then
      shared.delete(key) -- somebody has deleted it: a new one begins
      return "retry", "the thread is gone"
    end
    if passing[problem] then
      return "retry", "Slack: " .. problem
    end
    return false, "Slack: " .. problem
  end,
}
