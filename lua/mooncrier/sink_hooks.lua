-- The hooks of a sink script: a script that is a sink (core/script/script_sink.h). Each becomes a
-- function that C calls and that gives an answer of C's and a text, what went wrong.

local core = require("mooncrier.core")
local driver = require("mooncrier.driver")
local event = require("mooncrier.event")
local texts = require("mooncrier.texts")

local run, api, view_t = event.run, event.api, event.view_t

local sink_hooks = {}

-- mcr_sink_answer of core/script/sink_hooks.h.
local DONE, REFUSED, RETRY, FAILED = 0, 1, 2, 3

local function words(why, otherwise)
  if why == nil then
    return otherwise
  end
  return type(why) == "string" and why or core.json_encode(why)
end

-- What results mean that are not plainly "done".
local function settle(hook, ok, answer, why)
  if not ok then
    return FAILED, texts.fail(hook, answer)
  elseif answer == nil or answer == true then
    return DONE
  elseif answer == false then
    return REFUSED, words(why, hook.script .. " refused it and did not say why")
  elseif answer == "retry" then
    return RETRY, words(why, hook.script .. " asked for it and did not say why")
  end
  local shown = type(answer) == "string" and ("%q"):format(answer) or event.kind_of(answer)
  return FAILED, texts.fail(hook,
    ("%s must return nothing, true, false or \"retry\", not %s"):format(hook.stage, shown))
end

-- Whatever the script gave as its words, saying so must not raise.
local function settled(hook, ok, answer, why)
  local sound, result, text = pcall(settle, hook, ok, answer, why)
  if sound then
    return result, text
  end
  return FAILED, texts.fail(hook, result)
end

local write_parts = {
  ARGUMENTS = "",
  RESULTS = "answer, why",
  CALL = "",
  BODY = [[local result, text = 0, nil
  if answer ~= nil and answer ~= true or not ok then
    result, text = failed(hook, ok, answer, why)
  end]],
  ANSWER = "result, text",
}

-- The function for `write`: works on the event in run.slot[0].
local function new_write(hook, handler)
  return texts.compile("write", hook.script, write_parts)(
    handler, hook, run, view_t, xpcall, driver.on_raise, settled, type, api
  )
end

-- The function for a hook that is about no event. Like the one for `write` it is left by an error when
-- the hook was stopped, which C counts.
local function new_plain(hook, handler)
  return function()
    run.gen = run.gen + 1
    local ok, answer, why = xpcall(handler, driver.on_raise)
    local result, text = settled(hook, ok, answer, why)
    run.gen = run.gen + 1
    api.release_scoped(run)
    return result, text
  end
end

-- The functions of the hooks that the script `name` has; `where_of` tells the place of each.
function sink_hooks.new(hooks, name, where_of)
  local made = {}
  for _, stage in ipairs({ "open", "write", "flush", "reopen", "close" }) do
    local handler = hooks[stage]
    if handler then
      local hook = { stage = stage, script = name, where = where_of(handler) }
      made[stage] = (stage == "write" and new_write or new_plain)(hook, handler)
    end
  end
  return made
end

return sink_hooks
