#include "net/token_file.h"

#include <errno.h>

#include "base/log.h"
#include "net/small_file.h"

enum {
    TOKEN_MAX = 64 * 1024
};

static const int64_t LOOK_EVERY = 2 * (int64_t)1000000000;

void mcr_token_file_init(mcr_token_file *f, const char *path)
{
    *f = (mcr_token_file){ .path = path };
}

void mcr_token_file_fini(mcr_token_file *f)
{
    if (f->token.ptr)
        explicit_bzero(f->token.ptr, f->token.cap);
    mcr_buf_fini(&f->token);
}

bool mcr_token_trim(mcr_str *token)
{
    while (token->len && strchr(" \t\r\n", token->ptr[token->len - 1]))
        token->len--;
    while (token->len && strchr(" \t\r\n", *token->ptr)) {
        token->ptr++;
        token->len--;
    }
    for (size_t i = 0; i < token->len; i++)
        if ((unsigned char)token->ptr[i] < 0x20 || token->ptr[i] == 0x7f)
            return false;
    return token->len > 0;
}

static bool same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

// Looks at the file and reads it if it is not the one that was read.
static mcr_err look(mcr_token_file *f, bool anyway, mcr_errbuf *err)
{
    struct stat now_there;
    if (stat(f->path, &now_there) != 0)
        return mcr_errf(err, MCR_EIO, "token file '%s': %s", f->path, mcr_small_file_error(errno));
    if (!anyway && same(&now_there, &f->seen))
        return MCR_OK;
    mcr_buf text = { 0 };
    int errnum = mcr_small_file_read(f->path, TOKEN_MAX, &text);
    mcr_str token = mcr_buf_str(&text);
    mcr_err code = MCR_OK;
    if (errnum)
        code = mcr_errf(err, MCR_EIO, "token file '%s': %s", f->path, mcr_small_file_error(errnum));
    else if (!mcr_token_trim(&token))
        code = mcr_errf(err, MCR_EIO, "token file '%s': %s", f->path,
                        token.len ? "has control characters in it" : "is empty");
    if (!code) {
        f->token.len = 0;
        mcr_buf_add(&f->token, token);
        f->seen = now_there;
    }
    if (text.ptr)
        explicit_bzero(text.ptr, text.cap);
    mcr_buf_fini(&text);
    return code;
}

mcr_err mcr_token_file_get(mcr_token_file *f, int64_t now, mcr_str *token, mcr_errbuf *err)
{
    bool anyway = f->looked == 0;
    if (anyway || now < f->looked || now - f->looked >= LOOK_EVERY) {
        mcr_errbuf why;
        mcr_err code = look(f, anyway, &why);
        if (code && (anyway || !f->token.len))
            return mcr_errf(err, code, "%s", why.text);
        if (code)
            mcr_log_once_a_minute(MCR_LOG_WARN, "%s; the token read before is used on", why.text);
        f->looked = now ? now : 1;
    }
    *token = mcr_buf_str(&f->token);
    return MCR_OK;
}

void mcr_token_file_refused(mcr_token_file *f)
{
    f->looked = 0;
}
