#!/usr/bin/env bash
# The man pages are well-formed mdoc.
. "$(dirname "$0")/sources.bash"
mandoc -T lint -W warning core/cli/mooncrier.1 core/cli/mooncrier-lua.7
