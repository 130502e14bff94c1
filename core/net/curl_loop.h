#pragma once
// libcurl's multi interface on a libev loop: sockets and timers of transfers become io and timer
// handles of the loop, and the loop lives as long as a transfer is under way.
//
// Transfers are ended in one place, when all io of a turn of the loop is done, and never in the
// middle of another one's io: requests that begin then are sent before the loop sleeps, all in one
// go (LIMITS §5: fewer timers, and none starves). Who runs the loop turn by turn (EVRUN_ONCE, as a
// host does) never sleeps on what has ended.

#include <curl/curl.h>
#include <stdint.h>

struct ev_loop;

typedef struct mcr_curl_loop mcr_curl_loop;

// Called when a transfer has ended and has been removed; it may add, remove, retire and free.
typedef void mcr_curl_loop_done(void *self, CURL *easy, CURLcode code);

// mcr_curl_loop_new keeps up to `connections` idle connections, and has no more than so many to one
// host.
mcr_curl_loop *mcr_curl_loop_new(struct ev_loop *loop, uint32_t connections,
                                 mcr_curl_loop_done *done);

// mcr_curl_loop_add begins a transfer. `self` is for `done`, and is the easy handle's
// CURLOPT_PRIVATE from now on.
void mcr_curl_loop_add(mcr_curl_loop *l, CURL *easy, void *self);

// mcr_curl_loop_remove ends a transfer under way, without `done`.
void mcr_curl_loop_remove(mcr_curl_loop *l, CURL *easy);

// mcr_curl_loop_retire frees it, with its connections, as soon as nothing is under way any more;
// nothing may be added.
void mcr_curl_loop_retire(mcr_curl_loop *l);
