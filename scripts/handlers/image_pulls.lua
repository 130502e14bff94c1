-- Tells of images that cannot be pulled, once for each image and cause rather than once for each pod. What is wrong
-- with a registry as a whole (it is out of reach, its rate limit is reached, its certificate is refused) is told once
-- for the registry, and the kubelet's own limit once for the node. Emits a Warning event ImagePullFailure with the
-- cause in plain words and how many pods wait; every event passes unchanged. Pods count once within the window.
--
-- @param threshold  count    (1)      pods that have to fail before it is told
-- @param window     duration ("30m")  within which they count, and the time to the next event about the same
-- @param namespaces strings  ("*")    globs: look at pods of these namespaces only
-- @param sink       sinks    (none)   send the new event straight to these sinks of the watcher; without it, to all
--                                     other watchers
--
-- { "handlers/image_pulls.lua", threshold = 3, sink = "slack" }

local alarm = require("mooncrier.alarm")
local match = require("mooncrier.match")
local params = require("mooncrier.params")

-- What registries, container runtimes and kubelets say, in small letters; the first that is found decides.
-- { what is said, the cause, whose it is, how many pods it takes at least }
local causes = {
  -- Passes by itself, unless it is a matter of too many pods.
  { match.regex([[pull qps exceeded]], "i"), "the kubelet pulls as many images as its registryPullQPS allows", "node",
    10 },
  { match.regex([[consider removing the image|failed to inspect.*file does not exist]], "i"),
    "its store of images is damaged", "node" },
  { match.regex([[toomanyrequests|\b429\b|rate limit]], "i"), "the registry's rate limit is reached", "registry" },
  { match.regex([[no space left on device]], "i"), "the node's disk is full", "node" },
  { match.regex([[x509|certificate]], "i"), "the registry's certificate is refused", "registry" },
  { match.regex([[no such host|server misbehaving]], "i"), "the registry's name is not known", "registry" },
  { match.regex([[unauthorized|denied|authoriz|authentication|\b40[13]\b|no basic auth]], "i"),
    "access is denied, or there is no such repository (imagePullSecrets?)", "image" },
  { match.regex([[no match for platform|no matching manifest|exec format]], "i"),
    "it is not made for the node's platform", "image" },
  { match.regex([[not found|manifest unknown|name unknown|does not exist]], "i"), "there is no such image or tag",
    "image" },
  { match.regex([[invalid reference format|parse image (?:name|reference)|invalidimagename]], "i"),
    "its name is not well-formed", "image" },
  { match.regex([[is not present with pull policy of never]], "i"), "it is not on the node, and may not be pulled",
    "image" },
  { match.regex([[timeout|timed out|deadline exceeded|connection refused|connection reset|unavailable]]
    .. [[|no route to host|network is unreachable|\b50[0234]\b|\bEOF\b]], "i"),
    "the registry cannot be reached", "registry" },
}

local in_namespaces, threshold, failures

-- The image of a failure; nil when the event is about something else.
---@param event mooncrier.Event
local function image_of(event)
  local reason = event.reason
  if reason == "Failed" then
    return event.message:match('^Failed to pull image "([^"]*)"')
  elseif reason == "ErrImageNeverPull" or reason == "InspectFailed" then
    return event.message:match('"([^"]*)"')
  end
end

local function registry_of(image)
  local first = image:match("^([^/]+)/")
  if first and (first:find("[.:]") or first == "localhost") then
    return first
  end
  return "docker.io"
end

local function cause_of(message)
  for i = 1, #causes do
    if causes[i][1]:test(message) then
      return causes[i][2], causes[i][3], causes[i][4] or 1
    end
  end
  return nil, "image", 1
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      threshold = { "count", 1 },
      window = { "duration", "30m" },
      namespaces = { "strings", "*" },
      sink = { "sinks", false },
    })
    in_namespaces, threshold = match.any(given.namespaces), given.threshold
    failures = alarm.new({ reason = "ImagePullFailure", window = given.window, sink = given.sink })
  end,

  handle = function(event)
    local image = image_of(event)
    local pod = event.involvedObject
    if not image or not in_namespaces(pod.namespace) then
      return
    end
    local cause, whose, least = cause_of(event.message)
    local subject = ("Image %s cannot be pulled"):format(image)
    if whose == "registry" then
      subject = ("Images of %s cannot be pulled"):format(registry_of(image))
    elseif whose == "node" then
      subject = ("Node %s cannot pull images"):format(event.source.host)
    end
    local name = pod.namespace .. "/" .. pod.name
    local due, n = failures:due_of(subject .. "\0" .. (cause or ""), name, event, math.max(least, threshold))
    if due then
      -- Without a cause that we know, what was said, but not the image again.
      cause = cause or event.message:match('^[^"]*"[^"]*"[:%s]*(.*)')
      failures:raise(event, {
        message = ("%s: %s; %d pod%s within %s, the last one: %s"):format(subject, cause, n, n == 1 and "" or "s",
          failures.within, name),
      })
    end
  end,

  save = function()
    return failures:save()
  end,

  restore = function(saved)
    failures:restore(saved)
  end,
}
