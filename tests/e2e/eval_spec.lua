local h = require("tests.e2e.harness")

describe("mooncrier eval", function()
  local place
  before_each(function() place = h.place() end)
  after_each(function() place:remove() end)

  local function eval(code, input, ...)
    local args = { "eval", ... }
    args[#args + 1] = code
    return place:run(args, { stdin = input })
  end

  local three = h.event("a") .. "\n" .. h.event("b", { type = "Normal" }) .. "\n"
    .. h.event("c", { count = 5 }) .. "\n"

  -- What the value of the expression does to the events of `three`.
  for code, names in pairs({
    ["true"] = { "a", "b", "c" },
    ["false"] = {},
    ["nil"] = {},
    ["0"] = { "a", "b", "c" },
    ['"text"'] = { "a", "b", "c" },
    ["event"] = { "a", "b", "c" },
    ['event.type == "Warning"'] = { "a", "c" },
    ['event.type == "Warning" and event.count > 3'] = { "c" },
    ["event.count > 3 and event:with{ metadata = { name = 'changed' } }"] = { "changed" },
    ["if event.count > 3 then return event end"] = { "c" },
    ["local n = event.metadata.name; return n ~= 'b'"] = { "a", "c" },
  }) do
    it("with " .. code .. " gives " .. #names .. " events", function()
      local r = eval(code, three)
      assert.same({ 0, "" }, { r.code, r.err })
      assert.same(names, h.names(r.out))
    end)
  end

  it("writes untouched events byte for byte", function()
    local odd = '{ "kind":"Event", "apiVersion":"v1","unknown":{"b":[1.50,{}],"a":null},'
      .. '"metadata":{"name":"x","namespace":"default"},"message":"caf\\u00e9 \\/"}'
    local r = eval("true", odd .. "\n")
    assert.same({ 0, odd .. "\n", "" }, { r.code, r.out, r.err })
  end)

  it("reads several files in order, and - as standard input", function()
    place:write("1.jsonl", h.event("one") .. "\n")
    place:write("2.jsonl", h.event("two") .. "\n")
    local r = place:run({ "eval", "true", "2.jsonl", "-", "1.jsonl" }, { stdin = h.event("in") .. "\n" })
    assert.same({ 0, "" }, { r.code, r.err })
    assert.same({ "two", "in", "one" }, h.names(r.out))
  end)

  it("reads gzip, from a file and from standard input", function()
    place:write("in.jsonl", three)
    place:shell("gzip in.jsonl")
    assert.same({ "a", "b", "c" }, h.names(place:run({ "eval", "true", "in.jsonl.gz" }).out))
    assert.same({ "a", "b", "c" },
      h.names(place:run({ "eval", "true" }, { stdin_file = "in.jsonl.gz" }).out))
  end)

  it("reads watch lines and gives their objects", function()
    local object = h.event("a")
    local r = eval("true", '{"type":"ADDED","object":' .. object .. "}\n"
      .. '{"type":"BOOKMARK","object":{"kind":"Event","apiVersion":"v1","metadata":{"resourceVersion":"7"}}}\n'
      .. '{"type":"MODIFIED","object":' .. object .. "}\n")
    assert.same({ 0, object .. "\n" .. object .. "\n", "" }, { r.code, r.out, r.err })
  end)

  it("reads a pretty-printed list item by item", function()
    local r = eval("true", [[{
    "apiVersion": "v1",
    "items": [
        {
            "apiVersion": "v1",
            "kind": "Event",
            "message": "two  spaces",
            "metadata": {
                "name": "first",
                "namespace": "default"
            }
        },
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": "second",
                "namespace": "default"
            }
        }
    ],
    "kind": "List",
    "metadata": {
        "resourceVersion": ""
    }
}
]])
    assert.same({ 0, "" }, { r.code, r.err })
    assert.equal('{"apiVersion":"v1","kind":"Event","message":"two  spaces","metadata":'
      .. '{"name":"first","namespace":"default"}}\n'
      .. '{"apiVersion":"v1","kind":"Event","metadata":{"name":"second","namespace":"default"}}\n', r.out)
  end)

  it("maps events.k8s.io/v1 to the same event", function()
    local r = eval([[event.involvedObject.name == "web-0" and event.message == "hello"
      and event.count == 3 and event.source.component == "kubelet"]],
      '{"kind":"Event","apiVersion":"events.k8s.io/v1","metadata":{"name":"n","namespace":"default"},'
      .. '"regarding":{"kind":"Pod","name":"web-0"},"note":"hello","deprecatedCount":3,'
      .. '"deprecatedSource":{"component":"kubelet"},"type":"Normal","eventTime":null}\n')
    assert.same({ 0, "", { "n" } }, { r.code, r.err, h.names(r.out) })
  end)

  -- kubectl's columns are six wide at least.
  it("prints custom columns as kubectl does", function()
    local r = eval("event.count ~= 1 or event.metadata.name == 'a'", three, "-o",
      "custom-columns=NAME:.metadata.name,N:.count,NO:.related.name")
    assert.same({ 0, "" }, { r.code, r.err })
    assert.equal("NAME   N     NO\na      1     <none>\nc      5     <none>\n", r.out)
  end)

  it("prints kubectl's wide columns", function()
    local r = eval("true", three, "-o", "wide")
    assert.equal(0, r.code)
    assert.matches("LAST SEEN%s+TYPE%s+REASON%s+OBJECT%s+SUBOBJECT%s+SOURCE%s+MESSAGE%s+FIRST SEEN%s+COUNT%s+NAME",
      h.lines(r.out)[1])
    assert.equal(4, #h.lines(r.out))
  end)

  it("prints the ledger with -v", function()
    local r = eval("event.count > 3", three, "-v")
    assert.equal(0, r.code)
    assert.matches("3 received = 3 decoded", r.err)
    assert.matches("2 filtered + 1 routed", r.err, 1, true)
    assert.matches("1 delivered", r.err, 1, true)
  end)

  it("takes a second value for the reason, and a comment at the end", function()
    local r = eval("event.count > 3, 'rare' -- more or less", three, "--ledger", "json")
    assert.equal(0, r.code)
    assert.same({ "c" }, h.names(r.out))
    assert.truthy(r.err:find('"rare":2', 1, true), r.err)
  end)

  it("goes on after malformed input and ends with 1", function()
    local r = eval("true", h.event("a") .. "\n{nonsense\n" .. h.event("b") .. "\n")
    assert.same({ 1, { "a", "b" } }, { r.code, h.names(r.out) })
    assert.matches("stdin:2: byte %d+: ", r.err)
    assert.equal(1, #h.lines(r.err))
  end)

  it("goes on after a script error and ends with 1", function()
    local r = eval("event.metadata.name == 'b' and event.nothing.at.all or true", three)
    assert.equal(1, r.code)
    assert.same({ "a", "c" }, h.names(r.out))
    assert.matches("nothing", r.err)
  end)

  it("names the event that a hook failed on, and what was meant", function()
    local r = eval("event.involvedobject.name == 'x'", three)
    assert.equal(1, r.code)
    local at = "mooncrier: error: watcher 'eval': handle of expression failed on default/a: expression:1: "
    assert.equal(at .. "no field 'involvedobject'; did you mean 'involvedObject'?", h.lines(r.err)[1])
    assert.equal(3, #h.lines(r.err)) -- once a minute, not for each event
  end)

  it("says when a local function stands below its use", function()
    place:write("w.lua", "local function a(event) return later(event) end\nlocal function later() end\n"
      .. "return { handle = a }\n")
    local r = place:run({ "eval", "--script", "w.lua" }, { stdin = h.event("a") .. "\n" })
    assert.matches("w.lua:1: undefined global 'later'; it is a local that is defined further down, in line 2: it must "
      .. "stand above", r.err, 1, true)
  end)

  it("warns of what can never be so", function()
    local r = eval("event.count == '3'", three)
    assert.same({ 0, "", "mooncrier: warning: expression:1: event.count is a number, which never equals \"3\"\n" },
      { r.code, r.out, r.err })
  end)

  it("says what no JSON can hold, without a place of its own code", function()
    local r = eval("{ 1, nil, 3 }", three)
    assert.equal(1, r.code)
    assert.matches("failed on default/a: expression: a table has both", r.err, 1, true)
    assert.not_matches("scripts.lua", r.err, 1, true)
  end)

  it("says nothing of a stack that tail calls have emptied", function()
    local r = eval("local e = event; return e:with{ count = 'x' }", h.event("a") .. "\n")
    assert.equal(1, r.code)
    assert.matches("count: expected an int32", r.err, 1, true)
    assert.equal(1, #h.lines(r.err))
  end)

  it("says where a syntax error is and ends with 2 or 78", function()
    local r = eval("event.type ==", three)
    assert.is_true(r.code == 2 or r.code == 78)
    assert.equal("", r.out)
    assert.matches(":1:", r.err)
  end)

  it("says which file is missing", function()
    local r = place:run({ "eval", "true", "absent.jsonl" })
    assert.equal(1, r.code)
    assert.matches("absent%.jsonl", r.err)
    assert.matches("No such file", r.err)
  end)

  it("fails on an unknown output format", function()
    local r = eval("true", three, "-o", "jason")
    assert.same({ 2, "" }, { r.code, r.out })
    assert.matches("jason", r.err)
  end)
end)
