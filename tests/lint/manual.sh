#!/usr/bin/env bash
# The man page is well-formed mdoc.
. "$(dirname "$0")/sources.bash"
mandoc -T lint -W warning core/cli/mooncrier.1
