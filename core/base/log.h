#pragma once
// The program's own words, one line each on stderr: "mooncrier: warning: …". Events never go here.
// Any thread may log; a line is one write(2). C programs take the lines by mcr_set_log
// (mooncrier.h).

typedef enum mcr_log_level {
    MCR_LOG_ERROR,
    MCR_LOG_WARN,
    MCR_LOG_INFO,
    MCR_LOG_DEBUG
} mcr_log_level;

// mcr_log_set_level drops what is less urgent than `level` from now on (default MCR_LOG_INFO).
void mcr_log_set_level(mcr_log_level level);

mcr_log_level mcr_log_get_level(void);

// mcr_log writes one line; line breaks in the text become "\n" followed by a tab.
void mcr_log(mcr_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

// mcr_log_verbatim writes `text` (with its final line break) as it is, if `level` is logged: for
// lines with a header of their own.
void mcr_log_verbatim(mcr_log_level level, const char *text);

// mcr_log_once_a_minute is mcr_log, but the same text is written at most once a minute, and of all
// texts given to it MCR_LOG_PER_MINUTE at most, errors counted apart from the rest; how many were
// held back is said with the next one. For what a script or peer can repeat at will.
enum {
    MCR_LOG_PER_MINUTE = 100
};

void mcr_log_once_a_minute(mcr_log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// mcr_log_cause_once_a_minute is the same for texts that name an event, a URL or a number: what has
// the same `cause`, a text that is not written, counts as the same, and the first one stands for
// all.
void mcr_log_cause_once_a_minute(mcr_log_level level, const char *cause, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
