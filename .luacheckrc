-- What user scripts see is declared here once; lua/meta/mooncrier.lua describes it for editors.
std = "luajit"
max_line_length = 120
codes = true
cache = false

exclude_files = { "build", "lua/meta", "tests/vectors" }

local script_globals = { "emit", "new_event", "log", "json", "time", "shared", "env" }

files["scripts"] = { read_globals = script_globals }
files["examples"] = { read_globals = script_globals }
files["examples/**/mooncrier.lua"] = { read_globals = { "env", "file" } }
files["**/*_spec.lua"] = { std = "luajit+busted", read_globals = {} }
files["tests/lua"] = { std = "luajit+busted" }
files["tests/e2e"] = { std = "luajit+busted" }
files["lua/mooncrier/sandbox.lua"] = { globals = { "string.dump" } }
