-- What kubectl 1.28 and newer send, word for word, sent with curl: for machines without a kubectl.

local cjson = require("cjson")
local h = require("tests.e2e.harness")
local served = require("tests.e2e.served")

local AGENT = "kubectl/v1.32.0 (linux/amd64) kubernetes/70d3cc9"
local TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,"
  .. "application/json"

-- Follows "$ref" and a lone "allOf".
local function resolved(document, schema)
  local ref = schema["$ref"] or schema.allOf and schema.allOf[1]["$ref"]
  if not ref then return schema end
  local place, name = document.components and document.components.schemas, ref:match("^#/components/schemas/(.+)$")
  if document.definitions then
    place, name = document.definitions, ref:match("^#/definitions/(.+)$")
  end
  return assert(place[assert(name, ref)], ref .. " leads nowhere")
end

-- Every schema below has a type that `kubectl explain` can name; the paths of all fields.
local function explain(document, schema, path, paths, depth)
  schema = resolved(document, schema)
  assert.is_string(schema.type, path)
  paths[path] = schema.type
  assert.is_true(depth < 8, path)
  if schema.items then explain(document, schema.items, path .. "[]", paths, depth + 1) end
  if schema.additionalProperties then
    assert.is_table(schema.additionalProperties, path)
    explain(document, schema.additionalProperties, path .. "{}", paths, depth + 1)
  end
  for name, property in pairs(schema.properties or {}) do
    assert.is_string(property.description, path .. "." .. name)
    explain(document, property, path .. "." .. name, paths, depth + 1)
  end
  for _, name in ipairs(schema.required or {}) do assert.is_table(schema.properties[name], name) end
  return paths
end

local function schema_of_event(schemas)
  local found
  for _, schema in pairs(schemas) do
    for _, kind in ipairs(schema["x-kubernetes-group-version-kind"] or {}) do
      if kind.kind == "Event" then
        assert.is_nil(found)
        found = schema
      end
    end
  end
  return assert(found)
end

