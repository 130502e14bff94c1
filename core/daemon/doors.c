#include "daemon/doors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "daemon/admin.h"
#include "daemon/control.h"
#include "daemon/control_path.h"
#include "daemon/own_folder.h"

struct mcr_doors {
    mcr_live *live;
    mcr_control *control; // NULL: none
    mcr_admin *admin;     // NULL: none
    mcr_buf path;         // of its socket
    char *real;           // the same, absolute
    mcr_buf sign;         // a symbolic link that leads there; empty: none
};

// Leaves a link to the socket where it is looked for when the configuration cannot be read.
static void put_up_sign(mcr_doors *d, const char *config_path)
{
    mcr_errbuf why;
    mcr_control_usual_path(config_path, false, &d->sign);
    bool made = !mcr_control_make_folder(d->sign.ptr, &why);
    char old[8];
    if (made && readlink(d->sign.ptr, old, sizeof old) > 0)
        unlink(d->sign.ptr);
    if (made && symlink(d->live->socket, d->sign.ptr) == 0)
        return;
    mcr_log(MCR_LOG_DEBUG, "no link to the control socket at %s", d->sign.ptr);
    d->sign.len = 0;
}

static void take_down_sign(mcr_doors *d)
{
    if (!d->sign.len || !d->real)
        return;
    char *leads = realpath(d->sign.ptr, NULL);
    if (leads && strcmp(leads, d->real) == 0)
        unlink(d->sign.ptr);
    free(leads);
}

static mcr_err open_control(mcr_doors *d, struct ev_loop *loop, mcr_errbuf *err)
{
    const mcr_config *config = d->live->app->config;
    bool asked_for = config->control || config->state_dir;
    if (!mcr_control_path(config, &d->path))
        return MCR_OK;
    mcr_err code = MCR_OK;
    if (!asked_for)
        code = mcr_control_make_folder(d->path.ptr, err);
    else if (!config->control)
        code = mcr_own_folder_make(config->state_dir, err);
    if (!code)
        d->control = mcr_control_new(loop, d->live, d->path.ptr, &code, err);
    if (d->control) {
        d->real = realpath(d->path.ptr, NULL);
        d->live->socket = d->real ? d->real : d->path.ptr;
        if (asked_for)
            put_up_sign(d, config->path);
        return MCR_OK;
    }
    if (asked_for)
        return MCR_EIO;
    mcr_log(MCR_LOG_WARN, "%s; this process takes no commands (mooncrier status, reload, rollback)",
            err->text);
    return MCR_OK;
}

static mcr_err open_admin(mcr_doors *d, struct ev_loop *loop, mcr_errbuf *err)
{
    const mcr_config_admin *config = &d->live->app->config->admin;
    if (!config->listen)
        return MCR_OK;
    mcr_errbuf why;
    d->admin = mcr_admin_new(loop, d->live, config, &why);
    if (!d->admin)
        return mcr_errf(err, MCR_EIO, "admin: %s", why.text);
    d->live->admin = mcr_admin_address(d->admin);
    mcr_log(MCR_LOG_INFO, "admin requests are taken at http://%s", d->live->admin);
    return MCR_OK;
}

mcr_doors *mcr_doors_open(struct ev_loop *loop, mcr_live *live, mcr_errbuf *err)
{
    mcr_doors *d = mcr_zalloc(sizeof *d);
    d->live = live;
    if (!open_admin(d, loop, err) && !open_control(d, loop, err))
        return d;
    mcr_doors_close(d);
    return NULL;
}

void mcr_doors_close(mcr_doors *d)
{
    if (!d)
        return;
    d->live->socket = d->live->admin = NULL;
    take_down_sign(d);
    mcr_control_free(d->control);
    mcr_admin_free(d->admin);
    free(d->real);
    mcr_buf_fini(&d->path);
    mcr_buf_fini(&d->sign);
    free(d);
}
