#pragma once
// The inside of one exchange, shared by http_server.c (connections, requests) and http_exchange.c
// (answers, streams).

#include <ev.h>
#include <microhttpd.h>

#include "net/http_server.h"

typedef enum mcr_connection_phase {
    MCR_CONNECTION_IDLE,      // waits for a request
    MCR_CONNECTION_READING,   // its first line is there
    MCR_CONNECTION_DECIDING,  // the whole request is with the user
    MCR_CONNECTION_ANSWERING, // the answer is being sent
    MCR_CONNECTION_STREAMING
} mcr_connection_phase;

typedef struct mcr_connection mcr_connection;
struct mcr_connection {
    mcr_connection *prev, *next;
    int fd;
    mcr_connection_phase phase;
    int64_t since; // of the phase
    mcr_exchange *exchange;
};

struct mcr_exchange {
    mcr_http_server *server;
    mcr_connection *connection;
    struct MHD_Connection *mhd;
    char *target;
    char *method;
    mcr_buf body;
    size_t received;
    bool begun;
    bool over; // the body is too long
    bool suspended;
    bool close;
    struct MHD_Response *response; // waits to be sent
    int status;
    mcr_answer_damage damage;

    bool streaming;
    mcr_stream_hooks hooks;
    mcr_buf out;
    size_t taken; // of `out`
    bool ended;
    bool damaged;
    bool departed; // the client went away while we were quiet
    bool early;    // it sent more while we were: `departure` cannot tell its end any more
    ev_io departure;
};

struct mcr_http_server {
    struct ev_loop *loop;
    mcr_http_server_options options;
    struct MHD_Daemon *daemon;
    char *address;
    ev_io epoll;
    ev_timer timeout;
    ev_timer deadlines;
    ev_prepare prepare;
    bool dirty; // MHD has something to do that its epoll does not know of
    bool quiet; // takes no more connections
    mcr_connection *connections;
    mcr_http_server_counts counts;
};

// mcr_connection_enter begins a phase; its deadline counts from now.
void mcr_connection_enter(mcr_connection *c, mcr_connection_phase phase);

// mcr_exchange_suspend lets the connection rest until mcr_exchange_resume.
void mcr_exchange_suspend(mcr_exchange *x);
void mcr_exchange_resume(mcr_exchange *x); // nothing, when it does not rest

// mcr_exchange_find_header: NULL when there is none.
const char *mcr_exchange_find_header(const mcr_exchange *x, const char *name);

// mcr_exchange_decided: there is an answer to send.
bool mcr_exchange_decided(const mcr_exchange *x);

// mcr_exchange_send gives the answer to libmicrohttpd, from within its access callback.
enum MHD_Result mcr_exchange_send(mcr_exchange *x);
