-- What `allow` opens to a script, and to nobody else.

local mooncrier = require("mooncrier")
local world = require("tests.lua.world")

local dir

-- The value of `expression` in a script with these grants.
local function with(allow, expression)
  local path = dir .. "/s.lua"
  local file = assert(io.open(path, "w"))
  file:write("return { handle = function() return " .. expression .. " end }")
  file:close()
  return mooncrier.load(path, {}, allow).hooks.handle()
end

local function fails(fragment, allow, expression)
  local ok, message = pcall(with, allow, expression)
  assert.is_false(ok, expression)
  assert.truthy(tostring(message):find(fragment, 1, true), tostring(message))
end

describe("a grant", function()
  before_each(function()
    dir = world.files({
      ["nosy.lua"] = "return { io = function() return io end, n = 0 }",
      ["plain.lua"] = "return { n = 0 }",
    })
  end)
  after_each(function()
    os.execute(("rm -r '%s'"):format(dir))
  end)

  for name, expression in pairs({
    io = "io.open('/dev/null') ~= nil",
    os = "type(os.execute) == 'function' and type(os.getenv) == 'function'",
    env = "os.getenv('PATH') ~= nil",
    ffi = "ffi.sizeof('int') == 4 and require('ffi') == ffi",
    debug = "debug.getinfo(1) ~= nil and require('debug') == debug",
    jit = "type(jit.on) == 'function' and type(require('jit.util').funcinfo) == 'function'",
  }) do
    it("opens " .. name, function()
      assert.is_true(with({ name }, expression))
    end)

    it("of all but " .. name .. " does not open it", function()
      local others = {}
      for _, other in ipairs({ "io", "os", "env", "ffi", "debug", "jit" }) do
        if other ~= name and not (name == "env" and other == "os") then
          others[#others + 1] = other
        end
      end
      for _, allow in ipairs({ others, {} }) do
        local ok, value = pcall(with, allow, expression)
        assert.is_false(ok and value)
      end
    end)
  end

  it("goes together with others", function()
    assert.is_true(with({ "io", "ffi" }, "io.open ~= nil and ffi.cast ~= nil"))
    fails("undefined global 'debug'", { "io", "ffi" }, "debug")
  end)

  it("of os leaves time to the clock of the run", function()
    mooncrier.clock(1795410000)
    assert.equal(1795410000, with({ "os" }, "os.time()"))
  end)

  it("reaches the script's modules, which are not those of scripts without it", function()
    assert.is_true(with({ "io" }, "require('nosy').io().open ~= nil"))
    fails("undefined global 'io'", {}, "require('nosy').io()")
    with({ "io" }, "(function() local m = require('plain') m.n = m.n + 1 m.io = io end)()")
    assert.equal(0, with({}, "require('plain').n"))
    assert.is_nil(with({}, "require('plain').io"))
  end)

  it("is for one script, not for the next", function()
    assert.is_true(with({ "io" }, "io ~= nil"))
    fails("undefined global 'io'", nil, "io")
  end)

  it("gives copies: what a script does to them stays with it", function()
    with({ "io", "os" }, "(function() io.open = nil os.execute = nil os.time = nil end)()")
    assert.is_function(io.open)
    assert.is_function(os.execute)
    assert.equal("number", with({}, "type(os.time())"))
  end)

  it("of c_modules lets require find C libraries", function()
    local cpath = package.cpath
    package.cpath = dir .. "/?.so;" .. cpath
    io.open(dir .. "/broken.so", "w"):close()
    fails("is a C library", {}, "require('broken')")
    fails("module 'broken': ", { "c_modules" }, "require('broken')")
    fails("no module 'mooncrier.core'", { "c_modules" }, "require('mooncrier.core')")
    package.cpath = cpath
  end)

  it("that there is not is an error", function()
    fails("no grant 'everything'", { "everything" }, "1")
  end)
end)
