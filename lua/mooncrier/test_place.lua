-- Where the spec is that is running, and the files that it names.

local core = require("mooncrier.core")

local place = {
  shipped = nil, -- the folder of the scripts that come with the program, where one is known
}

local own = debug.getinfo(1, "S").source:gsub("test_place%.lua$", "")

-- The folder of the spec: of the innermost function in a file of specs that is not ours.
function place.spec_dir()
  for level = 2, 60 do
    local info = debug.getinfo(level, "S")
    if not info then
      break
    end
    local path = info.source:match("^@(.*)")
    if path and info.source:sub(1, #own) ~= own and path:find("_spec%.lua$") then
      return path:match("^(.*)/[^/]*$") or "."
    end
  end
  return "."
end

-- The path of a file that a spec names: as it is, beside the spec, in a folder "scripts", or among the scripts that
-- come with the program. `what` is how the message calls it when there is none.
function place.find(name, what)
  local tried = {}
  local folders = { "", place.spec_dir() .. "/", "scripts/", place.shipped and place.shipped .. "/" }
  for i, folder in ipairs(name:sub(1, 1) == "/" and { "" } or folders) do
    local path = folder .. name
    if core.has_file(path) then
      return path
    end
    tried[i] = path
  end
  error(("no %s %s"):format(what, table.concat(tried, ", nor ")), 0)
end

return place
