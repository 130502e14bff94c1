-- How scripts find modules: beside themselves, in the scripts folder, where the system keeps them; and
-- what they find runs in the sandbox.

local sandbox = require("mooncrier.sandbox")
local mooncrier = require("mooncrier")
local world = require("tests.lua.world")

local public = {}
for _, name in ipairs({ "match", "params", "window", "template" }) do
  public[name] = require("mooncrier." .. name)
end

describe("require in a script", function()
  local dirs, system_path

  local function files(list)
    local dir = world.files(list)
    dirs[#dirs + 1] = dir
    return dir
  end

  local function run(path)
    return mooncrier.load(path).hooks.handle()
  end

  local function fails(fragments, path)
    local ok, message = pcall(mooncrier.load, path)
    assert.is_false(ok)
    for _, fragment in ipairs(fragments) do
      assert.truthy(message:find(fragment, 1, true), ("%q is not in %q"):format(fragment, message))
    end
  end

  local function using(name)
    return ("local m = require(%q)\nreturn { handle = function() return m end }"):format(name)
  end

  before_each(function()
    dirs, system_path = {}, package.path
    sandbox.scripts_dir = files({ ["both.lua"] = "return 'dir'", ["sub/deep.lua"] = "return 'deep'" })
    local system = files({ ["both.lua"] = "return 'system'", ["only_system.lua"] = "return 'system'",
      ["nosy.lua"] = "return io.open", ["pack/init.lua"] = "return 'pack'" })
    package.path = ("%s/?.lua;%s/?/init.lua;./?.lua"):format(system, system)
  end)

  after_each(function()
    package.path, sandbox.scripts_dir = system_path, nil
    for _, dir in ipairs(dirs) do
      os.execute(("rm -r '%s'"):format(dir))
    end
  end)

  it("looks beside the script, then in the scripts folder, then in the system", function()
    local dir = files({ ["both.lua"] = "return 'beside'", ["s.lua"] = using("both") })
    assert.equal("beside", run(dir .. "/s.lua"))
    dir = files({ ["s.lua"] = using("both"), ["t.lua"] = using("only_system"), ["u.lua"] = using("sub.deep"),
      ["v.lua"] = using("pack") })
    assert.equal("dir", run(dir .. "/s.lua"))
    assert.equal("system", run(dir .. "/t.lua"))
    assert.equal("deep", run(dir .. "/u.lua"))
    assert.equal("pack", run(dir .. "/v.lua"))
  end)

  it("looks beside the module that asks, also in tail calls and under pcall", function()
    local dir = files({
      ["s.lua"] = using("lib.a"),
      ["lib/a.lua"] = "return require('b')",
      ["lib/b.lua"] = "local ok, m = pcall(require, 'c') return ok and m",
      ["lib/c.lua"] = "return 'c of lib'",
      ["b.lua"] = "return 'wrong'",
      ["c.lua"] = "return 'wrong'",
    })
    fails({ "no file" }, files({ ["s.lua"] = using("lib.a") }) .. "/s.lua")
    assert.equal("c of lib", run(dir .. "/s.lua"))
  end)

  it("does not look where the program was started", function()
    assert(io.open("tests/lua/abi_spec.lua")):close()
    fails({ "module 'tests.lua.abi_spec' not found:" },
      files({ ["s.lua"] = using("tests.lua.abi_spec") }) .. "/s.lua")
  end)

  it("runs a module once, with its name", function()
    local dir = files({
      ["m.lua"] = "local name = ... shared.add('loaded " .. "' .. name) return {}",
      ["s.lua"] = "assert(require('m') == require('m'))\n" ..
        "return { handle = function() return shared.get('loaded m') end }",
    })
    assert.equal(1, run(dir .. "/s.lua"))
  end)

  it("gives true for a module that returns nothing, and false for false", function()
    local dir = files({ ["m.lua"] = "", ["f.lua"] = "return false", ["s.lua"] = using("m"),
      ["t.lua"] = "assert(require('f') == false and require('f') == false) return {}" })
    assert.is_true(run(dir .. "/s.lua"))
    mooncrier.load(dir .. "/t.lua")
  end)

  it("keeps modules in the sandbox, those of the system too", function()
    fails({ "nosy.lua:1: undefined global 'io'" }, files({ ["s.lua"] = using("nosy") }) .. "/s.lua")
    fails({ "m.lua:1: assignment to global 'x'" },
      files({ ["s.lua"] = using("m"), ["m.lua"] = "x = 1" }) .. "/s.lua")
    fails({ "m.lua: this is bytecode" },
      files({ ["s.lua"] = using("m"), ["m.lua"] = "\27LJ" }) .. "/s.lua")
  end)

  for _, name in ipairs({ "ffi", "io", "debug", "jit", "package", "_G", "jit.util", "table.new" }) do
    it("does not open " .. name, function()
      fails({ ("s.lua:1: module '%s' is not open to scripts"):format(name) },
        files({ ["s.lua"] = using(name) }) .. "/s.lua")
    end)
  end

  for name, hint in pairs({
    ["mooncrier"] = "", ["mooncrier.core"] = "", ["mooncrier.sandbox"] = "", ["mooncrier.event"] = "",
    ["mooncrier.mtach"] = "; did you mean 'mooncrier.match'?",
  }) do
    it("does not open " .. name, function()
      fails({ ("s.lua:1: no module '%s'%s"):format(name, hint) }, files({ ["s.lua"] = using(name) }) .. "/s.lua")
    end)
  end

  it("opens the modules for scripts, and the libraries as they are in the sandbox", function()
    for name, module in pairs(public) do
      local dir = files({ ["s.lua"] = using("mooncrier." .. name),
        ["mooncrier/" .. name .. ".lua"] = "return 'not this one'" })
      local seen = run(dir .. "/s.lua")
      for key, value in pairs(module) do
        assert.equal(value, seen[key])
      end
    end
    local strings = run(files({ ["s.lua"] = using("string") }) .. "/s.lua")
    assert.equal(string.find, strings.find)
    assert.is_nil(strings.dump)
    assert.is_nil(run(files({ ["s.lua"] = using("os") }) .. "/s.lua").execute)
  end)

  it("says when a module requires itself, or is missing, or broken", function()
    local dir = files({ ["s.lua"] = using("a"), ["a.lua"] = "return require('b')",
      ["b.lua"] = "\nlocal a = require('a')", ["t.lua"] = using("absent"), ["u.lua"] = using("broken"),
      ["broken.lua"] = "\n\nlocal x = =", ["v.lua"] = using("raises"), ["raises.lua"] = "\nerror('oh')" })
    fails({ "b.lua:2: module 'a' requires itself (" .. dir .. "/a.lua)" }, dir .. "/s.lua")
    fails({ "t.lua:1: module 'absent' not found:", "no file '" .. dir .. "/absent.lua'",
      "no file '" .. sandbox.scripts_dir .. "/absent/init.lua'" }, dir .. "/t.lua")
    fails({ "broken.lua:3: unexpected symbol near '='" }, dir .. "/u.lua")
    fails({ "raises.lua:2: oh" }, dir .. "/v.lua")
    -- It can be mended and tried again.
    local file = io.open(dir .. "/raises.lua", "w")
    file:write("return 'mended'")
    file:close()
    assert.equal("mended", run(dir .. "/v.lua"))
  end)

  it("says what stands for a JSON module", function()
    for _, name in ipairs({ "cjson", "dkjson" }) do
      fails({ "s.lua:1: no module '" .. name .. "': scripts have json.decode and json.encode without require" },
        files({ ["s.lua"] = using(name) }) .. "/s.lua")
    end
  end)

  it("says that a C library is one", function()
    local cpath = package.cpath
    package.cpath = files({ ["native.so"] = "" }) .. "/?.so"
    fails({ "s.lua:1: module 'native' is a C library (", 'allow = { "c_modules" }' },
      files({ ["s.lua"] = using("native") }) .. "/s.lua")
    package.cpath = cpath
  end)

  it("wants a name", function()
    fails({ "s.lua:1: require takes the name of a module, not a nil" },
      files({ ["s.lua"] = "local x = require() return {}" }) .. "/s.lua")
  end)
end)
