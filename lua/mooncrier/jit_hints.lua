-- What keeps LuaJIT from compiling code, in words for who wrote it, and what to write instead. For
-- `mooncrier profile --jit`.

local hints = {}

-- By what LuaJIT's own table of reasons (jit.vmdef) says of it; the first that matches. Without a hint:
-- it is tried again elsewhere, or later.
local by_reason = {
  { "blacklisted", "it calls code that LuaJIT has given up on",
    "look for the reason that is given for that code" },
  { "error thrown", "an error was raised, or a hook was stopped, while it was being compiled",
    "raise errors for what is an error only; a return value costs next to nothing" },
  { "leaving loop", "a loop ends after a few rounds" },
  { "inner loop", "a loop inside of it is compiled first" },
  { "loop unroll", "a short loop, or a function that calls itself, comes up again and again",
    "write out loops of a few rounds; return a local variable instead of `return f(x)`" },
  { "call unroll", "functions call themselves, or each other, again and again", "write the recursion as a loop" },
  { "recursion", "a function calls itself", "write the recursion as a loop" },
  { "trace too long", "there is too much code on one way through", "split it into functions, and decide early" },
  { "trace too deep", "functions call functions that call functions, too deep", "call fewer one inside of the other" },
  { "too many snapshots", "there are too many branches on one way through", "decide by a table instead of many ifs" },
  { "too many PHIs", "a loop changes too many variables", "keep fewer local variables across its rounds" },
  { "spill slots", "too many variables are in use at a time", "split the function; keep fewer local variables" },
  { "disabled", "LuaJIT was told not to compile it", "take out jit.off" },
  { "lower frame", "it returns to a function that was entered before the hot code" },
  { "nil or NaN key", "a table is written to at a key that is nil or not a number", "check the key before" },
  { "missing metamethod", "an operation has no meaning for its values", "check types before: the error costs more" },
  { "index lookup", "__index leads back to itself", "look up in one table" },
  { "sparse", "a table is a list and a map at a time", "use two tables" },
  { "C type", "FFI converts between types in a way that is not compiled", "convert with tonumber or ffi.cast before" },
  { "C function type", "FFI calls a function of a type that is not compiled", "call one with plain arguments" },
  { "type instability", "a variable of a loop changes its type from round to round",
    "give it one type: 0 instead of nil at first" },
  { "always fail", "what it is compiled for does not hold even now" },
  { "argument type", "a function of the library is given a value of the wrong type",
    "convert it before: tostring, tonumber" },
  { "mcode", "there is no room for machine code", "load fewer scripts into one watcher" },
  { "retry", "it is tried again" },
}

-- By what LuaJIT calls the instruction; the name of the first that is a prefix.
local by_bytecode = {
  { "FNEW", "a function is created", "create it once, at the top of the file, and give it what it needs as arguments" },
  { "UCLO", "a local variable ends that a function created here uses",
    "create functions at the top of the file, not for each event" },
  { "VARG", "`...` stands for any number of values", "name the arguments, or pass one table" },
  { "CALLM", "a function is called with any number of values", "name the values: local a, b = f(); g(a, b)" },
  { "TSETM", "a table is made of any number of values", "name the values: { a, b }" },
  { "RETM", "any number of values is returned", "name the values: local a, b = f() return a, b" },
  { "ISNEXT", "pairs() goes over a table", "keep a list beside the map, and go over it with for i = 1, #list do" },
  { "ITERN", "pairs() goes over a table", "keep a list beside the map, and go over it with for i = 1, #list do" },
  { "ITERC", "for … in calls a function for each round", "use for i = 1, n do where that is possible" },
}

-- By the name of the library's function.
local by_function = {
  ["string.gmatch"] = "string.find with a fourth argument of true is compiled, and so are match.glob and string.sub",
  ["string.dump"] = "nothing that handles events needs it",
  ["string.format"] = "of its options %d, %s, %q, %x, %g and such are compiled with plain values; give it those",
  ["table.sort"] = "sort once, in init or tick, not for each event",
  ["table.concat"] = "join few strings with ..",
  ["table.insert"] = "write list[#list + 1] = value",
  ["table.remove"] = "write list[#list] = nil for the last one",
  ["os.time"] = "time.now() is the clock of events, and compiled",
  ["os.date"] = "time.format(seconds) and time.date are for this",
  ["os.clock"] = "time.now() is the clock of events, and compiled",
  ["next"] = "keep a list beside the map, and go over it with for i = 1, #list do",
  ["pairs"] = "keep a list beside the map, and go over it with for i = 1, #list do",
  ["unpack"] = "name the values: t[1], t[2]",
  ["select"] = "name the arguments, or pass one table",
  ["error"] = "raise errors for what is an error only; a return value costs next to nothing",
  ["loadstring"] = "compile text once, at the top of the file",
  ["load"] = "compile text once, at the top of the file",
  ["print"] = "log.info is for this; in the way of every event it is expensive, too",
  ["collectgarbage"] = "LuaJIT collects garbage by itself",
}

local pattern_functions = { ["string.find"] = true, ["string.match"] = true, ["string.gsub"] = true }
local pattern_hint = "string.find with a fourth argument of true is compiled, and so is match.glob of mooncrier.match"

local function hint_for_function(name)
  if pattern_functions[name] then
    return pattern_hint
  elseif name:match("^string%.gmatch") then
    return by_function["string.gmatch"]
  elseif name:match("^coroutine%.") then
    return "keep coroutines out of the way of events; a table remembers as well where one was"
  elseif name:match("^io%.") then
    return "hand events to a sink, or gather what there is to write for a tick"
  end
  return by_function[name] or "call it once, in init or tick, or only for the events that need it"
end

-- Why compiling has ended, and what to write instead: nil when there is nothing to do, as LuaJIT goes
-- on by itself. `reason` is LuaJIT's, `bytecode` the name of an instruction and `called` that of a
-- function, where they are the reason.
function hints.of_abort(reason, bytecode, called)
  if bytecode then
    for _, known in ipairs(by_bytecode) do
      if bytecode:sub(1, #known[1]) == known[1] then
        return known[2], known[3]
      end
    end
    return "LuaJIT does not compile this (" .. bytecode .. ")", "write it in simpler steps"
  elseif called then
    return called .. " is not compiled for these arguments", hint_for_function(called)
  end
  for _, known in ipairs(by_reason) do
    if reason:find(known[1], 1, true) then
      return known[2], known[3]
    end
  end
  return "LuaJIT gives up: " .. reason, "write it in simpler steps"
end

-- The same of a call for which compiled code is left and gone on with.
function hints.of_call(called)
  return called .. " is not compiled: compiled code stops for it, and goes on after it", hint_for_function(called)
end

return hints
