#pragma once
// Files in a folder of the test's own.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"

static char scratch[] = "/tmp/mooncrier-net-XXXXXX";

static inline int scratch_make(void **state)
{
    (void)state;
    return mkdtemp(scratch) ? 0 : -1;
}

static inline int scratch_remove(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", scratch);
    return system(command);
}

// The path of `name` in the folder; good until the fourth call from here.
static inline const char *scratch_path(const char *name)
{
    static char paths[4][256];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

// Writes a file; "@" in its text becomes the path of the folder.
static inline const char *scratch_write(const char *name, const char *text)
{
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (; *text; text++)
        if (*text == '@')
            fputs(scratch, file);
        else
            fputc(*text, file);
    fclose(file);
    return path;
}
