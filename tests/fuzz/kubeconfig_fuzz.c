// Two kubeconfig files, one after the other: what is read gives access or says why not.

#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "net/kubeconfig.h"

#include "fuzz_input.h"

static void write_file(int fd, mcr_str text)
{
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text.ptr, text.len, 0) != (ssize_t)text.len)
        abort();
}

static void check_context(const char *const *paths, size_t n, const char *context)
{
    mcr_errbuf err = { "" };
    const mcr_kube_access_options options = { .kubeconfig = paths[n - 1], .context = context };
    mcr_kube_access *access = mcr_kube_access_load(&options, &err);
    fuzz_must(access || err.text[0], "refused without a word", NULL, NULL);
    if (access) {
        fuzz_must(access->server && access->server[0], "no server", NULL, NULL);
        fuzz_must(access->origin && access->origin[0], "no origin", NULL, NULL);
    }
    mcr_kube_access_free(access);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static int files[2] = { -1, -1 };
    static char paths[2][32];
    const char *const list[] = { paths[0], paths[1] };
    for (int i = 0; i < 2 && files[i] < 0; i++) {
        mcr_log_set_level(MCR_LOG_ERROR);
        files[i] = memfd_create("kubeconfig", MFD_CLOEXEC);
        snprintf(paths[i], sizeof paths[i], "/proc/self/fd/%d", files[i]);
    }
    fuzz_input in = { bytes, len };
    mcr_buf text = { 0 };
    write_file(files[0], fuzz_text(&in, &text));
    write_file(files[1], fuzz_text(&in, &text));
    mcr_errbuf err = { "" };
    mcr_kubeconfig *k = mcr_kubeconfig_read(list, 2, false, &err);
    fuzz_must(k || err.text[0], "refused without a word", NULL, NULL);
    if (k) {
        fuzz_must(mcr_kubeconfig_files(k) == 2, "a file is missing", NULL, NULL);
        const char *context = mcr_kubeconfig_context(k);
        check_context(list, 1, context);
        check_context(list, 2, context);
        check_context(list, 2, "c");
    }
    mcr_kubeconfig_free(k);
    mcr_buf_fini(&text);
    return 0;
}
