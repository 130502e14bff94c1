#include "support/nghttpd.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    TRIES = 500,
    TRY_MS = 20
};

static const char *find(void)
{
    static const char *const paths[] = { "/usr/sbin/nghttpd", "/usr/bin/nghttpd",
                                         "/usr/local/bin/nghttpd" };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (access(paths[i], X_OK) == 0)
            return paths[i];
    return NULL;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET,
                                 .sin_port = htons(port),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

// A port that was free a moment ago.
static uint16_t free_port(void)
{
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = bind(fd, (struct sockaddr *)&address, len) == 0 &&
                getsockname(fd, (struct sockaddr *)&address, &len) == 0;
    close(fd);
    return good ? ntohs(address.sin_port) : 0;
}

static bool listens(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return good;
}

static void run(const char *path, uint16_t port, const char *key_file, const char *cert_file)
{
    char port_text[8];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    snprintf(port_text, sizeof port_text, "%u", port);
    execl(path, path, "--address=127.0.0.1", "--htdocs=/nonexistent", "--echo-upload", port_text,
          key_file, cert_file, (char *)NULL);
    _exit(127);
}

bool nghttpd_start(nghttpd *server, const char *cert_file, const char *key_file)
{
    const char *path = find();
    if (!path) {
        fprintf(stderr, "skipped: there is no nghttpd (apt-get install nghttp2-server)\n");
        return false;
    }
    server->port = free_port();
    snprintf(server->url, sizeof server->url, "https://127.0.0.1:%u", server->port);
    server->pid = fork();
    if (server->pid == 0)
        run(path, server->port, key_file, cert_file);
    for (int i = 0; server->pid > 0 && i < TRIES; i++) {
        if (listens(server->port))
            return true;
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid)
            break;
        nanosleep(&(struct timespec){ .tv_nsec = TRY_MS * 1000000L }, NULL);
    }
    fprintf(stderr, "skipped: nghttpd did not come up on port %u\n", server->port);
    return false;
}

void nghttpd_stop(nghttpd *server)
{
    kill(server->pid, SIGTERM);
    waitpid(server->pid, NULL, 0);
}
