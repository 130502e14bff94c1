-- The half of a watcher in a test that has a script that is a sink: its hooks, called as
-- core/script/script_sink.c calls them.

local event = require("mooncrier.event")

local run = event.run

return function(Watcher)
  -- mcr_sink_answer of core/script/sink_hooks.h.
  local answers = { [0] = "delivered", "refused", "retry", "refused" }

  -- Calls a hook of the sink script, if it has it: what it answered, and why.
  local function ask_sink(self, hook)
    local entry = self.scripts.sink[hook]
    if not entry then
      return "delivered"
    end
    run.answers = 1
    local answer, why = entry()
    run.answers = 0
    return answers[answer], why
  end

  function Watcher:open_sink()
    self.waiting = {}
    local answer, why = self:within(1, ask_sink, self, "open")
    if answer ~= "delivered" then
      error(("%s: open: %s"):format(self.setup.scripts[1].name, tostring(why)), 0)
    end
  end

  local MAX_WAITING = 256

  local function settle(self, outcome, answer, why)
    outcome.outcome, outcome.reason = answer, why
    self.result[answer] = self.result[answer] + 1
  end

  -- One event into the sink script. With a flush hook, its answer is that of all events since the last.
  function Watcher:write(view)
    local outcome = { input = view, at = self.now }
    self.result[#self.result + 1] = outcome
    local answer, why = self:within(1, function()
      run.slot, self.slots[0].handle = self.slots, view.handle
      return ask_sink(self, "write")
    end)
    if answer ~= "delivered" or not self.scripts.sink.flush then
      settle(self, outcome, answer, why)
      return outcome
    end
    self.waiting[#self.waiting + 1] = outcome
    if #self.waiting == MAX_WAITING then
      self:flush()
    end
    return outcome
  end

  -- There is nothing more to do for now.
  function Watcher:flush()
    local waiting = self.waiting
    self.waiting = {}
    if #waiting > 0 then
      local answer, why = self:within(1, ask_sink, self, "flush")
      for _, outcome in ipairs(waiting) do
        settle(self, outcome, answer, why)
      end
    end
  end

  function Watcher:close_sink()
    self:flush()
    self:within(1, ask_sink, self, "close")
  end
end
