-- A sink: an audit trail. Writes one JSON line for each event in a file per day (UTC), audit-2026-11-23.jsonl in
-- `dir`: who (component and host) did what to which object, when it happened and when it was written. Lines are
-- numbered, and each has in `previous` the SHA-256 of the line before it: what was changed or taken out later shows,
-- as long as the last line is kept elsewhere. To check line 42: `sed -n 41p FILE | tr -d '\n' | sha256sum`. Files are
-- opened for appending and never touched otherwise; an event counts as delivered when its line has been handed to the
-- system. Let one watcher have it, with handlers/redact.lua before it.
--
--   sinks = {
--     audit = { kind = "script", script = { "sinks/audit.lua", dir = "/var/log/mooncrier", allow = { "io" } } },
--   }
--
-- @param dir    string  ()      where the files are made; it must exist
-- @param labels boolean (false) with the labels and annotations of the event
--
-- { "sinks/audit.lua", dir = "/var/log/mooncrier", allow = { "io" } }

local params = require("mooncrier.params")

local band, bnot, bxor = bit.band, bit.bnot, bit.bxor
local ror, rshift, tobit, tohex = bit.ror, bit.rshift, bit.tobit, bit.tohex

-- How far back the last line before today's is looked for.
local DAYS_BACK = 400

local given
local file, file_day
-- The number and the hash of the last line; nil before the first is written.
local number, previous

-- The first 32 bits of the fractional part of a root of the first primes, as SHA-256 takes them.
local function fraction(prime, power)
  local root = prime ^ power
  return tobit(math.floor((root - math.floor(root)) * 4294967296))
end

local constants, beginning = {}, {}
do
  local prime, n = 2, 0
  while n < 64 do
    local is_prime = true
    for d = 2, math.floor(prime ^ 0.5) do
      is_prime = is_prime and prime % d ~= 0
    end
    if is_prime then
      n = n + 1
      constants[n] = fraction(prime, 1 / 3)
      beginning[n] = n <= 8 and fraction(prime, 1 / 2) or nil
    end
    prime = prime + 1
  end
end

