require("mooncrier")
local match = require("mooncrier.match")

-- glob, strings that match, strings that do not
local globs = {
  { "prod", { "prod" }, { "", "pro", "prods", "Prod" } },
  { "", { "" }, { "a" } },
  { "*", { "", "a", "anything at all" }, {} },
  { "prod-*", { "prod-", "prod-web" }, { "prod", "xprod-web", "pro" } },
  { "*-web", { "-web", "prod-web" }, { "web", "prod-web2", "" } },
  { "*web*", { "web", "a web b" }, { "wb", "" } },
  { "a*b", { "ab", "a-b", "abab" }, { "a", "b", "aba", "ba" } },
  { "aa*aa", { "aaaa", "aabaa" }, { "aaa", "aa" } },
  { "a*b*c", { "abc", "a1b2c", "abbc", "abcabc" }, { "ac", "acb", "abc " } },
  { "*ab*ab", { "abab", "xabxab" }, { "ab", "aab", "ababx" } },
  { "**a**", { "a", "bab" }, { "b" } },
  { "a.c", { "a.c" }, { "abc" } },
  { "%d+", { "%d+" }, { "1" } },
  { "pod-?", { "pod-1", "pod-é", "pod-日" }, { "pod-", "pod-12" } },
  { "?*", { "a", "é", "ab" }, { "" } },
  { "*?x", { "ax", "aax", "éx" }, { "x" } },
  { "pod-[0-9]", { "pod-0", "pod-9" }, { "pod-a", "pod-", "pod-10" } },
  { "[!a-c]*", { "d", "zab", "é" }, { "a", "cat", "" } },
  { "[]x]", { "]", "x" }, { "[" } },
  { "[a-]", { "a", "-" }, { "b" } },
  { "[\\]]", { "]" }, { "\\" } },
  { "{a,b}", { "a", "b" }, { "", "ab", "{a,b}", "a,b" } },
  { "{prod,staging}-{web,data*}", { "prod-web", "staging-data", "staging-data2" }, { "dev-web", "prod-web2" } },
  { "x{,y}", { "x", "xy" }, { "y" } },
  { "{a{1,2},b}", { "a1", "a2", "b" }, { "a", "1" } },
  { "a,b", { "a,b" }, { "a" } },
  { "a}", { "a}" }, { "a" } },
  { "\\*", { "*" }, { "a", "\\*" } },
  { "\\{a,b}", { "{a,b}" }, { "a" } },
  { "a[{]b", { "a{b" }, { "ab" } },
  { "naïve*", { "naïve façade" }, { "naive" } },
}

