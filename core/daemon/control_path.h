#pragma once
// Where the control socket of a running program is, found by itself and by `mooncrier status`,
// `reload` and `rollback` in the same way:
//
//   1. `control` of the configuration ("none": nowhere)
//   2. control.sock in its `state_dir`
//   3. $XDG_RUNTIME_DIR/mooncrier/HASH.sock, or without that variable /tmp/mooncrier-UID/HASH.sock;
//      HASH is of the configuration's path, its folder free of symbolic links
//
// A program that listens at 1 or 2 leaves a symbolic link at 3, so that it is also found when its
// configuration cannot be read any more.

#include "base/buf.h"
#include "config/config.h"

// mcr_control_path appends where the program of this configuration listens. False: nowhere.
bool mcr_control_path(const mcr_config *config, mcr_buf *out);

// mcr_control_usual_path appends place 3 for the configuration at `config_path`; `anyway`: that
// without XDG_RUNTIME_DIR.
void mcr_control_usual_path(const char *config_path, bool anyway, mcr_buf *out);

// mcr_control_make_folder makes the folder of a path of place 3.
mcr_err mcr_control_make_folder(const char *path, mcr_errbuf *err);

// mcr_control_absolute appends the path of a configuration without "." and symbolic links in its
// folder; the file itself may be one, which a mounted ConfigMap exchanges.
void mcr_control_absolute(const char *config_path, mcr_buf *out);
