-- The Lua half of `mooncrier repl` (core/script/console.c): what is typed at a prompt, run as scripts
-- run, with the same globals. C calls repl.call(name, text) with what is typed.

local complete = require("mooncrier.complete")
local core = require("mooncrier.core")
local driver = require("mooncrier.driver")
local event = require("mooncrier.event")
local known_hooks = require("mooncrier.hooks")
local sandbox = require("mooncrier.sandbox")
local scripts = require("mooncrier.scripts")
local show = require("mooncrier.show")

local run, api = event.run, event.api

local repl = {}

-- The chunk that is typed. Names of our own chunks begin with "mooncrier/".
local CHUNK = "prompt"
local MAX_PRINTED = 256 * 1024 -- bytes of one input's output

-- What one input prints.
local printed = { n = 0, bytes = 0 }

local function put(text)
  if printed.bytes > MAX_PRINTED then
    return
  end
  printed.bytes = printed.bytes + #text + 1
  printed.n = printed.n + 1
  printed[printed.n] = printed.bytes <= MAX_PRINTED and text or "… more was printed than is shown"
end

local function take_printed()
  local text = table.concat(printed, "\n") .. (printed.n > 0 and "\n" or "")
  printed = { n = 0, bytes = 0 }
  return text
end

-- What is in front of somebody at the prompt.
local events, emitted = {}, {}
local current = 0 -- the place of `event` among the events
local matching -- places of the events that :filter has left; nil: all
local script -- { path, hooks, params } of :script

local globals = { events = events, emitted = emitted }
local compile, theirs = sandbox.session(globals, {
  event = "there is no event yet: :load FILE reads some",
  matching = "there is nothing in `matching` yet: :filter EXPR fills it",
  script = "there is no script yet: :script FILE loads one",
})

for name, module in pairs({ match = "match", window = "window", template = "template" }) do
  globals[name] = theirs.require("mooncrier." .. module)
end

function globals.print(...)
  local words = {}
  for i = 1, select("#", ...) do
    local word = select(i, ...)
    words[i] = type(word) == "string" and word or event.is_alive(word) and show.event_line(word) or show.value(word)
  end
  put(table.concat(words, "\t"))
end

