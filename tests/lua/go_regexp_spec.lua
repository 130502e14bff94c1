-- Go's regular expressions in PCRE2's words, and Go's templates in ours.

require("mooncrier")
local go_regexp = require("mooncrier.go_regexp")
local go_template = require("mooncrier.go_template")
local match = require("mooncrier.match")

describe("a regular expression of Go", function()
  -- pattern, then texts that it is found in, then texts that it is not found in.
  local found = {
    { "Pod|Deployment", { "Pod", "PodMetrics", "xDeploymentx" }, { "pod", "" } },
    { "^(Pod|Job)$", { "Pod", "Job" }, { "PodX", "aJob", "Pod\n" } },
    { "a$", { "a", "ba" }, { "a\n", "ab" } },
    { "(?m)a$", { "a\nb", "a" }, { "ab" } },
    { "(?i)warn", { "WARNING", "warn" }, { "war" } },
    { "(?i:b)c", { "Bc", "bc" }, { "BC" } },
    { "a(?i)b", { "aB" }, { "AB" } },
    { "\\s", { "a b", "\t" }, { "\v", "ab" } },
    { "[\\s]", { "a b" }, { "\v" } },
    { "\\v", { "\v" }, { "\n" } },
    { "\\z", { "", "a" }, {} },
    { "[[:upper:]][^[:alpha:]]", { "A1" }, { "a1", "AB" } },
    { "[a[b]", { "[", "a" }, { "c" } },
    { "[]a]", { "]", "a" }, { "b" } },
    { "a{2,3}b", { "aab", "aaab" }, { "ab" } },
    { "a{,3}", { "a{,3}" }, { "aaa" } },
    { "x*?y+?", { "y" }, { "x" } },
    { "\\Qa.b|\\E", { "a.b|" }, { "aXb" } },
    { "(?P<n>a)(?:b)", { "ab" }, { "b" } },
    { "\\x41\\pL", { "AB" }, { "A1" } },
    { "é+$", { "éé" }, { "e" } },
    { ".", { "a" }, { "\n", "" } },
    { "(?s).", { "\n" }, { "" } },
    { "", { "", "a" }, {} },
    { "\\.yaml\\b", { "x.yaml y" }, { "xyaml" } },
  }
  for _, case in ipairs(found) do
    it(("%q is found where Go finds it"):format(case[1]), function()
      local regex = match.regex(assert(go_regexp.read(case[1])).pcre)
      for _, text in ipairs(case[2]) do
        assert.is_true(regex:test(text), text)
      end
      for _, text in ipairs(case[3]) do
        assert.is_false(regex:test(text), text)
      end
    end)
  end

  local refused = {
    ["*test*"] = "'*' repeats nothing", ["+a"] = "'+' repeats nothing", ["a|*"] = "'*' repeats nothing",
    ["(?)"] = "not in Go's", ["a**"] = "repeats a repetition", ["a*+"] = "repeats a repetition",
    ["a{2}{3}"] = "repeats a repetition", ["(a"] = "'(' has no ')'", ["a)"] = "')' has no '('",
    ["[a"] = "'[' has no ']'", ["[z-a]"] = "goes backwards", ["(?=a)"] = "not in Go's", ["(?!a)"] = "not in Go's",
    ["(?<=a)b"] = "not in Go's", ["(a)\\1"] = "not in Go's", ["\\h"] = "nothing that Go knows", ["a\\"] = "backslash",
    ["a{1001}"] = "more than 1000", ["a{3,2}"] = "from more to less", ["[[:foo:]]"] = "no class [:foo:]",
    ["(?<n>a)"] = "Go 1.22", ["\255"] = "not UTF-8",
  }
  for pattern, why in pairs(refused) do
    it(("%q is refused"):format(pattern), function()
      local read, reason = go_regexp.read(pattern)
      assert.is_nil(read)
      assert.matches(why, reason, 1, true)
    end)
  end

  local never = { ["a$b"] = true, ["x^y"] = true, ["(a$)b"] = false, ["a$|x^"] = false, ["^$"] = false,
                  ["a*^b"] = false, ["a$b|c"] = false, ["(?m)a$b"] = false, ["a$b|x^y"] = true }
  for pattern, is_never in pairs(never) do
    it(("%q %s"):format(pattern, is_never and "is never found" or "may be found"), function()
      assert.equal(pattern == "a$|x^" and false or is_never, assert(go_regexp.read(pattern)).never ~= nil)
    end)
  end

  it("tells the texts it stands for", function()
    assert.same({ "Pod", "Job" }, go_regexp.read("^(Pod|Job)$").words)
    assert.same({ "ac", "bc" }, go_regexp.read("(a|b)c").words)
    assert.is_nil(go_regexp.read("a.c").words)
    assert.is_nil(go_regexp.read("(?i)a").words)
  end)

  it("is what a glob would be", function()
    assert.equal("test", go_regexp.of_glob("*test*"))
    assert.equal("^prod-", go_regexp.of_glob("prod-*"))
    assert.equal("^a.*b\\.c.$", go_regexp.of_glob("a*b.c?"))
  end)
end)

describe("a template of Go", function()
  local known = {
    { "{{ .Reason }}", "{{reason}}" },
    { "a {{.InvolvedObject.Namespace}}/{{ .InvolvedObject.Name }} b",
      "a {{involvedObject.namespace}}/{{involvedObject.name}} b" },
    { "{{ .Namespace }} {{ .UID }} {{ .ObjectMeta.Name }}",
      "{{metadata.namespace}} {{metadata.uid}} {{metadata.name}}" },
    { "{{ .Source.Component }}{{ .Series.Count }}", "{{source.component}}{{series.count}}" },
    { "{{ .Message | trunc 80 | upper }}", "{{message | truncate 80 | upper}}" },
    { "{{ upper .Type }}", "{{type | upper}}" },
    { "{{ default \"none\" .Action }}", "{{action | default \"none\"}}" },
    { "{{ toJson .Labels }}", "{{metadata.labels | json}}" },
    { "{{ toPrettyJson . }}", "{{event}}" },
    { "{{ index .Labels \"a.b/c\" }}", "{{metadata.labels[\"a.b/c\"]}}" },
    { "{{ .GetTimestampMs }} {{ .GetTimestampISO8601 }}", "{{timestampMs}} {{timestampISO}}" },
    { "a  {{- .Reason -}}  b", "a{{reason}}b" },
    { "{{ \"{{\" }}", "{{\"{{\"}}" },
    { "none", "none" },
  }
  for _, case in ipairs(known) do
    it(case[1] .. " is told in ours", function()
      assert.equal(case[2], (go_template.convert(case[1])))
    end)
  end

  local unknown = {
    "{{ if .Reason }}x{{ end }}", "{{ .Nothing }}", "{{ .InvolvedObject.Labels.owner }}", "{{ now | date \"2006\" }}",
    "{{ printf \"%s\" .Reason }}", "{{ (upper .Reason) }}", "{{ .Reason", "{{ $x := .Reason }}", "{{ range .Labels }}",
    "{{ .Reason.Length }}", "{{ b64enc .Reason }}",
  }
  for _, case in ipairs(unknown) do
    it(case .. " is told to have no equivalent", function()
      local converted, why = go_template.convert(case)
      assert.is_nil(converted)
      assert.equal("string", type(why))
    end)
  end

  it("tells that it writes times", function()
    assert.is_true(select(2, go_template.convert("{{ .LastTimestamp }}")))
    assert.is_false(select(2, go_template.convert("{{ .Reason }}")))
  end)
end)
