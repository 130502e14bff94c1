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

-- Two tables full of long keys fit into what a script may save.
local SAVED_BYTES = 450 * 1024
local FIELD_BYTES = 16 -- a field with its name, at most

-- The nodes as plain data for lru:restore, newest first, as many as fit into `bytes`.
function lru:save(bytes)
  local list, left = {}, bytes or SAVED_BYTES
  for node in self:nodes() do
    local copy = {}
    left = left - #node.key
    for field, value in pairs(node) do
      if field ~= "older" and field ~= "newer" then
        copy[field] = value
        left = left - FIELD_BYTES
      end
    end
    if left < 0 then
      break
    end
    list[#list + 1] = copy
  end
  return list
end

-- Takes over what lru:save of another table gave; keys that are there already stay.
function lru:restore(list)
  for i = #list, 1, -1 do
    local node = list[i]
    if not self.by_key[node.key] then
      self:add(node.key, node)
    end
  end
end

return lru
