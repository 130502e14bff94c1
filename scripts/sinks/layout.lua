-- A sink: writes events by a layout, a table whose strings are templates, as one line of JSON each, to a file or to
-- standard output. The layout is that of renderers/layout.lua, which is for webhooks.
--
--   sinks = {
--     short = { kind = "script", script = { "sinks/layout.lua", path = "short.jsonl", allow = { "io" },
--                                           layout = { why = "{{reason}}", what = "{{involvedObject.name}}" } } },
--   }
--
-- @param layout table  ()     what a line has
-- @param path   string ("-")  the file, which is appended to and opened anew by SIGUSR1; "-" is standard output
--
-- { "sinks/layout.lua", path = "short.jsonl", layout = { why = "{{reason}}" }, allow = { "io" } }

local params = require("mooncrier.params")

local given, render, file

local function open()
  if given.path == "-" then
    file = io.stdout
    return true
  end
  local why
  file, why = io.open(given.path, "a")
  return file ~= nil, why
end

-- Whether the system has taken it; what it has not is tried again.
local function done(ok, why)
  if not ok then
    return "retry", why
  end
end

---@type mooncrier.SinkHooks
return {
  init = function(init_params)
    given = params.read(init_params, { layout = { "table" }, path = { "string", "-" } })
    local renderer = require("renderers.layout")
    renderer.init({ layout = given.layout })
    render = renderer.render
  end,

  open = open,

  write = function(event)
    return done(file:write(json.encode((render(event))), "\n"))
  end,

  flush = function()
    return done(file:flush())
  end,

  reopen = function()
    if file ~= io.stdout then
      file:close()
      local ok, why = open()
      if not ok then
        error(why, 0)
      end
    end
  end,

  close = function()
    if file ~= io.stdout then
      file:close()
    end
  end,
}
