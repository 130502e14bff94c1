#include "net/listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"

enum {
    HOST_MAX = 256
};

// Where the host ends and the port begins; NULL: `address` is not host:port.
static const char *split(const char *address, mcr_str *host)
{
    const char *colon = strrchr(address, ':');
    if (!colon || !colon[1] || colon[1 + strspn(colon + 1, "0123456789")])
        return NULL;
    *host = mcr_str_n(address, (size_t)(colon - address));
    if (host->len >= 2 && address[0] == '[' && colon[-1] == ']')
        *host = mcr_str_n(address + 1, host->len - 2);
    else if (memchr(address, ':', host->len))
        return NULL; // an IPv6 address without brackets
    return host->len < HOST_MAX ? colon + 1 : NULL;
}

static char *real_address(int fd, const char *address)
{
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getsockname(fd, (struct sockaddr *)&bound, &len) != 0 ||
        getnameinfo((struct sockaddr *)&bound, len, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return mcr_strdup(address);
    char text[NI_MAXHOST + NI_MAXSERV + 4];
    snprintf(text, sizeof text, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
    return mcr_strdup(text);
}

static int open_one(const struct addrinfo *at)
{
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
    if (fd < 0)
        return -1;
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

int mcr_listen(const char *address, char **real, mcr_errbuf *err)
{
    mcr_str name;
    const char *port = split(address, &name);
    if (!port) {
        mcr_errf(err, MCR_EINVAL, "'%s' is no address to listen on; write 127.0.0.1:8901", address);
        return -1;
    }
    char host[HOST_MAX] = "";
    memcpy(host, name.ptr, name.len);
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found;
    int why = getaddrinfo(name.len ? host : NULL, port, &hints, &found);
    if (why) {
        mcr_errf(err, MCR_EIO, "cannot listen on %s: %s", address, gai_strerror(why));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *at = found; at && fd < 0; at = at->ai_next)
        fd = open_one(at);
    freeaddrinfo(found);
    if (fd < 0)
        mcr_errf(err, MCR_EIO, "cannot listen on %s: %s", address, strerror(errno));
    else
        *real = real_address(fd, address);
    return fd;
}

void mcr_listen_close(int fd)
{
    close(fd);
}
