-- `mooncrier test`: runs spec files with busted, the one that is installed, in this Lua state.

local test_golden = require("mooncrier.test_golden")
local test_place = require("mooncrier.test_place")

local runner = {}

local outputs = { text = false, tap = "TAP", json = "json", junit = "junit", gtest = "gtest" }

local missing = "busted is not installed, which runs the specs: apt-get install lua-busted, or luarocks "
  .. "--lua-version 5.1 install busted"

-- The modules of busted that a run is made of; nil and a sentence when one is not there.
local function find_busted()
  local found = {}
  for _, name in ipairs({ "core", "init", "luajit", "execute", "modules.output_handler_loader",
                          "modules.filter_loader", "modules.test_file_loader" }) do
    local module = name == "init" and "busted" or "busted." .. name
    local ok, value = pcall(require, module)
    if not ok then
      local absent = value:match("module '([^']*)' not found")
      if absent == "busted.core" then
        return nil, missing
      end
      return nil, absent and ("busted is not whole: there is no module '%s'"):format(absent)
        or "busted does not load: " .. value
    end
    found[name] = value
  end
  return found
end

-- How busted calls the kind of output; nil and a sentence when there is none such.
local function output_of(name)
  local output = outputs[name:lower()]
  if output == nil then
    return nil, ("--output must be text, tap, json, junit or gtest, not '%s'"):format(name)
  elseif not output then
    local term = require("term")
    return term.isatty(io.stdout) and "utfTerminal" or "plainTerminal"
  end
  local ok, message = pcall(require, "busted.outputHandlers." .. output)
  if not ok then
    local absent = message:match("module '([^']*)' not found")
    return nil, ("--output %s: %s"):format(name, absent and ("there is no module '%s'"):format(absent) or message)
  end
  return output
end

-- Counts what becomes of tests: errors are those outside of tests as well.
local function count(busted)
  local counts = { success = 0, failure = 0, error = 0, pending = 0 }
  busted.subscribe({ "test", "end" }, function(_, _, status)
    counts[status] = counts[status] + 1
    return nil, true
  end)
  busted.subscribe({ "error" }, function(element)
    if element.descriptor ~= "it" then
      counts.error = counts.error + 1
    end
    return nil, true
  end)
  busted.subscribe({ "failure" }, function(element)
    if element.descriptor ~= "it" then
      counts.error = counts.error + 1
    end
    return nil, true
  end)
  return counts
end

-- Runs the files. `filters` are Lua patterns: of tests whose whole name has one; none: all. `shipped` is the
-- folder of the scripts that come with the program, if there is one. How many
-- { success, failure, error, pending }, or nil and a sentence, then true when it is one of usage.
function runner.run(files, output, filters, verbose, bless, shipped)
  test_golden.bless, test_place.shipped = bless, shipped
  local parts, message = find_busted()
  if not parts then
    return nil, message
  end
  -- These are part of every spec file's world, which busted makes anew for each.
  require("mooncrier.event")
  local handler
  handler, message = output_of(output)
  if not handler then
    return nil, message, true
  end
  local busted = parts.core()
  parts.init(busted)
  busted.randomseed, busted.sort, busted.randomize = 1, false, false
  local counts = count(busted)
  parts["modules.output_handler_loader"]()(busted, handler, {
    defaultOutput = "plainTerminal", verbose = verbose, language = "en", arguments = {},
  })
  parts.luajit()
  parts["modules.filter_loader"]()(busted, {
    tags = {}, excludeTags = {}, filter = filters, filterOut = {}, list = false, nokeepgoing = false,
  })
  parts["modules.test_file_loader"](busted, { "lua" })(files, { "_spec" },
    { excludes = {}, verbose = verbose, recursive = true })
  parts.execute(busted)(1, { seed = 1 })
  busted.publish({ "exit" })
  return counts
end

return runner
