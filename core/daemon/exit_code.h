#pragma once
// What every command exits with (DESIGN §7).
enum {
    MCR_EXIT_OK = 0,
    MCR_EXIT_FAILED = 1, // also: some input was malformed or a script raised
    MCR_EXIT_USAGE = 2,
    MCR_EXIT_EVENTS_LEFT = 3, // a drain ended with events left
    MCR_EXIT_CONFIG = 78
};
