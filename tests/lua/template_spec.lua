local mooncrier = require("mooncrier")
local template = require("mooncrier.template")

local pod = {
  type = "Warning",
  reason = "BackOff",
  message = " Back-off restarting\nfailed container ",
  count = 12,
  lastTimestamp = "2026-11-23T05:01:40Z",
  firstTimestamp = "",
  metadata = {
    labels = { ["app.kubernetes.io/name"] = "api", plain = "yes" },
    ownerReferences = { { name = "first" }, { name = "second" } },
  },
  involvedObject = { kind = "Pod", name = "api-7f", namespace = "" },
  time = 1795410100.5,
}

local texts = {
  { "", "" },
  { "no fields", "no fields" },
  { "{{reason}}", "BackOff" },
  { "{{ reason }}/{{type}}", "BackOff/Warning" },
  { "a {{involvedObject.name}} b", "a api-7f b" },
  { "{{count}}", "12" },
  { "{{time}}", "1795410100.5" },
  { "{{metadata.labels[\"app.kubernetes.io/name\"]}}", "api" },
  { "{{metadata.labels['plain']}}{{metadata.labels.plain}}", "yesyes" },
  { "{{metadata.labels.absent}}", "" },
  { "{{metadata.ownerReferences[2].name}}", "second" },
  { "{{metadata.ownerReferences[3].name}}", "" },
  { "{{severity}}", "" },
  { "{{severity.level[1]}}", "" },
  { "{{\"{{\"}}x{{'}}'}}", "{{x}}" },
  { "{{\"a\\n\\t\\\"\\\\\"}}", "a\n\t\"\\" },
  { "{ {x} } }}", "{ {x} } }}" },
  { "{{reason | upper}}{{reason|lower}}", "BACKOFFbackoff" },
  { "{{message | oneline | trim}}", "Back-off restarting failed container" },
  { "[{{reason | pad 10}}]", "[BackOff   ]" },
  { "[{{reason | pad 3}}]", "[BackOff]" },
  { "[{{'é' | pad 3}}]", "[é  ]" },
  { "{{reason | truncate 7}}", "BackOff" },
  { "{{reason | truncate 6}}", "BackO…" },
  { "{{reason | truncate 1}}", "…" },
  { "{{'naïve日本' | truncate 6}}", "naïve…" },
  { "{{'naïve日本' | truncate 7}}", "naïve日本" },
  { "{{involvedObject.namespace | default \"default\"}}", "default" },
  { "{{action | default '-' }}", "-" },
  { "{{count | default '-' }}", "12" },
  { "{{lastTimestamp | date \"%H:%M\"}}", "05:01" },
  { "{{time | date '%Y-%m-%d'}}", "2026-11-23" },
  { "{{firstTimestamp | date '%Y'}}", "" },
  { "{{eventTime | date '%Y' | default 'never'}}", "never" },
  { "{{metadata.ownerReferences}}", '[{"name":"first"},{"name":"second"}]' },
  { "{{reason | json}} {{count | json}} {{action | json}}", '"BackOff" 12 null' },
}

