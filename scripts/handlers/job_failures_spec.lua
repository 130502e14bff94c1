local test = require("mooncrier.test")

describe("handlers/job_failures", function()
  local function of(kind, name, reason, message)
    return { reason = reason, message = message, involvedObject = { kind = kind, namespace = "batch", name = name } }
  end

  local function failed(name)
    return of("Job", name, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
  end

  local function messages(result)
    local list = {}
    for i, one in ipairs(result.emitted) do
      list[i] = one.event.message
    end
    return list
  end

  it("tells of a Job at once, and once", function()
    local result = test.run({ "handlers/job_failures.lua", threshold = 3 }, {
      of("Job", "migrate", "PodFailurePolicy", "Container app failed with exit code 42"), failed("migrate"),
    })
    assert.same({ "Job batch/migrate failed: Container app failed with exit code 42" }, messages(result))
    assert.same({ "JobFailure", "Warning", "migrate" }, { result.emitted[1].event.reason,
      result.emitted[1].event.type, result.emitted[1].event.involvedObject.name })
  end)

  it("tells of a CronJob when so many in a row have failed", function()
    local watcher = test.start({ "handlers/job_failures.lua", threshold = 2, sink = "slack" })
    watcher:send(failed("report-29923510"))
    watcher:send(of("Job", "report-29923511", "Completed", "Job completed"))
    watcher:send(failed("report-29923512"))
    watcher:send(failed("other-29923512"))
    assert.is_nil(watcher.result.sinks.slack)
    watcher:reload()
    watcher:send(of("Job", "report-29923513", "DeadlineExceeded", "Job was active longer than specified deadline"))
    watcher:send(failed("report-29923514"))
    assert.same({ "CronJob batch/report failed 2 times in a row, the last time with Job report-29923513: "
      .. "Job was active longer than specified deadline" }, messages(watcher:stop()))
  end)

  it("counts a Job once, whatever is told of it", function()
    local both = { of("Job", "report-29923510", "PodFailurePolicy", "exit code 42"), failed("report-29923510") }
    assert.same({}, messages(test.run({ "handlers/job_failures.lua", threshold = 2 }, both)))
    both[3] = failed("report-29923511")
    assert.equal(1, #messages(test.run({ "handlers/job_failures.lua", threshold = 2 }, both)))
  end)

  it("tells of schedules that are missed, each once", function()
    local missed = of("CronJob", "report", "MissSchedule",
      "Missed scheduled time to start a job: Mon, 23 Nov 2026 05:10:00 UTC")
    assert.same({ "CronJob batch/report failed once, the last time with CronJob report: Missed scheduled time to start "
      .. "a job: Mon, 23 Nov 2026 05:10:00 UTC" },
      messages(test.run("handlers/job_failures.lua", { missed, missed })))
    assert.same({}, messages(test.run({ "handlers/job_failures.lua", threshold = 2 }, { missed, missed })))
  end)

  it("leaves pods, what Jobs do besides, and other namespaces", function()
    local events = { of("Pod", "report-29923510-abcde", "BackoffLimitExceeded", "x"),
                     of("Job", "report-29923510", "SuccessfulCreate", "Created pod: x"),
                     of("Job", "report-29923510", "FailedCreate", "exceeded quota"), failed("gone") }
    events[4].change = "deleted"
    assert.same({}, messages(test.run("handlers/job_failures.lua", events)))
    assert.same({}, messages(test.run({ "handlers/job_failures.lua", namespaces = "prod-*" }, { failed("a") })))
  end)

  it("finds the failures among real events", function()
    local names = {}
    local result = test.run("handlers/job_failures.lua", "examples/data/troubles.jsonl")
    for i, message in ipairs(messages(result)) do
      names[i] = message:match("^%S+ %S+")
    end
    assert.same({ "Job staging-batch/policy", "Job staging-batch/deadline", "Job staging-batch/fails",
                  "CronJob staging-quota/over-quota", "CronJob staging-batch/report-5",
                  "CronJob staging-batch/report-2", "CronJob staging-batch/report-1" }, names)
    result = test.run({ "handlers/job_failures.lua", threshold = 3 }, "examples/data/troubles.jsonl")
    assert.equal("CronJob staging-batch/report-5 failed 3 times in a row", messages(result)[4]:match("^(.-),"))
    assert.equal(421, result.passed)
  end)
end)
