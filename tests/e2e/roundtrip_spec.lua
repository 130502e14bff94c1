-- Events that no script changed leave as they came: the committed data, and the full sets when
-- ../shared is there.
local h = require("tests.e2e.harness")

local function read(path)
  local pipe = io.popen(path:match("%.gz$") and "gzip -dc " .. path or "cat " .. path)
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

-- JSON without the white space outside of its strings.
local function compact(text)
  local parts, at = {}, 1
  while at <= #text do
    local quote = text:find('"', at, true)
    parts[#parts + 1] = (text:sub(at, (quote or #text + 1) - 1):gsub("%s+", ""))
    if not quote then break end
    local stop = quote
    repeat
      stop = text:find('["\\]', stop + 1)
      local escape = text:sub(stop, stop) == "\\"
      if escape then stop = stop + 1 end
    until not escape
    parts[#parts + 1] = text:sub(quote, stop)
    at = stop + 1
  end
  return table.concat(parts)
end

-- What `eval true` must make of a file, by what the file is.
local expected = {}

function expected.lines(text) return text end

function expected.watch(text)
  local objects = {}
  for line in text:gmatch("([^\n]*)\n") do
    local kind, object = line:match('^{"type":"(%u+)","object":(.*)}$')
    if kind ~= "BOOKMARK" then objects[#objects + 1] = object .. "\n" end
  end
  return table.concat(objects)
end

function expected.list(text)
  local items = compact(text):match('"items":%[(.*)%]')
  return items
end

-- The items of a list are compared as one text: a comma where the output has a newline.
local function shape(kind, output)
  if kind ~= "list" then return output end
  return (output:sub(1, -2):gsub("\n", ","))
end

for _, case in ipairs({
  { "examples/data/events.jsonl", "lines" },
  { "examples/data/watch.jsonl", "watch" },
  { "tests/data/watch-core.jsonl", "watch" },
  { "tests/data/watch-eventsv1.jsonl", "watch" },
  { "tests/data/eventlist.json", "list" },
  { "tests/data/kubectl-list.json", "list" },
  { "../shared/data/events-real.jsonl.gz", "lines" },
  { "../shared/data/events-bench-20k.jsonl.gz", "lines" },
  { "../shared/data/watch-core.jsonl.gz", "watch" },
  { "../shared/data/watch-eventsv1.jsonl.gz", "watch" },
  { "../shared/data/eventlist-real.json.gz", "list" },
}) do
  local path, kind = case[1], case[2]
  if exists(path) then
    it("round trip of " .. path, function()
      local place = h.place()
      finally(function() place:remove() end)
      local r = place:run({ "eval", "true", h.root .. "/" .. path })
      assert.same({ 0, "" }, { r.code, r.err })
      -- Not assert.equal: it would print megabytes.
      assert.is_true(expected[kind](read(path)) == shape(kind, r.out))
      assert.is_true(#r.out > 10000)
    end)
  end
end
