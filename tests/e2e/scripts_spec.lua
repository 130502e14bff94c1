-- `mooncrier scripts`: the shipped scripts, by what their headers say.

local h = require("tests.e2e.harness")

local cjson = require("cjson")

describe("mooncrier scripts", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local function scripts(...)
    return place:run({ "scripts", "--dir", h.root .. "/scripts", ... })
  end

  it("lists every script with its first sentence", function()
    local r = scripts()
    assert.same({ 0, "" }, { r.code, r.err })
    assert.matches("^NAME +WHAT IT DOES\n", r.out)
    assert.matches("\nhandlers/crashloop%.lua +Finds pods in a crash loop%.\n", r.out)
    local _, lines = r.out:gsub("\n", "")
    local files = place:shell("find '" .. h.root .. "/scripts' -name '*.lua' ! -name '*_spec.lua' | wc -l")
    assert.equal(tonumber(files), lines - 1)
    assert.not_matches("_spec", r.out)
  end)

  it("prints one with its parameters and how it is configured", function()
    local r = scripts("crashloop")
    assert.same({ 0, "" }, { r.code, r.err })
    assert.matches("^handlers/crashloop%.lua %(" .. (h.root:gsub("%p", "%%%0")) .. "/scripts/handlers/crashloop.lua%)",
      r.out)
    assert.matches("\nPARAMETER +KIND +DEFAULT +WHAT IT IS\nthreshold +count +5 +back%-offs within", r.out)
    assert.matches('\n{ "handlers/crashloop.lua", threshold = 3', r.out, 1, true)
    for _, name in ipairs({ "crashloop.lua", "handlers/crashloop", "handlers/crashloop.lua" }) do
      assert.equal(r.out, scripts(name).out)
    end
  end)

  it("gives JSON", function()
    local list = cjson.decode(scripts("-o", "json").out)
    local one = cjson.decode(scripts("-o", "json", "handlers/crashloop.lua").out)
    local found
    for _, script in ipairs(list) do
      assert.not_equal("", script.summary, script.name)
      found = script.name == one.name and script or found
    end
    assert.same(one, found)
    assert.same({ "handlers", "Finds pods in a crash loop." }, { one.folder, one.summary })
    assert.same({ name = "window", kind = "duration", default = '"10m"', about = "the window" }, one.parameters[2])
  end)

  it("says which script was meant", function()
    local r = scripts("crashlop")
    assert.same({ 1, "" }, { r.code, r.out })
    assert.matches("there is no script 'crashlop' in .*; did you mean 'crashloop'%?\n$", r.err)
    place:shell("mkdir -p s/a s/b && echo '-- One.' | tee s/a/x.lua s/b/x.lua >s/x1.lua")
    r = place:run({ "scripts", "--dir", "s/", "x" })
    assert.same({ 1, "mooncrier scripts: 'x' can be a/x.lua or b/x.lua\n" }, { r.code, r.err })
  end)

  it("says that those of a project are all that there is", function()
    place:shell("mkdir scripts")
    place:write("scripts/urgent.lua", "-- Keeps what is urgent.\nreturn {}\n")
    local r = place:run({ "scripts", "crashloop" })
    assert.same({ 1, "" }, { r.code, r.out })
    assert.equal("mooncrier scripts: there is no script 'crashloop' in scripts, and none are installed with this "
      .. "program; --dir FOLDER says where they are\n", r.err)
  end)

  it("takes a project's own scripts, and says when there are none", function()
    local r = place:run({ "scripts" })
    assert.equal(1, r.code)
    assert.matches("no scripts are installed with this program; --dir FOLDER says where", r.err, 1, true)
    place:run({ "init" })
    r = place:run({ "scripts" })
    assert.matches("\nurgent%.lua +Keeps the Warnings of some namespaces", r.out)
    r = place:run({ "scripts", "--dir", "nowhere" })
    assert.same({ 1, "mooncrier scripts: nowhere: No such file or directory\n" }, { r.code, r.err })
    r = place:run({ "scripts", "-o", "yaml" })
    assert.equal(2, r.code)
  end)
end)
