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

local known = {
  -- Authorization: Bearer abc, and Bearer abc alone
  [[(?<keep>\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}]],
  -- password=abc, "api_key": "abc", --token abc
  [[(?<keep>\b(?:[a-z0-9]+[_-])*(?:password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key)]]
    .. [["?\s*[=:]\s*"?)(?!\*)[^\s"',;&]+]],
  [[(?<keep>\s--?(?:password|token|secret)\s+)[^\s-]\S*]],
  -- https://user:abc@host
  [[(?<keep>\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(?=@)]],
  [[\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*]],
  [[\b(?:AKIA|ASIA)[A-Z0-9]{16}\b]],
}

local secrets

-- Compiled patterns with what takes the place of their matches.
local function compile(more, replacement)
  local regexes = {}
  for _, list in ipairs({ known, more }) do
    for _, pattern in ipairs(list) do
      local keeps = pattern:find("(?<keep>", 1, true)
      regexes[#regexes + 1] = {
        regex = match.regex(pattern, "i"),
        with = (keeps and "${keep}" or "") .. replacement:gsub("%$", "$$"),
      }
    end
  end
  return regexes
end

---@type mooncrier.Hooks
return {
  init = function(init_params)
    local given = params.read(init_params, {
      patterns = { "strings", {} },
      replacement = { "string", "***" },
    })
    secrets = compile(given.patterns, given.replacement)
  end,

  handle = function(event)
    local message = event.message
    local clean = message
    for i = 1, #secrets do
      clean = secrets[i].regex:replace(clean, secrets[i].with)
    end
    if clean ~= message then
      return event:with({ message = clean })
    end
  end,
}
