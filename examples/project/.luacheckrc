-- luacheck: what scripts of mooncrier see.
std = "luajit"
max_line_length = 120
exclude_files = { ".mooncrier" }

read_globals = { "emit", "new_event", "log", "json", "time", "shared", "env" }

files["mooncrier.lua"] = { read_globals = { "env", "file" } }
files["**/*_spec.lua"] = { std = "+busted" }
