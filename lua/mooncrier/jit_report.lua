-- What LuaJIT does not compile of the scripts of this state, while it is looked at (`mooncrier
-- profile --jit`, core/script/profile.h): where it has given up, which calls it leaves compiled
-- code for, and what to write instead.
--
-- LuaJIT tells of both by its event "trace". That one kills the process when a hot function is
-- entered where the stack of a script is all but full. So it is listened to only within a trace,
-- and where there is room: from its first event "record", which comes for each instruction, to its
-- end.

local hints = require("mooncrier.jit_hints")
local sandbox = require("mooncrier.sandbox")
local scripts = require("mooncrier.scripts")
local util = require("jit.util")

-- The names of reasons, instructions and functions; LuaJIT's own file, which may not be installed.
local has_names, names = pcall(require, "jit.vmdef")

local report = {}

local MAX_PLACES = 500 -- told of
local MAX_WALKED = 20000 -- functions and tables looked through
local DEEP = 100 -- calls: no place to listen to "trace"

local places, list, compiled

local own_source = debug.getinfo(1, "S").source:gsub("jit_report%.lua$", "")

-- Of our own files, and of the loops that call hooks: nothing that scripts could change.
local function is_own(source)
  return source:sub(1, #own_source) == own_source or source:match("^=[%a_]+ of ") ~= nil
end

-- "file:line" of an instruction of a script, or nil.
local function place_of(func, pc)
  local info = func and util.funcinfo(func, pc)
  if not info or not info.source or is_own(info.source) then
    return nil
  end
  local line = info.currentline and info.currentline > 0 and info.currentline or info.linedefined
  return ("%s:%d"):format((info.source:gsub("^[@=]", "")), line)
end

local function name_of_bytecode(op)
  return has_names and names.bcnames:sub(op * 6 + 1, op * 6 + 6):gsub(" ", "") or "instruction " .. op
end

local function name_of_function(func)
  local info = util.funcinfo(func)
  local name = has_names and info.ffid and names.ffnames[info.ffid]
  name = name and name:gsub("_aux$", "") -- what goes from one match to the next
  return name or place_of(func, 0) or "a function in C"
end

local function note(place, kind, why, hint)
  local key = place .. "\n" .. why
  local known = places[key]
  if not known then
    if #list >= MAX_PLACES then
      return
    end
    known = { place = place, kind = kind, why = why, hint = hint, times = 0 }
    places[key] = known
    list[#list + 1] = known
  end
  known.times = known.times + 1
end

-- The trace that is recorded: where it began, the last instruction of a script in it, and what was
-- called last.
local trace = {}

local function note_abort(func, pc, reason, detail)
  local place = place_of(func, pc) or place_of(trace.func, trace.pc) or trace.start
  if not place then
    return
  end
  local text = type(reason) == "number" and (has_names and names.traceerr[reason] or "reason " .. reason)
    or "error thrown"
  if text:find("retry", 1, true) or text:find("restarting", 1, true) then
    return -- it goes on by itself
  end
  local bytecode = text:find("bytecode", 1, true) and type(detail) == "number" and name_of_bytecode(detail) or nil
  local called = type(detail) == "function" and name_of_function(detail) or nil
  local why, hint = hints.of_abort(text, bytecode, called)
  note(place, hint and "abort" or "passing", why, hint)
end

local function note_stop(tr)
  compiled = compiled + 1
  local info = util.traceinfo(tr)
  local place = trace.pc and place_of(trace.func, trace.pc) or trace.start
  if info and info.linktype == "stitch" and place then
    note(place, "call", hints.of_call(name_of_function(trace.called)))
  end
end

local function on_trace(what, tr, func, pc, reason, detail)
  jit.attach(report.on_trace)
  trace.listening = false
  if what == "abort" then
    note_abort(func, pc, reason, detail)
  elseif what == "stop" then
    note_stop(tr)
  end
  trace.func, trace.pc, trace.start, trace.called = nil, nil, nil, nil
end

local function on_record(_, func, pc)
  if pc >= 0 then
    if place_of(func, pc) then
      trace.func, trace.pc = func, pc
      trace.start = trace.start or place_of(func, pc)
    end
  end
  trace.called = func
  if not trace.listening and not debug.getinfo(DEEP, "f") then
    trace.listening = true
    jit.attach(report.on_trace, "trace")
  end
end

report.on_trace = on_trace
report.on_record = on_record

-- Calls `each(proto)` for every function that the hooks of the scripts lead to, and those in them.
local function each_function(each)
  local seen, waiting = {}, {}
  local function add(value)
    local kind = type(value)
    if (kind == "function" or kind == "table" or kind == "proto") and not seen[value] and #waiting < MAX_WALKED then
      seen[value] = true
      waiting[#waiting + 1] = value
    end
  end
  for _, script in ipairs(scripts.list) do
    add(script.hooks)
  end
  local i = 0
  while i < #waiting do
    i = i + 1
    local value = waiting[i]
    if type(value) == "table" then
      for _, member in next, value do
        add(member)
      end
    else
      local info = util.funcinfo(value)
      if info.source and not is_own(info.source) then
        each(value, info)
        for k = 1, info.gcconsts do
          add(util.funck(value, -k))
        end
      end
      local k = 1
      while type(value) == "function" do
        local name, upvalue = debug.getupvalue(value, k)
        if not name then
          break
        end
        add(upvalue)
        k = k + 1
      end
    end
  end
end

-- Calls `each(func, pc)` for every loop and function that LuaJIT does not try to compile any more.
local function each_given_up(each)
  if not has_names then
    return
  end
  each_function(function(func, info)
    for pc = 0, info.bytecodes - 1 do
      local ins = util.funcbc(func, pc)
      local name = ins and name_of_bytecode(ins % 256)
      if name and (name == "ILOOP" or name == "IFORL" or name == "IITERL" or name == "IITERN" or name == "IFUNCF"
        or name == "IFUNCV") then
        each(func, pc)
      end
    end
  end)
end

-- Begins to listen, and has LuaJIT try again what it has given up: it tells why only then.
function report.start()
  places, list, compiled = {}, {}, 0
  trace.listening = false
  local again = {}
  each_given_up(function(func)
    again[#again + 1] = func
  end)
  for _, func in ipairs(again) do
    jit.on(func)
  end
  jit.flush()
  jit.attach(on_record, "record")
end

-- Ends that. JSON: { compiled = how many traces, names = whether LuaJIT's names are there, places =
-- { { place, kind, why, hint, times }, … } }, what is worst first. Kinds: given_up, abort, call, and
-- passing, of what LuaJIT gets over by itself, without a hint.
function report.stop()
  jit.attach(on_record)
  jit.attach(on_trace)
  each_given_up(function(func, pc)
    local place = place_of(func, pc)
    if place then
      note(place, "given_up", "LuaJIT has tried several times, and does not any more: it is interpreted from now on",
        "see the other reasons for this place and what it calls")
    end
  end)
  local weight = { given_up = 1, abort = 2, call = 3, passing = 4 }
  table.sort(list, function(a, b)
    if a.kind ~= b.kind then
      return weight[a.kind] < weight[b.kind]
    elseif a.times ~= b.times then
      return a.times > b.times
    end
    return a.place < b.place
  end)
  return sandbox.globals.json.encode({
    compiled = compiled, names = has_names, places = sandbox.globals.json.array(list),
  })
end

return report
