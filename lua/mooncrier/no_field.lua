-- What is said when a script asks for a field that there is not, and what it probably meant: a slip of
-- the pen, a field of another part of the event, or a name from elsewhere.

local core = require("mooncrier.core")

local no_field = {}

-- Names that events.k8s.io/v1, other tools or people give to fields.
local synonyms = {
  note = "message", msg = "message", text = "message",
  regarding = "involvedObject", object = "involvedObject", obj = "involvedObject", pod = "involvedObject.name",
  severity = "type", level = "type",
  deprecatedsource = "source", deprecatedcount = "count",
  deprecatedfirsttimestamp = "firstTimestamp", deprecatedlasttimestamp = "lastTimestamp",
  timestamp = "time", date = "time", node = "source.host",
  firstseen = "firstTimestamp", lastseen = "lastTimestamp", controller = "reportingController",
}

-- What objects have, but events do not know of them.
local of_objects = { metadata = true, labels = true, annotations = true, ownerReferences = true }

-- part → its fields, in the order in which they are looked for; filled by event.lua.
local parts = { "metadata", "involvedObject", "source", "series" }
local fields_of = {}

-- Tells of the fields of `part` of an event; "": of the event itself.
function no_field.define(part, fields)
  fields_of[part] = fields
end

local function names_of(fields)
  local names = {}
  for name in pairs(fields) do
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- The fields of other parts that are called `key`, upper and lower case aside.
local function elsewhere(part, key)
  local found = {}
  local function look(other, prefix)
    for name in pairs(other ~= part and fields_of[other] or {}) do
      if name:lower() == key:lower() then
        found[#found + 1] = prefix .. name
      end
    end
  end
  if part ~= "" then
    look("", "event.")
  end
  for _, other in ipairs(parts) do
    look(other, part == "" and other .. "." or "event." .. other .. ".")
  end
  return found
end

local function meant(part, key)
  local close = core.suggest(key, names_of(fields_of[part]))
  if close then
    return close
  end
  if part == "involvedObject" and of_objects[key] then
    return nil
  end
  local found = elsewhere(part, key)
  if #found > 0 then
    return table.concat(found, "' or '", 1, math.min(#found, 2))
  end
  return part == "" and synonyms[key:lower()] or nil
end

local function otherwise(part, key, what)
  if part == "" then
    return (" in an event; event:get(%q) gives what is no field of Kubernetes' events"):format(key)
  elseif part == "involvedObject" and of_objects[key] then
    return (" in an object reference: an event has nothing of its object but what names it; event.metadata%s is "
      .. "that of the event"):format(key == "metadata" and "" or "." .. key)
  end
  return (" in %s; there are %s"):format(what, table.concat(names_of(fields_of[part]), ", "))
end

-- The message for `key`, which is no field of `part`; `what` is how messages call that.
function no_field.problem(part, key, what)
  if type(key) ~= "string" then
    return ("no field '%s' in %s"):format(tostring(key), what)
  end
  local close = meant(part, key)
  return ("no field '%s'%s"):format(key, close and ("; did you mean '%s'?"):format(close)
    or otherwise(part, key, what))
end

-- What is wrong with a new field of this name in `part`: it is nearly that of another. nil: nothing.
function no_field.slip(part, key)
  local fields = fields_of[part]
  local close = fields and fields[key] == nil and core.suggest(key, names_of(fields))
  return close and ("no field '%s'%s; did you mean '%s'?"):format(
    key, part ~= "" and " in " .. part or "", close) or nil
end

return no_field
