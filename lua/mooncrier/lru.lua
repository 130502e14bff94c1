-- A table of nodes by key that forgets the one used longest ago when it is full. A node is a table of
-- the caller's own fields; `key`, `older` and `newer` are the list's.

local lru = {}
lru.__index = lru

function lru.new(max)
  -- The ring's fixed point: newest is ring.older, oldest is ring.newer.
  local ring = {}
  ring.older, ring.newer = ring, ring
  return setmetatable({ by_key = {}, ring = ring, n = 0, max = max, evicted = 0 }, lru)
end

local function unlink(node)
  node.older.newer, node.newer.older = node.newer, node.older
end

local function link_newest(ring, node)
  local newest = ring.older
  node.older, node.newer = newest, ring
  newest.newer, ring.older = node, node
end

-- The node of `key`, now the newest; nil when there is none.
function lru:touch(key)
  local node = self.by_key[key]
  local ring = self.ring
  if node and ring.older ~= node then
    unlink(node)
    link_newest(ring, node)
  end
  return node
end

-- The node of `key` without touching it.
function lru:peek(key)
  return self.by_key[key]
end

-- Adds a node for a key that has none.
function lru:add(key, node)
  if self.n >= self.max then
    self:remove(self.ring.newer.key)
    self.evicted = self.evicted + 1
  end
  node.key = key
  self.by_key[key] = node
  self.n = self.n + 1
  link_newest(self.ring, node)
  return node
end

function lru:remove(key)
  local node = self.by_key[key]
  if node then
    self.by_key[key] = nil
    self.n = self.n - 1
    unlink(node)
  end
  return node
end

-- Iterates over nodes, newest first; the node at hand may be removed meanwhile.
function lru:nodes()
  local ring = self.ring
  local coming = ring.older
  return function()
    local node = coming
    if node == ring then
      return nil
    end
    coming = node.older
    return node
  end
end

return lru
