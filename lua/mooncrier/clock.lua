-- The one clock of a state. The sandbox names its source through mooncrier.time; windows and the
-- `time` global read it, so that replay and tests control both.

local clock = {}

local source

-- `now` is a function that gives Unix seconds, with fraction.
function clock.set_source(now)
  source = now
end

function clock.now()
  return source()
end

return clock
