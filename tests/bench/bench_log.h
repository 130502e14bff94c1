#pragma once

// bench_log measures structured klog lines through the file sink to /dev/null, beside a line made
// by snprintf and strftime. Prints one JSON line and returns an exit code.
int bench_log(void);
