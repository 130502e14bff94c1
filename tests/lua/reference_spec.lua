-- The reference says what is so: the files made from the annotations are up to date, everything has a text,
-- and every example runs and gives what it says.

package.path = "lua/reference/?.lua;" .. package.path

local mooncrier = require("mooncrier")
local outline = require("outline")
local written = require("write")

local function read_file(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

-- The fenced blocks of a doc: { language =, text = }.
local function blocks_of(doc)
  local blocks, block = {}, nil
  for _, line in ipairs(doc) do
    local language = line:match("^```(%a*)")
    if language and block then
      block = nil
    elseif language then
      block = { language = language, text = "" }
      blocks[#blocks + 1] = block
    elseif block then
      block.text = block.text .. line .. "\n"
    end
  end
  return blocks
end

-- The values of both sides of an example's line; events and views stay as they are.
local same_values = [[
local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end
local function values(...)
  return { n = select("#", ...), ... }
end
local function show(list)
  local texts = {}
  for i = 1, list.n do
    texts[i] = type(list[i]) == "table" and json.encode(list[i]) or tostring(list[i])
  end
  return table.concat(texts, ", ")
end
local function check(line, found, wanted)
  for i = 1, math.max(found.n, wanted.n) do
    if not same(found[i], wanted[i]) then
      error(line .. " gives " .. show(found), 0)
    end
  end
end
]]

-- An example as a script. `return { … }` is one already; else its lines are what a handle hook does, and
-- "expression --> values" is a check.
local function script_of(text, before)
  if text:match("\nreturn {") or text:match("^return {") then
    return before .. text
  end
  local lines = {}
  for line in text:gmatch("([^\n]*)\n") do
    local found, wanted = line:match("^(.-) +%-%-> (.*)$")
    lines[#lines + 1] = found and ("check(%q, values(%s), values(%s))"):format(line, found, wanted) or line
  end
  return same_values .. before .. "return { handle = function(event)\n" .. table.concat(lines, "\n") .. "\nend }\n"
end

local hooks = { "filter", "handle", "route", "aggregate_key", "local_key" }

local function run(text, before, event)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(script_of(text, before))
  file:close()
  local ok, script = pcall(mooncrier.load, path)
  os.remove(path)
  assert(ok, script)
  for _, hook in ipairs(hooks) do
    if script.hooks[hook] then
      script[hook](script, event)
    end
  end
end

local chapters = outline.read()

describe("the reference", function()
  for path, text in pairs(written.files()) do
    it("has " .. path .. " as lua/reference/write.lua writes it", function()
      assert.equal(text, read_file(path))
    end)
  end

  it("has stubs that are Lua", function()
    for path in pairs(written.files()) do
      if path:match("%.lua$") then
        assert.is_function(loadfile(path))
      end
    end
  end)

  it("has a text for everything", function()
    local bare = {}
    for _, chapter in ipairs(chapters) do
      for _, item in ipairs(chapter.items) do
        local said = #item.doc > 0
        for _, field in ipairs(item.fields or {}) do
          said = said or field.doc ~= ""
        end
        -- A class without fields and text is only a place for methods.
        if not said and not (item.kind == "class" and #item.fields == 0) then
          bare[#bare + 1] = item.name
        end
      end
    end
    assert.same({}, bare)
  end)

  local event
  before_each(function()
    mooncrier.clock(1795410705)
    event = mooncrier.event((blocks_of(chapters[1].doc)[1].text))
    mooncrier.emitted()
  end)

  local examples = 0
  for _, chapter in ipairs(chapters) do
    local before = ""
    if chapter.module then
      before = ("local %s = require(%q)\n"):format(chapter.module, "mooncrier." .. chapter.module)
    end
    local docs = { [chapter.title] = chapter.doc }
    for _, item in ipairs(chapter.items) do
      docs[(item.owner or "") .. "." .. item.name] = item.doc
    end
    -- In order: what one example keeps in `shared`, the next ones see.
    local names = {}
    for name in pairs(docs) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
      for i, block in ipairs(blocks_of(docs[name])) do
        if block.language == "lua" then
          examples = examples + 1
          it(("runs example %d of %s, %s"):format(i, chapter.title, name), function()
            run(block.text, before, event)
          end)
        end
      end
    end
  end

  -- The guide beside it; what stands under "Testing a script" is a spec, not a script.
  local guide = {}
  for line in read_file("lua/README.md"):gsub("\n## Testing.-\n## ", "\n## "):gmatch("([^\n]*)\n") do
    guide[#guide + 1] = line
  end
  -- The modules that a block speaks of without requiring them.
  local function required_by(text)
    local lines = ""
    for _, module in ipairs(outline.modules) do
      if not text:find("require", 1, true) and text:find("%f[%w]" .. module .. "%.") then
        lines = lines .. ("local %s = require(%q)\n"):format(module, "mooncrier." .. module)
      end
    end
    return lines
  end
  for i, block in ipairs(blocks_of(guide)) do
    if block.language == "lua" then
      it(("runs example %d of lua/README.md"):format(i), function()
        run(block.text, required_by(block.text), event)
      end)
    end
  end

  it("has examples", function()
    assert.is_true(examples >= 30, examples)
  end)

  it("would notice an example that is wrong", function()
    assert.has_error(function()
      run('event.reason --> "Killing"\n', "", event)
    end, 'event.reason --> "Killing" gives BackOff')
  end)
end)