describe("serve answers what kubectl sends", function()
  local place, server
  setup(function()
    place = h.place()
    server = served.start(place)
    for i = 1, 3 do
      server:create("a", "web." .. i, { count = i, lastTimestamp = ("2026-11-23T05:0%d:00Z"):format(4 - i) })
    end
  end)
  teardown(function()
    server:stop()
    place:remove()
  end)

  local function ask(method, path, accept, body, content_type)
    return server:request(method, path, { body = body, headers = {
      Accept = accept or "application/json",
      ["User-Agent"] = AGENT,
      ["Content-Type"] = content_type,
      ["Kubectl-Command"] = "kubectl get",
      ["Accept-Encoding"] = "gzip",
    } })
  end

  for _, version in ipairs({ "v2", "v2beta1" }) do
    it("is discovered at once, " .. version, function()
      local accept = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
      if version == "v2" then
        accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList," .. accept
      end
      for path, group in pairs({ ["/api?timeout=32s"] = "", ["/apis?timeout=32s"] = "events.k8s.io" }) do
        local r = ask("GET", path, accept)
        assert.same({ 200, "application/json;g=apidiscovery.k8s.io;v=" .. version .. ";as=APIGroupDiscoveryList" },
          { r.status, r.headers["content-type"] })
        assert.same({ "APIGroupDiscoveryList", "apidiscovery.k8s.io/" .. version }, { r.json.kind, r.json.apiVersion })
        assert.equal(group, r.json.items[1].metadata.name or "")
        local resource = r.json.items[1].versions[1].resources[1]
        assert.same({ "events", "Event", "Namespaced", "event" },
          { resource.resource, resource.responseKind.kind, resource.scope, resource.singularResource })
        assert.same({ "create", "delete", "deletecollection", "get", "list", "patch", "update", "watch" },
          resource.verbs)
        -- What events are about is known, and nothing can be done with it.
        for i, item in ipairs(r.json.items) do
          for k, other in ipairs(item.versions[1].resources) do
            if k > 1 or i > 1 then assert.same({}, other.verbs) end
          end
        end
      end
    end)
  end

  it("is discovered by old clients, and tells its version", function()
    assert.same({ "v1" }, ask("GET", "/api?timeout=32s", "application/json, */*").json.versions)
    local groups = ask("GET", "/apis?timeout=32s", "application/json, */*").json.groups
    assert.equal("events.k8s.io/v1", groups[1].preferredVersion.groupVersion)
    for _, path in ipairs({ "/api/v1", "/apis/events.k8s.io/v1" }) do
      local list = ask("GET", path .. "?timeout=32s", "application/json, */*").json
      assert.same({ "APIResourceList", "events", "ev" }, { list.kind, list.resources[1].name,
        list.resources[1].shortNames[1] })
    end
    assert.matches("^v1%.32", ask("GET", "/version?timeout=32s", "application/json, */*").json.gitVersion)
  end)

  it("has OpenAPI documents that create, apply and explain can use", function()
    local index = ask("GET", "/openapi/v3?timeout=32s", "application/json, */*").json.paths
    for path, wanted in pairs({
      ["api/v1"] = { "", "/api/v1", "involvedObject" },
      ["apis/events.k8s.io/v1"] = { "events.k8s.io", "/apis/events.k8s.io/v1", "regarding" },
    }) do
      local r = ask("GET", index[path].serverRelativeURL)
      local document = r.json
      assert.same({ 200, "application/json" }, { r.status, r.headers["content-type"] })
      assert.equal("3.0.0", document.openapi)
      local kind = { group = wanted[1], version = "v1", kind = "Event" }
      -- How kubectl finds out whether the server validates fields, and whether it patches.
      local item = document.paths[wanted[2] .. "/namespaces/{namespace}/events/{name}"]
      assert.same(kind, item.patch["x-kubernetes-group-version-kind"])
      assert.equal("patch", item.patch["x-kubernetes-action"])
      local names = {}
      for _, parameter in ipairs(item.patch.parameters) do names[parameter.name] = parameter["in"] end
      assert.equal("query", names.fieldValidation)
      for _, parameter in ipairs(item.parameters) do
        assert.same({ "path", true }, { parameter["in"], parameter.required })
      end
      local list = document.paths[wanted[2] .. "/namespaces/{namespace}/events"]
      assert.same(kind, list.get["x-kubernetes-group-version-kind"])
      local paths = explain(document, schema_of_event(document.components.schemas), "event", {}, 0)
      assert.equal("object", paths["event." .. wanted[3]])
      assert.equal("string", paths["event.metadata.labels{}"])
      assert.equal("string", paths["event.metadata.ownerReferences[].uid"])
      assert.equal("integer", paths["event.series.count"])
      -- All that an answer has is in it.
      local event = ask("GET", wanted[2] .. "/namespaces/a/events/web.1").json
      for name in pairs(event) do assert.is_string(paths["event." .. name], name) end
      for name in pairs(event.metadata) do assert.is_string(paths["event.metadata." .. name], name) end
    end
    local v2 = ask("GET", "/openapi/v2").json
    explain(v2, v2.definitions["io.k8s.api.core.v1.Event"], "event", {}, 0)
    assert.equal(406, ask("GET", "/openapi/v2", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf").status)
  end)

  it("gets tables, with objects for --sort-by, and watches them", function()
    local path = "/api/v1/namespaces/a/events"
    local list = ask("GET", path .. "?limit=500", TABLE).json
    assert.same({ "Table", "meta.k8s.io/v1", 3 }, { list.kind, list.apiVersion, #list.rows })
    assert.equal("PartialObjectMetadata", list.rows[1].object.kind)
    local object = ask("GET", path .. "?includeObject=Object&limit=500", TABLE).json.rows[1].object
    assert.same({ "Event", "2026-11-23T05:03:00Z" }, { object.kind, object.lastTimestamp })
    local r = ask("GET", path .. "?includeObject=Object&resourceVersion=2&timeoutSeconds=1&watch=true", TABLE)
    local lines = h.lines(r.body)
    local first = h.decode(lines[1])
    assert.same({ 1, "ADDED", "Table", "web.3" },
      { #lines, first.type, first.object.kind, first.object.rows[1].object.metadata.name })
    assert.equal(#list.columnDefinitions, #first.object.columnDefinitions)
    local one = ask("GET", path .. "/web.2", TABLE).json
    assert.same({ "Table", 1 }, { one.kind, #one.rows })
  end)

  it("lists and watches for `kubectl events`", function()
    local path = "/api/v1/namespaces/a/events"
    local list = ask("GET", path .. "?fieldSelector=involvedObject.kind%3DPod%2CinvolvedObject.name%3Dweb-0&limit=2",
      "application/json, */*").json
    assert.same({ "EventList", 2 }, { list.kind, #list.items })
    local rest = ask("GET", path .. "?fieldSelector=involvedObject.kind%3DPod%2CinvolvedObject.name%3Dweb-0&limit=2"
      .. "&continue=" .. list.metadata.continue, "application/json, */*").json
    assert.same({ "web.3", list.metadata.resourceVersion }, { rest.items[1].metadata.name,
      rest.metadata.resourceVersion })
    local r = ask("GET", path .. "?resourceVersion=" .. list.metadata.resourceVersion
      .. "&timeoutSeconds=1&watch=true", "application/json, */*")
    assert.same({ 200, "" }, { r.status, r.body })
  end)

  it("creates, patches, applies and deletes", function()
    local path = "/api/v1/namespaces/a/events"
    local query = "?fieldManager=kubectl-create&fieldValidation=Strict"
    local event = { apiVersion = "v1", kind = "Event", metadata = { name = "made", namespace = "a" },
      involvedObject = { kind = "Pod", name = "w", namespace = "a" }, reason = "Tried" }
    local r = ask("POST", path .. query, nil, cjson.encode(event))
    assert.equal(201, r.status, r.body)
    local who = r.json.metadata.managedFields[1]
    assert.same({ "kubectl-create", "Update", "v1", "FieldsV1" }, { who.manager, who.operation, who.apiVersion,
      who.fieldsType })
    assert.same({ 409, "AlreadyExists" }, { ask("POST", path .. query, nil, cjson.encode(event)).status,
      ask("POST", path .. query, nil, cjson.encode(event)).json.reason })
    event.metadata.name, event.mesage = "odd", "misspelt"
    r = ask("POST", path .. query, nil, cjson.encode(event))
    assert.equal(400, r.status)
    assert.matches('strict decoding error: unknown field "mesage"', r.json.message, 1, true)
    r = ask("PATCH", path .. "/made?fieldManager=kubectl-patch", nil, '{"count":7}',
      "application/strategic-merge-patch+json")
    assert.same({ 200, 7 }, { r.status, r.json.count })
    r = ask("PATCH", path .. "/made?fieldManager=kubectl-label", nil, '{"metadata":{"labels":{"app":"web"}}}',
      "application/merge-patch+json")
    assert.equal("web", r.json.metadata.labels.app)
    r = ask("PATCH", path .. "/made?fieldManager=kubectl&fieldValidation=Strict&force=false", nil,
      "apiVersion: v1\nkind: Event\nmetadata: {name: made, namespace: a}\nmessage: applied\n"
        .. "involvedObject: {kind: Pod, name: w, namespace: a}\n", "application/apply-patch+yaml")
    assert.same({ 200, "applied" }, { r.status, r.json.message }, r.body)
    r = ask("DELETE", path .. "/made", nil, '{"propagationPolicy":"Background"}')
    assert.same({ 200, "Success" }, { r.status, r.json.status })
    assert.equal(404, ask("GET", path .. "/made").status)
  end)
end)
