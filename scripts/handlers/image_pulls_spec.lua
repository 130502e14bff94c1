local test = require("mooncrier.test")

describe("handlers/image_pulls", function()
  local n = 0

  local function failure(message, fields)
    n = n + 1
    local event = { reason = "Failed", type = "Warning", message = message,
                    involvedObject = { kind = "Pod", namespace = "prod", name = "web-" .. n },
                    source = { component = "kubelet", host = "edge-7" } }
    for name, value in pairs(fields or {}) do
      event[name] = value
    end
    return event
  end

  before_each(function()
    n = 0
  end)

  local cases = {
    { 'Failed to pull image "ghcr.io/x/y:1": rpc error: code = NotFound desc = failed to pull and unpack image '
      .. '"ghcr.io/x/y:1": failed to resolve reference "ghcr.io/x/y:1": ghcr.io/x/y:1: not found',
      "Image ghcr.io/x/y:1 cannot be pulled: there is no such image or tag" },
    { 'Failed to pull image "ghcr.io/x/y:1": failed to authorize: failed to fetch anonymous token: 401 Unauthorized',
      "Image ghcr.io/x/y:1 cannot be pulled: access is denied, or there is no such repository (imagePullSecrets?)" },
    { 'Failed to pull image "nginx": toomanyrequests: You have reached your pull rate limit.',
      "Images of docker.io cannot be pulled: the registry's rate limit is reached" },
    { 'Failed to pull image "library/nginx": dial tcp: lookup registry-1.docker.io on 10.0.0.10:53: no such host',
      "Images of docker.io cannot be pulled: the registry's name is not known" },
    { 'Failed to pull image "localhost:5000/a": dial tcp 127.0.0.1:5000: connect: connection refused',
      "Images of localhost:5000 cannot be pulled: the registry cannot be reached" },
    { 'Failed to pull image "r.example.com/a": x509: certificate signed by unknown authority',
      "Images of r.example.com cannot be pulled: the registry's certificate is refused" },
    { 'Failed to pull image "r.example.com/a:1": write /var/lib/x: no space left on device',
      "Node edge-7 cannot pull images: the node's disk is full" },
    { 'Failed to pull image "r.example.com/a:1": no match for platform in manifest: not found',
      "Image r.example.com/a:1 cannot be pulled: it is not made for the node's platform" },
    { 'Failed to pull image "r.example.com/a:1": something new',
      "Image r.example.com/a:1 cannot be pulled: something new" },
  }
  for _, case in ipairs(cases) do
    it("says: " .. case[2], function()
      local result = test.run("handlers/image_pulls.lua", { failure(case[1]) })
      assert.equal(case[2] .. "; 1 pod within 30 min, the last one: prod/web-1", result.emitted[1].event.message)
    end)
  end

  it("counts pods, not tries, and tells once for all that want the image", function()
    local message = 'Failed to pull image "a:1": not found'
    local one = failure(message)
    local result = test.run({ "handlers/image_pulls.lua", threshold = 2, sink = "slack" },
      { one, one, one, failure(message), failure(message) })
    assert.equal(1, #result.sinks.slack)
    assert.equal("prod/web-2", result.sinks.slack[1].event.message:match("%S+$"))
    assert.equal("ImagePullFailure", result.sinks.slack[1].event.reason)
  end)

  it("tells of a registry once, whichever image it is, and of a busy kubelet when ten pods wait", function()
    local events = {}
    for i = 1, 9 do
      events[i] = failure('Failed to pull image "r.example.com/a:1": pull QPS exceeded')
    end
    events[10] = failure('Failed to pull image "r.example.com/a:1": i/o timeout')
    events[11] = failure('Failed to pull image "r.example.com/b:2": i/o timeout')
    local result = test.run("handlers/image_pulls.lua", events)
    assert.equal(1, #result.emitted)
    events[12] = failure('Failed to pull image "r.example.com/c:3": pull QPS exceeded')
    result = test.run("handlers/image_pulls.lua", events)
    assert.equal(2, #result.emitted)
    assert.truthy(result.emitted[2].event.message:find("registryPullQPS allows; 10 pods", 1, true))
  end)

  it("leaves what is not about images, and other namespaces", function()
    local events = { failure("Error: ErrImagePull"), failure('Error: configmap "x" not found'),
                     failure('Back-off pulling image "a"', { reason = "BackOff" }),
                     failure('Failed to pull image "a": not found') }
    assert.same({}, test.run({ "handlers/image_pulls.lua", namespaces = "dev-*" }, events).emitted)
    assert.equal(1, #test.run("handlers/image_pulls.lua", events).emitted)
  end)

  it("knows the causes of real failures", function()
    local seen = {}
    local result = test.run("handlers/image_pulls.lua", "examples/data/troubles.jsonl")
    for i, one in ipairs(result.emitted) do
      seen[i] = one.event.message:match("^(.-);")
    end
    assert.same({
      "Images of no-such.invalid-registry.example cannot be pulled: the registry's name is not known",
      "Image registry.example.com/private/invoices:3.0 cannot be pulled: access is denied, or there is no such "
        .. "repository (imagePullSecrets?)",
      "Node worker-1.prod.example.com cannot pull images: its store of images is damaged",
      "Images of docker.io cannot be pulled: the registry's rate limit is reached",
      "Image registry.example.com/pay/checkout:typo-1 cannot be pulled: there is no such image or tag",
      "Images of registry.offline.example cannot be pulled: the registry cannot be reached",
      "Image registry.example.com/dev/cached:1 cannot be pulled: it is not on the node, and may not be pulled",
      "Image Registry.Example.com/UPPER:::bad cannot be pulled: its name is not well-formed",
      "Image quay.io/nosig/app:v1 cannot be pulled: rpc error: code = Unknown desc = SignatureValidationFailed: Source "
        .. "image rejected: A signature was required, but no signature exists",
      "Image registry.example.com/dev/typo:1 cannot be pulled: there is no such image or tag",
      "Image registry.example.com/stg/typo:2 cannot be pulled: there is no such image or tag",
    }, seen)
    assert.same({ 421, 0 }, { result.passed, result.dropped })
  end)

  it("hands over what was told", function()
    local watcher = test.start("handlers/image_pulls.lua")
    assert.equal(1, #watcher:send(failure('Failed to pull image "a": not found')).emitted)
    watcher:reload()
    assert.equal(0, #watcher:send(failure('Failed to pull image "a": not found')).emitted)
    watcher:stop()
  end)
end)