describe("template", function()
  for _, case in ipairs(texts) do
    it(("%q"):format(case[1]), function()
      assert.equal(case[2], template.compile(case[1])(pod))
    end)
  end

  it("can be used again and again, and by many", function()
    local line = template.compile("{{reason}}-{{count}}")
    local other = template.compile("<{{reason}}>")
    assert.equal("BackOff-12", line(pod))
    assert.equal("Pulled-0", line({ reason = "Pulled", count = 0 }))
    assert.equal("<BackOff>", other(pod))
    assert.equal("-", line({}))
  end)

  local mistakes = {
    { "{{reason", "template:1:1: '{{' without '}}'" },
    { "ab {{}}", "template:1:6: a field name or a string is expected here" },
    { "{{reason}\n}", "template:1:9: '|' or '}}' is expected here" },
    { "one\ntwo {{ reason x }}", "template:2:15: '|' or '}}' is expected here" },
    { "{{reason.}}", "template:1:10: a field name is expected behind '.'" },
    { "{{metadata.labels[x]}}", "template:1:19: a quoted key or a position from 1 on is expected behind '['" },
    { "{{metadata.labels[\"x\"}}", "template:1:22: ']' is expected here" },
    { "{{'x}}", "template:1:3: string without its closing '" },
    { "{{reason | }}", "template:1:12: the name of a filter is expected behind '|'" },
    { "{{reason | uper}}", "template:1:12: unknown filter 'uper'; did you mean 'upper'?" },
    { "{{reason | truncate}}", "template:1:12: filter truncate takes a number of characters" },
    { "{{reason | truncate 0}}", "template:1:12: filter truncate takes a number of characters" },
    { "{{reason | upper 3}}", "template:1:12: filter upper takes no argument" },
    { "{{reason | date '*t'}}", "template:1:12: filter date takes a strftime format" },
    { "{{involvedObject.nmae}}", "template:1:3: no field 'nmae' in involvedObject; did you mean 'name'?" },
    { "{{reasn}}", "template:1:3: no field 'reasn' in an event; did you mean 'reason'?" },
    { "{{reason.x}}", "template:1:3: 'reason' is not an object, so it has no 'x'" },
    { 5, "template.compile takes a text, not a number" },
  }
  for _, case in ipairs(mistakes) do
    it("refuses: " .. case[2], function()
      local ok, message = pcall(function()
        local compiled = template.compile(case[1])
        return compiled
      end)
      assert.is_false(ok)
      assert.truthy(message:find(case[2], 1, true), message)
    end)
  end

  it("says what is wrong with a time that is none", function()
    assert.has_error(function()
      template.compile("{{reason | date '%Y'}}")(pod)
    end, 'filter date: not an RFC 3339 time: "BackOff"')
  end)
end)

describe("template on events", function()
  local event

  setup(function()
    event = mooncrier.event([[{"kind":"Event","apiVersion":"v1","metadata":{"name":"api.1","namespace":"prod",
      "labels":{"a.b/c":"x"},"ownerReferences":[{"name":"owner","uid":"1"}]},"involvedObject":{"kind":"Pod",
      "name":"api-7f"},"reason":"BackOff","message":"gone","source":{"component":"kubelet"},"count":3,
      "firstTimestamp":null,"lastTimestamp":"2026-11-23T05:01:40Z","type":"Warning","eventTime":null,
      "severity":{"level":4},"reportingComponent":"","reportingInstance":""}]])
  end)

  local on_events = {
    { "{{type}} {{metadata.namespace}}/{{involvedObject.name}} x{{occurrences}}", "Warning prod/api-7f x3" },
    { "{{metadata.labels['a.b/c']}}{{metadata.labels.none}}", "x" },
    { "{{metadata.ownerReferences[1].name}}", "owner" },
    { "{{severity.level}}{{other}}", "4" },
    { "{{series.count}}|{{related.name}}|{{action}}|{{firstTimestamp}}", "0|||" },
    { "{{lastTimestamp}} {{time | date '%H:%M:%S'}}", "2026-11-23T05:01:40Z 05:01:40" },
    { "{{source}} {{change}} {{kind}}", '{"component":"kubelet"} new Event' },
    { "{{metadata.labels}}", '{"a.b/c":"x"}' },
  }
  for _, case in ipairs(on_events) do
    it(case[1], function()
      assert.equal(case[2], template.compile(case[1])(event))
    end)
  end

  it("reads every event of the real data", function()
    local line = template.compile("{{type | default '-'}} {{involvedObject.kind}}/{{involvedObject.name}} {{message}}")
    local n = 0
    for ev in mooncrier.events("examples/data/events.jsonl") do
      n = n + 1
      assert.equal((ev.type == "" and "-" or ev.type) .. " " .. ev.involvedObject.kind .. "/"
        .. ev.involvedObject.name .. " " .. ev.message, line(ev))
    end
    assert.equal(346, n)
  end)
end)
