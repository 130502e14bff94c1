#pragma once
// What is valid but does nothing, or hardly what was meant: hooks that nobody calls, a correlator
// that goes another way than its sinks.

#include "config/config.h"

// mcr_config_warn logs a warning for each such thing of the watcher, whose scripts are loaded
// (NULL: it has none).
void mcr_config_warn(const mcr_config *config, const mcr_config_watcher *w,
                     const mcr_scripts *scripts);
