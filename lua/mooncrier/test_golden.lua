-- Golden files: what a test once gave and was looked at, compared with what it gives now.

local core = require("mooncrier.core")
local test_place = require("mooncrier.test_place")

local golden = {
  bless = false, -- write the files, whatever the environment says
}

-- JSON text with one member a line.
local function spread(text)
  local out, depth, at = {}, 0, 1
  local function newline()
    out[#out + 1] = "\n" .. ("  "):rep(depth)
  end
  while at <= #text do
    local c = text:sub(at, at)
    local empty = text:match("^[%[{][%]}]", at)
    if c == '"' then
      local to = at
      repeat
        to = text:find('[\\"]', to + 1)
        local escaped = text:sub(to, to) == "\\"
        to = escaped and to + 1 or to
      until not escaped
      out[#out + 1] = text:sub(at, to)
      at = to
    elseif empty then
      out[#out + 1] = empty
      at = at + 1
    elseif c == "{" or c == "[" then
      depth = depth + 1
      out[#out + 1] = c
      newline()
    elseif c == "}" or c == "]" then
      depth = depth - 1
      newline()
      out[#out + 1] = c
    elseif c == "," then
      out[#out + 1] = c
      newline()
    elseif c == ":" then
      out[#out + 1] = ": "
    else
      out[#out + 1] = c
    end
    at = at + 1
  end
  return table.concat(out)
end

-- What stands in the file for `value`.
function golden.text_of(value)
  if type(value) == "string" then
    return value
  end
  -- Decoded once, so that events become tables and all members are in one order.
  return spread(core.json_encode(core.json_decode(core.json_encode(value)))) .. "\n"
end

local function read(path)
  local file = io.open(path, "rb")
  if file then
    local text = file:read("*a")
    file:close()
    return text
  end
end

local function write(path, text)
  local folder = path:match("^(.*)/[^/]*$")
  os.execute(("mkdir -p '%s'"):format((folder:gsub("'", "'\\''"))))
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

local function lines_of(text)
  local lines = {}
  for line in (text:find("\n$") and text or text .. "\n"):gmatch("([^\n]*)\n") do
    lines[#lines + 1] = line
  end
  return lines
end

-- The first line that differs, as a sentence.
local function difference(wanted, got)
  local old, new = lines_of(wanted), lines_of(got)
  for i = 1, math.max(#old, #new) do
    if old[i] ~= new[i] then
      return ("line %d differs:\n  file: %s\n  now:  %s"):format(i, old[i] or "(the end)", new[i] or "(the end)")
    end
  end
  return "they differ in the line break at the end"
end

local function is_blessing()
  local said = os.getenv("MOONCRIER_BLESS")
  return golden.bless or said ~= nil and said ~= "" and said ~= "0"
end

local how = "MOONCRIER_BLESS=1, or mooncrier test --bless, writes it"

function golden.compare(name, value)
  if type(name) ~= "string" or name == "" or name:find("^/") or name:find("%.%.") then
    error("golden: the name is that of a file in the folder golden beside the spec", 3)
  end
  local path = test_place.spec_dir() .. "/golden/" .. name
  local text, wanted = golden.text_of(value), read(path)
  if is_blessing() then
    if wanted ~= text then
      write(path, text)
    end
  elseif not wanted then
    error(("there is no %s yet; %s"):format(path, how), 3)
  elseif wanted ~= text then
    error(("%s: %s\n(%s anew)"):format(path, difference(wanted, text), how), 3)
  end
end

return golden
