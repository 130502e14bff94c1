---@meta mooncrier.template
-- Written by lua/reference/write.lua from lua/mooncrier/template.lua: change that.

---Text with fields of an event in it, compiled once.
---@class mooncrier.template
local template = {}

---Compiles a template into a function that takes an event (or a table like one) and gives the text.
---
---`{{path}}` stands for a field: names with dots, any key in quotes (`metadata.labels["a.b/c"]`), a
---position from 1 on (`metadata.ownerReferences[1].name`). An absent field is the empty text, an
---object or list its JSON. `{{"{{"}}` writes braces. `{{path | filter | filter argument}}` changes it:
---
---  upper, lower      ASCII letters
---  trim              no white space at both ends
---  oneline           line ends become one space
---  truncate N        at most N characters, the last one … when something was cut
---  pad N             spaces up to N characters
---  default "x"       "x" when the field is absent or empty
---  date "%H:%M"      a time field or Unix seconds by strftime, UTC; empty when there is no time
---  json              as JSON
---
---An error in the template is raised here, with line and column.
---
---```lua
---local line = template.compile("{{type | upper}} {{involvedObject.name}}: {{message | truncate 8}}")
---line(event) --> "WARNING web-1: Back-of…"
---```
---@param text string
---@return fun(event: mooncrier.Event|table): string
function template.compile(text) end

return template
