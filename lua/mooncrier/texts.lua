-- Hooks that make something of one event when C asks for it: the correlator's keys and messages
-- (texts), and what a sink sends (render). C puts the event into run.slot[0] and calls the entry.
--
-- As in driver.lua, each entry is compiled from text of its own, so that it has a trace of its own.

local core = require("mooncrier.core")
local driver = require("mooncrier.driver")
local event = require("mooncrier.event")

local run, api, view_t = event.run, event.api, event.view_t
local kind_of = event.kind_of

local texts = {}

-- The function of the hook `stage` of `script`: the template with its words in capitals replaced by
-- `parts`, still to be given what it works with.
local template = [[
local handler, hook, run, view_t, xpcall, on_raise, failed, type, api = ...
return function(ARGUMENTS)
  local gen = run.gen + 1
  run.gen = gen
  local ok, RESULTS = xpcall(handler, on_raise, view_t(run.slot[0].handle, gen)CALL)
  BODY
  if run.scoped ~= 0 then
    api.release_scoped(run)
  end
  run.gen = gen + 1
  return ANSWER
end
]]

function texts.compile(stage, script, parts)
  local text = template:gsub("%f[%u]%u+%f[%U]", parts)
  return assert(loadstring(text, "=" .. stage .. " of " .. script))
end

-- Counts and logs that the hook failed; the text with a place in it.
local function fail(hook, text)
  text = driver.failure(text, hook.where)
  core.script_failed(hook.stage, hook.script, text)
  return text
end

texts.fail = fail

local text_parts = {
  ARGUMENTS = "",
  RESULTS = "text",
  CALL = "",
  BODY = [[if type(text) ~= "string" or not ok then
    text = failed(hook, ok, text)
  end]],
  ANSWER = "text",
}

-- Not a text: nil is client-go's default, all else a failure, which falls back to it.
local function text_failed(hook, ok, text)
  if not ok then
    fail(hook, text)
  elseif text ~= nil then
    fail(hook, ("%s must return a string or nil, not %s"):format(hook.stage, kind_of(text)))
  end
  return nil
end

-- The entry of the hook `stage` ("aggregate_key"…): a function that gives a string, or nil for
-- client-go's.
function texts.new(stage, handler, script, where)
  local hook = { stage = stage, script = script, where = where }
  return texts.compile(stage, script, text_parts)(
    handler, hook, run, view_t, xpcall, driver.on_raise, text_failed, type, api
  )
end

-- A key by declaration, { "involvedObject.uid", "reason", normalize = true }, as C evaluates it; nil
-- and what is wrong with it.
function texts.declare(fields)
  local paths = {}
  for key, value in pairs(fields) do
    if type(key) == "number" then
      if type(value) ~= "string" then
        return nil, "a key is declared by names of fields, not by " .. kind_of(value)
      end
    elseif key ~= "normalize" then
      local meant = core.suggest(tostring(key), { "normalize" })
      return nil, ("unknown option '%s' of a key%s"):format(
        tostring(key), meant and "; did you mean 'normalize'?" or "")
    elseif type(value) ~= "boolean" then
      return nil, "normalize is true or false, not " .. kind_of(value)
    end
  end
  for i, path in ipairs(fields) do
    paths[i] = path
  end
  return core.key_spec(paths, fields.normalize == true)
end

-- mcr_render_result of core/sink/sink.h.
local NONE, DONE, SUPPRESS, FAILED = 0, 1, 2, 3

local function check_line(what, value)
  if type(value) ~= "string" then
    error(("render: %s must be a string, not %s"):format(what, kind_of(value)), 0)
  elseif value:find("%c") then
    error(("render: %s has a line break or another control character"):format(what), 0)
  end
  return value
end

local function header_lines(headers)
  if headers == nil then
    return nil
  elseif type(headers) ~= "table" then
    error("render: headers must be a table, name = value, not " .. kind_of(headers), 0)
  end
  local lines = {}
  for name, value in pairs(headers) do
    if type(name) ~= "string" or not name:find("^[%w!#$%%&'*+.^_`|~-]+$") then
      error(("render: '%s' is no name of a header"):format(tostring(name)), 0)
    end
    value = type(value) == "number" and tostring(value) or value
    lines[#lines + 1] = ("%s: %s\n"):format(name, check_line("header " .. name, value))
  end
  table.sort(lines)
  return table.concat(lines)
end

local option_names = { "headers", "url", "method" }

local function check_options(options)
  if type(options) ~= "table" then
    error("render: the second result must be a table of headers, url and method, not "
      .. kind_of(options), 0)
  end
  for key in pairs(options) do
    if key ~= "headers" and key ~= "url" and key ~= "method" then
      local meant = core.suggest(tostring(key), option_names)
      error(("render: unknown option '%s'%s"):format(
        tostring(key), meant and ("; did you mean '%s'?"):format(meant) or ""), 0)
    end
  end
end

-- What render's results mean: mcr_render_result, body, URL, method, headers.
local function answer(body, options)
  if body == false then
    return SUPPRESS
  elseif body == nil and options == nil then
    return NONE
  elseif event.is(body) and not event.is_alive(body) then
    error("render returned an event that was used after its hook returned", 0)
  elseif type(body) == "table" or event.is(body) then
    body = core.json_encode(body)
  elseif body ~= nil and type(body) ~= "string" then
    error("render must return nil, false, a string or a table, not " .. kind_of(body), 0)
  end
  if options == nil then
    return DONE, body
  end
  check_options(options)
  return DONE, body, options.url ~= nil and check_line("url", options.url) or nil,
    options.method ~= nil and check_line("method", options.method) or nil, header_lines(options.headers)
end

local render_parts = {
  ARGUMENTS = "sink",
  RESULTS = "body, options",
  CALL = ", sink",
  BODY = [[local result, url, method, headers = 1, nil, nil, nil
  if type(body) ~= "string" or options ~= nil or not ok then
    result, body, url, method, headers = failed(hook, ok, body, options)
  end]],
  ANSWER = "result, body, url, method, headers",
}

-- Not a plain body.
local function settle_render(hook, ok, body, options)
  if not ok then
    return FAILED, fail(hook, body)
  end
  local sound, result, text, url, method, headers = xpcall(answer, driver.on_raise, body, options)
  if not sound then
    return FAILED, fail(hook, result)
  end
  return result, text, url, method, headers
end

-- The entry of a render hook: given the sink's name, mcr_render_result, then the body (or what went
-- wrong), URL, method and headers.
function texts.new_render(handler, script, where)
  local hook = { stage = "render", script = script, where = where }
  return texts.compile("render", script, render_parts)(
    handler, hook, run, view_t, xpcall, driver.on_raise, settle_render, type, api
  )
end

return texts