describe("match.glob", function()
  for _, case in ipairs(globs) do
    local glob, yes, no = case[1], case[2], case[3]
    it(("%q"):format(glob), function()
      local is = match.glob(glob)
      for _, s in ipairs(yes) do
        assert.is_true(is(s), ("%q should match %q"):format(glob, s))
      end
      for _, s in ipairs(no) do
        assert.is_false(is(s), ("%q should not match %q"):format(glob, s))
      end
    end)
  end

  it("agrees with a search of all ways on short strings", function()
    local function naive(glob, s)
      if glob == "" then
        return s == ""
      end
      local c = glob:sub(1, 1)
      if c == "*" then
        return naive(glob:sub(2), s) or (s ~= "" and naive(glob, s:sub(2)))
      end
      return s ~= "" and (c == "?" or c == s:sub(1, 1)) and naive(glob:sub(2), s:sub(2))
    end
    local function words(letters, max)
      local out, from = { "" }, 1
      for _ = 1, max do
        local to = #out
        for i = from, to do
          for c in letters:gmatch(".") do
            out[#out + 1] = out[i] .. c
          end
        end
        from = to + 1
      end
      return out
    end
    local subjects = words("ab", 5)
    for _, glob in ipairs(words("ab*?", 4)) do
      local is = match.glob(glob)
      for _, s in ipairs(subjects) do
        if is(s) ~= naive(glob, s) then
          error(("glob %q on %q gives %s"):format(glob, s, tostring(is(s))))
        end
      end
    end
  end)

  local mistakes = {
    { "a[b", "glob \"a[b\": '[' without ']' at offset 1" },
    { "a{b,c", "glob \"a{b,c\": '{' without '}' at offset 1" },
    { "[z-a]", "glob \"[z-a]\": range backwards at offset 3" },
    { "[é]", "glob \"[é]\": only ASCII characters go between '[' and ']' at offset 1" },
    { "a\\", "glob \"a\\\\\": '\\' at the end at offset 1" },
    { ("{a,b}"):rep(9), "more than 256 alternatives at offset 0" },
    { 5, "a glob is a string, not a number" },
  }
  for _, case in ipairs(mistakes) do
    it("refuses " .. tostring(case[1]), function()
      local ok, message = pcall(match.glob, case[1])
      assert.is_false(ok)
      assert.truthy(message:find(case[2], 1, true), message)
    end)
  end

  it("blames the line that called it", function()
    local _, message = pcall(function()
      local is = match.glob("[")
      return is
    end)
    assert.truthy(message:match("match_spec%.lua:%d+: glob"), message)
  end)
end)

describe("match.any", function()
  it("matches when one of the globs does", function()
    local is = match.any({ "kube-system", "prod-*", "dev-?" })
    for s, want in pairs({ ["kube-system"] = true, ["prod-web"] = true, ["dev-1"] = true, ["dev-12"] = false,
                           [""] = false }) do
      assert.equal(want, is(s), s)
    end
  end)

  it("matches nothing when the list is empty", function()
    assert.is_false(match.any({})(""))
  end)

  it("refuses what is not a list", function()
    assert.has_error(function()
      match.any("prod-*")
    end, "match.any takes a list of globs, not a string")
  end)
end)

describe("match.regex", function()
  local back_off = "^Back-off (?<what>\\w+) failed container (?<container>\\S+)( now)?"

  it("tests", function()
    local re = match.regex("back-?off", "i")
    assert.is_true(re:test("Back-off restarting"))
    assert.is_false(re:test("Pulled"))
  end)

  it("finds the first and last byte, from a start on", function()
    local re = match.regex("\\d+")
    assert.same({ 5, 6 }, { re:find("pod-12-3") })
    assert.same({ 8, 8 }, { re:find("pod-12-3", 7) })
    assert.same({}, { re:find("pod") })
    assert.same({}, { re:find("pod-1", 100) })
    assert.same({ 1, 0 }, { match.regex("x*"):find("abc") })
  end)

  it("gives captures by number and by name", function()
    local found = match.regex(back_off):captures("Back-off restarting failed container app in pod x")
    assert.same({
      [0] = "Back-off restarting failed container app",
      "restarting", "app", what = "restarting", container = "app",
    }, found)
    assert.is_nil(match.regex(back_off):captures("Pulled"))
  end)

  it("replaces", function()
    local re = match.regex("(?<key>token|password)=(\\S+)", "i")
    assert.same({ "token=*** Password=*** x", 2 }, { re:replace("token=a Password=b x", "${key}=***") })
    assert.same({ "a b", 0 }, { re:replace("a b", "") })
    local long = ("y"):rep(1000)
    assert.equal(("y"):rep(4000), (match.regex("x"):replace("xxxx", long)))
    assert.equal("$5", (match.regex("x"):replace("x", "$$5")))
  end)

  it("knows flags", function()
    assert.is_true(match.regex("^b$", "m"):test("a\nb\nc"))
    assert.is_false(match.regex("^b$"):test("a\nb\nc"))
    assert.is_true(match.regex("a.b", "s"):test("a\nb"))
    assert.is_true(match.regex("a b # comment", "x"):test("ab"))
    assert.is_true(match.regex("straße", "i"):test("STRAßE"))
  end)

  it("matches around bytes that are not UTF-8", function()
    assert.is_true(match.regex("é"):test("\255\254é"))
    assert.is_false(match.regex("."):test("\255"))
  end)

  it("gives up on a pattern that takes too long, and says so", function()
    local re = match.regex("(a+)+$")
    local ok, message = pcall(re.test, re, ("a"):rep(40) .. "b")
    assert.is_false(ok)
    assert.truthy(message:find("regex gave up on a string of 41 bytes: match limit exceeded", 1, true), message)
    assert.is_true(re:test("aaa"))
  end)

  it("matches long strings that need more than the machine stack", function()
    assert.is_false(match.regex("(?:x(?:y|z))*q"):test(("xy"):rep(300000)))
  end)

  local mistakes = {
    { { "a(b" }, 'regex "a(b": missing closing parenthesis at offset 3' },
    { { "[" }, 'regex "[": missing terminating ] for character class at offset 1' },
    { { "a", "q" }, 'unknown regex flag "q" (known: i, m, s, x)' },
    { { "a\\Cb" }, "using \\C is disabled" },
    { { ("a"):rep(70000) }, "regex of 70000 bytes is longer than 65536" },
    { { nil }, "match.regex takes a pattern, not a nil" },
  }
  for _, case in ipairs(mistakes) do
    it("refuses: " .. case[2], function()
      local ok, message = pcall(match.regex, case[1][1], case[1][2])
      assert.is_false(ok)
      assert.truthy(message:find(case[2], 1, true), message)
    end)
  end

  it("refuses to be something else", function()
    local re = match.regex("a")
    assert.is_false((pcall(re.test, io.stdout, "a")))
    assert.is_false((pcall(re.test, re, nil)))
    assert.equal("mooncrier.regex", getmetatable(re))
  end)
end)
