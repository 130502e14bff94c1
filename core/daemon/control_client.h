#pragma once
// Asks a running program over its control socket (daemon/control.h), and waits.

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

// mcr_control_find connects to the program that runs the configuration at `config_path` (as
// mcr_config_load takes it), or, when `socket` is not NULL, to the one that listens there. -1 with
// a sentence that names the sockets that were tried.
int mcr_control_find(const char *config_path, const char *socket, mcr_errbuf *err);

// mcr_control_ask sends one request over `fd`, which it closes, and returns the answer, to be
// deleted, within `timeout_ns`. NULL with a sentence. `folder` is that of "shadow-start", else
// NULL; `text`: asks for the form for people.
cJSON *mcr_control_ask(int fd, const char *request, const char *folder, bool text,
                       int64_t timeout_ns, mcr_errbuf *err);

// mcr_control_ask_line is the same for a whole request, a line of JSON with its newline.
cJSON *mcr_control_ask_line(int fd, mcr_str request, int64_t timeout_ns, mcr_errbuf *err);

// mcr_control_send sends one request, a line of JSON with its newline, for which there is more than
// one answer (`tap`); `fd` stays open. MCR_ESTOPPED with a sentence: not within `timeout_ns`.
mcr_err mcr_control_send(int fd, mcr_str line, int64_t timeout_ns, mcr_errbuf *err);
