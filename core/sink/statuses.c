#include "sink/statuses.h"

#include <stdlib.h>
#include <string.h>

static bool add(mcr_statuses *s, const char *word, size_t len)
{
    if (len != 3 || !strchr("1345", word[0]))
        return false;
    bool all = memcmp(word + 1, "xx", 2) == 0;
    if (!all && strspn(word, "0123456789") < 3)
        return false;
    int first = all ? (word[0] - '0') * 100 : (int)strtol(word, NULL, 10);
    for (int status = first; status < first + (all ? 100 : 1); status++)
        s->bits[status / 64] |= UINT64_C(1) << status % 64;
    return true;
}

mcr_err mcr_statuses_read(mcr_statuses *out, const mcr_option_list *list, const char *usual,
                          mcr_errbuf *err)
{
    *out = (mcr_statuses){ 0 };
    for (size_t i = 0; i < list->n; i++)
        if (!add(out, list->items[i], strlen(list->items[i])))
            return mcr_errf(err, MCR_EINVAL,
                            "'retry.statuses' lists statuses such as 429 or \"5xx\", not '%s'",
                            list->items[i]);
    for (size_t len; !list->n && *usual; usual += len + (usual[len] == ' ')) {
        len = strcspn(usual, " ");
        add(out, usual, len);
    }
    return MCR_OK;
}

bool mcr_statuses_has(const mcr_statuses *s, int status)
{
    return status >= 0 && status < 1024 && (s->bits[status / 64] >> status % 64 & 1);
}
