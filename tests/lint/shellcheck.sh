#!/usr/bin/env bash
# Shell scripts are clean by shellcheck.
. "$(dirname "$0")/sources.bash"
{
  sources tests examples -- '*.sh' '*.bash' cmd
  printf '.ci/run\0'
} | xargs -0 shellcheck --shell=bash --external-sources --source-path=SCRIPTDIR
