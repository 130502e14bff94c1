local mooncrier = require("mooncrier")

describe("renderers/slack", function()
  local function load(params)
    return mooncrier.load("scripts/renderers/slack.lua", params)
  end

  local function event_of(fields)
    fields.involvedObject = fields.involvedObject or { kind = "Pod", namespace = "prod-web", name = "web-0" }
    fields.metadata = { name = "e" }
    return mooncrier.event(mooncrier.json.encode(fields))
  end

  local function rendered(fields, params)
    return (load(params):render(event_of(fields), "slack"))
  end

  local function message_of(body)
    return body.attachments[1].blocks[1].text.text
  end

  it("makes a message of a real event", function()
    local event = mooncrier.events("examples/data/events.jsonl")()
    local body, options = load({ cluster = "prod-1" }):render(event, "slack")
    assert.is_nil(options)
    assert.same({
      text = "*Warning* KubeAPIReadyz: Namespace openshift-kube-apiserver",
      attachments = {
        {
          color = "#e01e5a",
          blocks = {
            { type = "section", text = { type = "mrkdwn", text = "```readyz=true```", verbatim = true } },
            {
              type = "context",
              elements = {
                {
                  type = "mrkdwn",
                  text = "cluster *prod-1* · namespace *default* · apiserver on vm · "
                    .. "<!date^1795410100^{date_short_pretty} {time_secs}|2026-11-23T05:01:40Z>",
                  verbatim = true,
                },
              },
            },
          },
        },
      },
    }, body)
  end)

  it("escapes what events bring", function()
    local body = rendered({
      type = "Normal", reason = "<!channel>", message = "a && b <http://x|y> ```*z*```",
      involvedObject = { kind = "Pod", name = "<x>" }, count = 7,
    })
    assert.equal("*Normal* &lt;!channel&gt;: Pod &lt;x&gt;", body.text)
    assert.equal("```a &amp;&amp; b &lt;http://x|y&gt; '''*z*'''```", message_of(body))
    assert.equal("#2eb67d", body.attachments[1].color)
    assert.equal("7 times", body.attachments[1].blocks[2].elements[1].text)
  end)

  for _, case in ipairs({
    { "letters", ("x"):rep(5000), ("x"):rep(2900) },
    { "as many as may be", ("x"):rep(2900), ("x"):rep(2900), "" },
    { "characters of two bytes", "x" .. ("é"):rep(3000), "x" .. ("é"):rep(1449) },
    { "characters of three bytes", ("中"):rep(3000), ("中"):rep(966) },
    { "entities", ("&"):rep(3000), ("&amp;"):rep(580) },
    { "entities that would be split", "abc" .. ("<"):rep(3000), "abc" .. ("&lt;"):rep(724) },
  }) do
    it("cuts messages before Slack's limit: " .. case[1], function()
      assert.equal("```" .. case[3] .. (case[4] or "…") .. "```", message_of(rendered({ message = case[2] })))
    end)
  end

  it("links, names a channel and a sender when told to", function()
    local body = rendered({ type = "Warning", reason = "BackOff", message = "m",
                            involvedObject = { kind = "Pod", namespace = "a b", name = "x|y" } },
      { link = "https://d.example/{{involvedObject.namespace}}?a=1&b=2", channel = "#events", username = "crier",
        icon = ":boom:", warning = "#ff0000" })
    assert.equal("*Warning* BackOff: <https://d.example/a%20b?a=1&amp;b=2|Pod x¦y>", body.text)
    assert.same({ "#events", "crier", ":boom:", "#ff0000" },
      { body.channel, body.username, body.icon_emoji, body.attachments[1].color })
  end)

  it("tells of repeats that were held back", function()
    for repeats, text in pairs({ [5] = "namespace *prod-web* · 5 more before", [0] = "namespace *prod-web*",
                                 ["<x>"] = "namespace *prod-web*" }) do
      local body = rendered({ type = "Warning", reason = "X", repeats = repeats })
      assert.equal(text, body.attachments[1].blocks[1].elements[1].text)
    end
  end)

  it("leaves out what is not there, and deleted events", function()
    local body = rendered({ type = "Warning", reason = "X", message = " ",
                            involvedObject = { kind = "Node", name = "n" } })
    assert.same({ text = "*Warning* X: Node n" }, body)
    local deleted = mooncrier.event([[{"type":"DELETED","object":{"kind":"Event","metadata":{"name":"e"},
      "involvedObject":{"kind":"Pod","name":"p"}}}]])
    assert.is_false((load():render(deleted, "slack")))
  end)
end)