---@param text string
local function sha256(text)
  local bits = #text * 8
  text = text .. "\128" .. ("\0"):rep((55 - #text) % 64) .. "\0\0\0"
    .. string.char(math.floor(bits / 4294967296) % 256, rshift(bits, 24), band(rshift(bits, 16), 255),
      band(rshift(bits, 8), 255), band(bits, 255))
  local state = { unpack(beginning) }
  local w = {}
  for at = 1, #text, 64 do
    for i = 0, 15 do
      local a, b, c, d = text:byte(at + i * 4, at + i * 4 + 3)
      w[i] = tobit(a * 16777216 + b * 65536 + c * 256 + d)
    end
    for i = 16, 63 do
      local x, y = w[i - 15], w[i - 2]
      w[i] = tobit(w[i - 16] + bxor(ror(x, 7), ror(x, 18), rshift(x, 3)) + w[i - 7]
        + bxor(ror(y, 17), ror(y, 19), rshift(y, 10)))
    end
    local a, b, c, d, e, f, g, h = unpack(state)
    for i = 0, 63 do
      local t1 = tobit(h + bxor(ror(e, 6), ror(e, 11), ror(e, 25)) + bxor(band(e, f), band(bnot(e), g))
        + constants[i + 1] + w[i])
      local t2 = tobit(bxor(ror(a, 2), ror(a, 13), ror(a, 22)) + bxor(band(a, b), band(a, c), band(b, c)))
      a, b, c, d, e, f, g, h = tobit(t1 + t2), a, b, c, tobit(d + t1), e, f, g
    end
    for i, value in ipairs({ a, b, c, d, e, f, g, h }) do
      state[i] = tobit(state[i] + value)
    end
  end
  for i = 1, 8 do
    state[i] = tohex(state[i])
  end
  return table.concat(state)
end

local function path_of(day)
  return ("%s/audit-%s.jsonl"):format(given.dir, day)
end

-- The last line of the newest file; nil when there is none.
local function last_line(now)
  for back = 0, DAYS_BACK do
    local old = io.open(path_of(time.date("%Y-%m-%d", now - back * 86400)), "rb")
    if old then
      local size, last = old:seek("end"), nil
      -- A line may be long: look for it in ever larger pieces from the end.
      local piece = 65536
      while size > 0 do
        old:seek("set", math.max(size - piece, 0))
        local text = old:read("*a"):gsub("\n+$", "")
        local newline = text:reverse():find("\n", 1, true)
        last = text ~= "" and (newline and text:sub(1 - newline) or text) or nil
        if piece >= size or last and #last < piece - 1 then
          break
        end
        piece = piece * 4
      end
      old:close()
      if last then
        return last
      end
    end
  end
end

-- Where the chain goes on: at the first line, not at the start, as a script that this one replaces writes until then.
local function go_on(now)
  local line = last_line(now)
  if not line then
    number, previous = 0, ("0"):rep(64)
    return
  end
  local ok, entry = pcall(json.decode, line)
  number = ok and type(entry) == "table" and tonumber(entry.number) or 0
  -- Of a line that was cut off by a crash, too: that it is broken is then on record.
  previous = sha256(line)
end

-- The file of the day; nil and why there is none.
local function file_of(now)
  local day = time.date("%Y-%m-%d", now)
  if file and file_day == day then
    return file
  end
  if file then
    file:close()
    file = nil
  end
  local opened, why = io.open(path_of(day), "a+b")
  if not opened then
    return nil, why
  end
  -- A line that was cut off ends here.
  if opened:seek("end") > 0 then
    opened:seek("end", -1)
    if opened:read(1) ~= "\n" then
      opened:write("\n")
    end
  end
  file, file_day = opened, day
  return file
end

local function or_nil(text)
  return text ~= "" and text or nil
end

---@param event mooncrier.Event
local function entry_of(event, now)
  local object, source = event.involvedObject, event.source
  local component = source.component ~= "" and source.component or event.reportingComponent
  local host = source.host ~= "" and source.host or event.reportingInstance
  return {
    number = number + 1,
    previous = previous,
    written = time.format(now, 3),
    time = event.time > 0 and time.format(event.time) or nil,
    change = event.change,
    by = { component = or_nil(component), host = or_nil(host) },
    type = or_nil(event.type),
    reason = or_nil(event.reason),
    action = or_nil(event.action),
    object = {
      kind = or_nil(object.kind), namespace = or_nil(object.namespace), name = or_nil(object.name),
      uid = or_nil(object.uid),
    },
    times = event.occurrences,
    message = event.message,
    event = {
      namespace = or_nil(event.metadata.namespace), name = event.metadata.name, uid = or_nil(event.metadata.uid),
    },
    labels = given.labels and event:get("metadata", "labels") or nil,
    annotations = given.labels and event:get("metadata", "annotations") or nil,
  }
end

local function close()
  if file then
    file:close()
    file = nil
  end
end

---@type mooncrier.SinkHooks
return {
  init = function(init_params)
    given = params.read(init_params, { dir = { "string" }, labels = { "boolean", false } })
  end,

  -- A folder that is not there is known at the start, not at the first event.
  open = function()
    local folder, why = io.open(given.dir)
    if not folder then
      return false, why
    end
    folder:close()
  end,

  write = function(event)
    local now = time.now()
    local to, why = file_of(now)
    if not to then
      return "retry", why
    end
    if not number then
      go_on(now)
    end
    local line = json.encode(entry_of(event, now))
    local ok
    ok, why = to:write(line, "\n")
    if not ok then
      return "retry", why
    end
    number, previous = number + 1, sha256(line)
  end,

  flush = function()
    if file then
      local ok, why = file:flush()
      if not ok then
        return false, why
      end
    end
  end,

  reopen = close,
  close = close,
}
