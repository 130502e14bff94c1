-- Takes secrets out of messages: passwords and tokens given as name=value or name: value, Authorization
-- values, JSON Web Tokens, AWS key ids, and user:password in URLs. Only the secret is replaced; an event
-- without one passes as it came, byte for byte. Other fields are not looked at.
--
-- @param patterns    strings (none)   more regular expressions (PCRE2); a group named `keep` is kept
-- @param replacement string  ("***")  what takes the secret's place
--
-- { "handlers/redact.lua", patterns = { "(?<keep>account )\\d{8,}" } }

local match = require("mooncrier.match")
local params = require("mooncrier.params")

-- Each begins with letters that are rare in messages: that is what makes looking for them quick.
local known = {
  -- Authorization: Bearer abc, and Bearer abc alone
  [[(?<keep>Bearer\s+|Basic\s+)[A-Za-z0-9._~+/=-]{8,}]],
  -- DB_PASSWORD=abc, "api_key": "abc"
  [[(?<keep>(?:passw(?:or)?d|pwd|secret|token|api[_-]?key|access[_-]?key)"?\s*[=:]\s*"?)]]
    .. [[(?!\*)[^\s"',;&]+]],
  -- --token abc
  [[(?<keep>--(?:password|token|secret)\s+)[^\s-]\S*]],
  -- https://user:abc@host
  [[(?<keep>://[^\s:/@]*:)[^\s/@]+(?=@)]],
  [[eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*]],
  [[\b(?:AKIA|ASIA)[A-Z0-9]{16}\b]],
}

-- All of them in one, to tell at once that a message has none. (?J): `keep` may come more than once.
local any_known = match.regex("(?J)(?:" .. table.concat(known, ")|(?:") .. ")", "i")

local secrets, own

-- Compiled patterns with what takes the place of their matches.
local function compile(patterns, replacement)
  local list = {}
  for i, pattern in ipairs(patterns) do
    local keeps = pattern:find("(?<keep>", 1, true)
    list[i] = {
      regex = match.regex(pattern, "i"),
      with = (keeps and "${keep}" or "") .. replacement:gsub("%$", "$$"),
    }
  end
  return list
end

local function clean(text, list)
  for i = 1, #list do
    text = list[i].regex:replace(text, list[i].with)
  end
  return text
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      patterns = { "strings", {} },
      replacement = { "string", "***" },
    })
    secrets = compile(known, given.replacement)
    own = compile(given.patterns, given.replacement)
  end,

  handle = function(event)
    local message = event.message
    local text = any_known:test(message) and clean(message, secrets) or message
    text = clean(text, own)
    if text ~= message then
      return event:with({ message = text })
    end
  end,
}
