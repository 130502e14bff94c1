#include "config/config_live.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define MS INT64_C(1000000)

static const mcr_option reload_options[] = {
    { "watch", MCR_OPTION_BOOL, offsetof(mcr_config_reload, watch), NULL,
      "whether a changed file causes a reload (true)" },
    { "debounce", MCR_OPTION_DURATION, offsetof(mcr_config_reload, debounce), NULL,
      "how long files must rest before they are read (100ms)" },
    { "poll", MCR_OPTION_DURATION, offsetof(mcr_config_reload, poll), NULL,
      "how often contents are compared even if the system tells of no change (30s)" },
    { "last_good", MCR_OPTION_BOOL, offsetof(mcr_config_reload, last_good), NULL,
      "whether a start with broken scripts takes the last ones that ran, from state_dir (true)" },
    { "events", MCR_OPTION_BOOL, offsetof(mcr_config_reload, events), NULL,
      "whether a reload that fails is an event, too, which all watchers get (true)" },
    { NULL, MCR_OPTION_STRING, 0, NULL, NULL },
};

static const mcr_option admin_options[] = {
    { "listen", MCR_OPTION_STRING, offsetof(mcr_config_admin, listen), NULL,
      "where HTTP requests to the program itself are taken, such as \"127.0.0.1:9464\" (nowhere)" },
    { "anywhere", MCR_OPTION_BOOL, offsetof(mcr_config_admin, anywhere), NULL,
      "allows an address that other machines reach (false)" },
    { NULL, MCR_OPTION_STRING, 0, NULL, NULL },
};

void mcr_config_live_defaults(mcr_config *c)
{
    c->reload = (mcr_config_reload){
        .watch = true, .debounce = 100 * MS, .poll = 30000 * MS, .last_good = true, .events = true
    };
}

// A path as the configuration means it: relative to its own folder.
static mcr_err read_path(mcr_config *c, mcr_config_reader *r, const char *key, char **out)
{
    mcr_err code = mcr_config_string(r, "", key, out);
    if (code || !*out || **out == '/' || strcmp(*out, "none") == 0)
        return code;
    mcr_buf path = { 0 };
    mcr_buf_printf(&path, "%s/%s", c->dir, *out);
    free(*out);
    *out = mcr_strdup(mcr_buf_cstr(&path));
    mcr_buf_fini(&path);
    return MCR_OK;
}

static mcr_err read_table(mcr_config_reader *r, const char *key, const mcr_option *list, void *into)
{
    static const char *const none[] = { NULL };
    bool found;
    mcr_err code = mcr_config_open_table(r, "", key, &found); // config [table]
    if (code || !found)
        return code;
    code = mcr_config_options(r, key, list, none, into);
    lua_pop(r->L, 1); // config
    return code;
}

// Whether nobody but this machine reaches it.
static bool is_loopback(const char *listen)
{
    static const char *const begins[] = { "localhost:", "[::1]:" };
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (strncmp(listen, begins[i], strlen(begins[i])) == 0)
            return true;
    return strncmp(listen, "127.", 4) == 0 && listen[strspn(listen, "0123456789.")] == ':';
}

static mcr_err check_admin(mcr_config_reader *r, const mcr_config_admin *admin)
{
    if (!admin->listen || admin->anywhere || is_loopback(admin->listen))
        return MCR_OK;
    return mcr_config_fail(r, "admin", "listen",
                           "other machines could reach '%s', and there is no authentication; "
                           "listen on 127.0.0.1, or allow it by anywhere = true",
                           admin->listen);
}

mcr_err mcr_config_read_live(mcr_config *c, mcr_config_reader *r)
{
    mcr_err code = read_path(c, r, "state_dir", &c->state_dir);
    const char *given = getenv(MCR_STATE_DIR_VARIABLE);
    if (given && *given) {
        free(c->state_dir);
        c->state_dir = mcr_strdup(given);
    }
    if (!code)
        code = read_path(c, r, "control", &c->control);
    if (!code)
        code = read_table(r, "reload", reload_options, &c->reload);
    if (!code)
        code = read_table(r, "admin", admin_options, &c->admin);
    if (!code)
        code = check_admin(r, &c->admin);
    return code;
}

void mcr_config_live_fini(mcr_config *c)
{
    free(c->state_dir);
    free(c->control);
    free(c->admin.listen);
}
