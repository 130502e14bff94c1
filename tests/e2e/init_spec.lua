-- `mooncrier init`: what it writes works at once.

local h = require("tests.e2e.harness")

local cjson = require("cjson")

local files = { ".luacheckrc", ".luarc.json", "events.jsonl", "mooncrier.lua", "scripts/urgent.lua",
                "scripts/urgent_spec.lua" }

describe("mooncrier init", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  it("writes a project that checks, runs and passes its tests, and luacheck's", function()
    local r = place:run({ "init" })
    assert.same({ 0, "" }, { r.code, r.err })
    for _, name in ipairs(files) do
      assert.truthy(place:read(name), name)
      assert.matches("  " .. name .. "\n", r.out, 1, true)
    end
    assert.matches("mooncrier run", r.out, 1, true)

    r = place:run({ "check" })
    assert.equal(0, r.code, r.err)
    assert.not_matches("warning", r.err)

    r = place:run({ "run" })
    assert.equal(0, r.code, r.err)
    assert.same({ "SEVERITY", "high" }, { r.out:match("^(%u+).*\n(%l+)[^\n]*\n$") })
    assert.matches("22 received = 22 decoded", r.err, 1, true)

    r = place:run({ "test" })
    assert.same({ 0, "4 passed, 0 failed (1 spec)\n" }, { r.code, r.err })

    assert.matches("Total: 0 warnings / 0 errors in 3 files", place:shell("luacheck --no-color ."), 1, true)
  end)

  it("says where the stubs are", function()
    place:run({ "init", "-q", "new/project/" })
    local settings = cjson.decode(place:read("new/project/.luarc.json"))
    assert.same({ ".mooncrier/meta" }, settings["workspace.library"])
    local meta = "new/project/.mooncrier/meta/"
    assert.matches("---@class mooncrier.Event", place:read(meta .. "mooncrier.lua"), 1, true)
    assert.matches("---@class mooncrier.window", place:read(meta .. "mooncrier/window.lua"), 1, true)
  end)

  it("makes the folder that it is given", function()
    local r = place:run({ "init", "a/b" })
    assert.equal(0, r.code)
    assert.matches("  cd a/b\n", r.out, 1, true)
    assert.matches("  a/b/mooncrier.lua\n", r.out, 1, true)
    assert.equal(place:read("a/b/mooncrier.lua"), assert(io.open("examples/project/mooncrier.lua")):read("*a"))
  end)

  it("overwrites nothing", function()
    place:shell("mkdir scripts && ln -s nowhere .luacheckrc")
    place:write("scripts/urgent.lua", "mine")
    local r = place:run({ "init" })
    assert.same({ 1, "" }, { r.code, r.out })
    assert.equal("mooncrier init: .luacheckrc is there already\nmooncrier init: scripts/urgent.lua is there already\n"
      .. "mooncrier init: nothing was written; give it another folder\n", r.err)
    assert.equal("mine", place:read("scripts/urgent.lua"))
    assert.is_nil(place:read("mooncrier.lua"))
  end)

  it("says what it cannot write", function()
    place:write("file", "")
    local r = place:run({ "init", "file/x" })
    assert.same({ 1, "mooncrier init: file/x/.luacheckrc: Not a directory\n" }, { r.code, r.err })
    r = place:run({ "init", "a", "b" })
    assert.equal(2, r.code)
  end)
end)