local function note_emitted(what, sink)
  local kept = what:keep()
  emitted[#emitted + 1] = { event = kept, sink = sink }
  put(show.cut(("emitted%s: %s"):format(sink and " to '" .. sink .. "'" or "", show.event_line(kept))))
  return true
end

-- Nobody else is there: what emit is given is shown, whatever the sink is called.
function sandbox.publish(what)
  return note_emitted(what)
end

function sandbox.deliver(what, _, sink)
  return note_emitted(what, sink)
end

setmetatable(sandbox.sink_index, {
  __index = function()
    return 0
  end,
})

-- Without the lines of the stack that are the prompt itself.
local function readable(message)
  local head, trace = message:match("^(.-)\nstack traceback:\n(.*)$")
  head = (head or message):gsub("^" .. CHUNK .. ":1: ", "")
  local lines = {}
  for line in (trace or ""):gmatch("[^\n]+") do
    if not line:find("^\t" .. CHUNK .. ":%d+:") and not line:find("^\t[%[%.]") then
      lines[#lines + 1] = line
    end
  end
  return #lines > 0 and head .. "\nstack traceback:\n" .. table.concat(lines, "\n") or head
end

-- Calls f(…) as hooks are called; true and its results packed, or false and the message.
local function try(f, ...)
  local function pack(ok, ...)
    return ok, ok and { n = select("#", ...), ... } or (...)
  end
  local ok, results = pack(xpcall(f, driver.on_raise, ...))
  if ok then
    return true, results
  end
  local message = core.failure(results) -- before anything that needs memory
  local stop = core.stopped()
  return false, readable(stop or message)
end

-- Errors that are shown as they are, without a place.
local function complain(format, ...)
  error({ complaint = format:format(...) })
end

-- Compiles what is typed: an expression, or statements; nil, the message, and whether more would help.
local function compile_input(text)
  local body = text:gsub("^%s*=", "")
  local chunk, as_expression = compile("return " .. body, "=" .. CHUNK)
  if chunk then
    return chunk, nil, false, true
  end
  -- A local would be gone with the line that it stands on.
  local kept = text:gsub("^%s*local%s+(function%s)", "%1"):gsub("^%s*local%s+([%a_][%w_]*[%s,=])", "%1")
  if text:match("^%s*local%s+[%a_][%w_]*%s*$") then
    kept = text:gsub("^%s*local%s+", "") .. " = nil"
  end
  local message
  chunk, message = compile(kept, "=" .. CHUNK)
  if chunk then
    return chunk
  end
  return nil, readable(message), (as_expression .. message):find("near '<eof>'", 1, true) ~= nil
end

-- Compiles an expression, or statements with `return`, over `event`.
local function compile_over_event(text)
  local chunk, message = compile("local event = ... return " .. text, "=" .. CHUNK)
  if not chunk then
    chunk = compile("local event = ... " .. text, "=" .. CHUNK)
  end
  return chunk or complain("%s", readable(message))
end

local function show_results(results, is_expression)
  if is_expression and results.n == 1 and results[1] == nil then
    put("nil")
  end
  local shown = {}
  for i = 1, results.n do
    shown[i] = show.value(results[i])
  end
  if results.n > 0 and not (results.n == 1 and results[1] == nil) then
    put(table.concat(shown, "\t"))
  end
end

local calls = {}

-- Lua that is typed.
function calls.enter(text)
  if not text:find("%S") then
    return "done"
  end
  local chunk, message, incomplete, is_expression = compile_input(text)
  if incomplete then
    return "more"
  elseif not chunk then
    return "failed", message
  end
  local ok, results = try(chunk)
  if not ok then
    return "failed", results
  end
  globals._ = results[1]
  show_results(results, is_expression)
  return "done"
end

local function place_among(list, n)
  for i, place in ipairs(list) do
    if place >= n then
      return i, place
    end
  end
end

-- Makes the n-th event the one that `event` is.
local function go_to(n)
  current = n
  globals.event = events[n]
  put(show.cut(("%s of %s: %s"):format(show.count(n), show.count(#events), show.event_line(events[n]))))
end

-- C has added events, from a file called `name` or so.
function calls.loaded(name)
  matching = nil
  put(("%s event%s of %s"):format(show.count(#events), #events == 1 and "" or "s", name))
  if #events > 0 then
    go_to(1)
  end
  return "done"
end

-- C adds the event in run.made, or forgets them all when there is none.
function repl.add()
  if run.made ~= 0 then
    events[#events + 1] = event.take_made()
    return
  end
  for i = #events, 1, -1 do
    events[i] = nil
  end
  current, matching, globals.event = 0, nil, nil
end

local function need_events()
  if #events == 0 then
    complain("there are no events yet: :load FILE reads some")
  end
end

-- :next [N] goes on by one, or to the N-th.
function calls.next(text)
  need_events()
  local n = tonumber(text)
  if text ~= "" and (not n or n < 1 or n > #events or n % 1 ~= 0) then
    complain("there are events 1 to %d", #events)
  elseif n then
    go_to(n)
    return "done"
  end
  local next_one = current + 1
  if matching then
    local _, place = place_among(matching, next_one)
    next_one = place or #events + 1
  end
  if next_one > #events then
    complain("that was the last one%s", matching and " of those that :filter has left" or "")
  end
  go_to(next_one)
  return "done"
end

-- :filter [EXPR] counts the events for which it is true; :next goes through these.
function calls.filter(text)
  need_events()
  if text == "" then
    matching, globals.matching = nil, nil
    put(("all %s events"):format(show.count(#events)))
    return "done"
  end
  local chunk = compile_over_event(text)
  local list, found = {}, {}
  local ok, message = try(function()
    for i, ev in ipairs(events) do
      if chunk(ev) then
        list[#list + 1], found[#found + 1] = i, ev
      end
    end
  end)
  if not ok then
    return "failed", message
  end
  matching, globals.matching = list, found
  put(("%s of %s events (%.1f %%)%s"):format(show.count(#list), show.count(#events), 100 * #list / #events,
    #list > 0 and "; they are in `matching`, and :next goes through them" or ""))
  if #list > 0 then
    go_to(list[1])
  else
    matching = nil
  end
  return "done"
end

-- The hooks of the script, as script:filter(event) or script.filter(event).
local function callable(path, hooks)
  local methods = {}
  for name, hook in pairs(hooks) do
    methods[name] = type(hook) ~= "function" and hook or function(first, ...)
      if first == methods then
        return hook(...)
      end
      return hook(first, ...)
    end
  end
  return setmetatable(methods, {
    __index = function(_, name)
      error(("%s has no %s hook"):format(path, tostring(name)), 2)
    end,
  })
end

-- :script FILE [PARAMS] loads a script: its hooks are those of `script`.
function calls.script(text)
  local path, params_text = text:match("^(%S+)%s*(.*)$")
  if not path then
    complain("which one? :script FILE, and its parameters as a table if it takes any")
  end
  local params = {}
  if params_text ~= "" then
    local chunk, message = compile("return " .. params_text, "=" .. CHUNK)
    if not chunk then
      complain("the parameters: %s", readable(message))
    end
    params = chunk()
    if type(params) ~= "table" then
      complain("the parameters of a script are a table such as { threshold = 3 }, not a %s", type(params))
    end
  end
  local ok, results = try(function()
    local hooks = scripts.read_file(path, path)
    if hooks.init then
      local accepted, reason = hooks.init(params)
      if accepted == false then
        error(("%s: init refused: %s"):format(path, tostring(reason or "no reason given")), 0)
      end
    end
    return hooks
  end)
  if not ok then
    -- Where in our own Lua it was raised tells nothing.
    return "failed", (results:gsub("\nstack traceback:\n\t%[C%]: in function 'error'.*", ""))
  end
  script = { path = path, hooks = results[1], params = params }
  globals.script = callable(path, script.hooks)
  local names = {}
  for _, name in ipairs(known_hooks.names) do
    if script.hooks[name] then
      names[#names + 1] = name
    end
  end
  put(("%s: %s"):format(path, table.concat(names, ", ")))
  return "done"
end

-- :time EXPR: what it costs for each of the events, called as hooks are.
function calls.time(text)
  need_events()
  if text == "" then
    complain("time what? An expression over `event`, such as :time event.reason == \"BackOff\"")
  end
  local chunk = compile_over_event(text)
  local handles = {}
  for i, ev in ipairs(events) do
    handles[i] = ev.handle
  end
  local view_t, n, calls_made = event.view_t, #handles, 0
  -- As a driver does; compiled anew each time, so that every expression has a trace of its own.
  local round = assert(loadstring([[
    local chunk, run, handles, view_t, api, n = ...
    return function()
      for i = 1, n do
        local gen = run.gen + 1
        run.gen = gen
        chunk(view_t(handles[i], gen))
        if run.scoped ~= 0 then
          api.release_scoped(run)
        end
      end
    end
  ]], "=mooncrier/repl.lua"))(chunk, run, handles, view_t, api, n)
  local count = 0
  local ok, message = try(function()
    run.in_hook = 1
    round() -- until it is compiled
    collectgarbage()
    collectgarbage("stop")
    local before, start = collectgarbage("count"), os.clock()
    local bytes, seconds
    repeat
      round()
      calls_made = calls_made + n
      seconds = os.clock() - start
      bytes = (collectgarbage("count") - before) * 1024
      if run.deadline == 0 then
        error("interrupted", 0)
      end
    until seconds >= 0.2 or bytes > 32 * 1024 * 1024
    count = seconds / calls_made
    put(("%s per event (%s calls in %.2f s), %.0f bytes allocated"):format(
      count < 1e-6 and ("%.0f ns"):format(count * 1e9) or ("%.2f µs"):format(count * 1e6),
      show.count(calls_made), seconds, bytes / calls_made))
  end)
  run.in_hook = 0
  run.gen = run.gen + 1
  collectgarbage("restart")
  collectgarbage()
  return ok and "done" or "failed", message
end

-- :bytecode FUNC: the function, or the hook of the script, as LuaJIT sees it.
function calls.bytecode(text)
  if text == "" then
    complain("of what? :bytecode FUNCTION, or the name of a hook of the script")
  end
  local func = script and script.hooks[text]
  if type(func) ~= "function" then
    local chunk, message = compile("return " .. text, "=" .. CHUNK)
    if not chunk then
      complain("%s", readable(message))
    end
    local ok, results = try(chunk)
    if not ok then
      return "failed", results
    end
    func = results[1]
  end
  if type(func) ~= "function" then
    complain("%s is a %s, not a function", text, type(func))
  end
  put((require("mooncrier.listing").list(func):gsub("\n$", "")))
  return "done"
end

-- A plain value as Lua source.
local function literal(value, depth)
  local kind = type(value)
  if kind == "string" then
    return ("%q"):format(value)
  elseif kind == "number" and value - value == 0 then
    return ("%.17g"):format(value)
  elseif kind == "boolean" then
    return tostring(value)
  elseif kind ~= "table" or depth > 16 then
    complain("the parameters of a script in a configuration are plain values, not a %s", kind)
  end
  local parts = {}
  for key, member in pairs(value) do
    parts[#parts + 1] = ("[%s] = %s"):format(literal(key, depth + 1), literal(member, depth + 1))
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

-- The parameters that the script was given, as a configuration has them.
function calls.parameters()
  if not script then
    complain("there is no script yet: :script FILE loads one")
  end
  put(literal(script.params, 1))
  return "done"
end

-- What a running program has said of itself, as JSON: `status` and `shared` are what they were there.
function calls.attached(text)
  local said = core.json_decode(text)
  local values = said.shared.values
  local function read_only()
    error("the prompt only reads what the running program shares", 2)
  end
  globals.status = said.status
  globals.shared = {
    get = function(key) return values[key] end,
    set = read_only, add = read_only, delete = read_only,
  }
  return "done"
end

-- :shared [GLOB]: the values that the scripts of the running program share.
function calls.shared(text)
  local said = core.json_decode(text)
  local names, shown = {}, 0
  local fits = said.glob ~= "" and theirs.require("mooncrier.match").glob(said.glob)
  for name in pairs(said.shared.values) do
    if not fits or fits(name) then
      names[#names + 1] = name
    end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    put(("%s = %s"):format(name, show.value(said.shared.values[name])))
    shown = shown + 1
  end
  put(("%s of %s values"):format(show.count(shown), show.count(said.shared.keys)))
  return "done"
end

-- What `event` is: its place among the events, or the JSON of another one.
function calls.current()
  local ev = rawget(globals, "event")
  if not event.is(ev) then
    complain("`event` is no event: :load FILE reads some, :next goes on")
  end
  put(events[current] == ev and tostring(current) or tostring(ev))
  return "done"
end

-- Where somebody at the prompt stands among the events, for the prompt itself.
function calls.where()
  put(#events > 0 and ("%d/%d"):format(current, #events) or "")
  return "done"
end

-- Words that could stand at the end of `before`, one a line, after how many bytes of `before` stay.
function calls.complete(before)
  local stays, words = complete(before, globals, theirs)
  put(tostring(stays))
  for _, word in ipairs(words) do
    put(word)
  end
  return "done"
end

-- What C calls: "done", "more" or "failed", what was printed, and the message.
function repl.call(name, text)
  local ok, status, message = pcall(calls[name], text)
  if not ok then
    message = type(status) == "table" and status.complaint or readable(tostring(status))
    status = "failed"
  end
  return status, take_printed(), message
end

return repl
