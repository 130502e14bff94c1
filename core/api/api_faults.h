#pragma once
// The fault switch: what the server does wrong on purpose, so that clients can be tested. One text
// says it all, as `--fault` and as the body of PUT /-/faults, settings apart by white space or ',':
//
//     latency=50ms         every answer comes so much later; latency=50ms:0.1 one in ten
//     status=429:0.3:2     three of ten requests are answered 429 with Retry-After: 2 and not done;
//                          without the last part no Retry-After; several may be given
//     reset=0.05           not done, the connection is reset
//     close=0.05           not done, the connection is closed without an answer
//     lost=0.05            done, but the connection is reset instead of an answer
//     half=0.05            done, but half the answer's body, then the connection is closed
//     methods=POST+PATCH   only those; all is the default
//     times=3              at most so many requests are spoilt, then the switch is off
//     none                 nothing is wrong (also the empty text)
//
// Shares are from 0 to 1. Of reset, close, status, lost and half at most one meets a request.

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/random.h"
#include "base/str.h"

enum {
    MCR_API_FAULT_STATUSES = 8
};

typedef struct mcr_api_faults {
    int64_t latency_ns;
    double latency_share;
    double reset, close, lost, half;
    struct {
        int status;
        double share;
        int retry_after; // seconds; -1: no header
    } statuses[MCR_API_FAULT_STATUSES];
    uint32_t n_statuses;
    unsigned methods; // bits of the methods' places in their list; 0: all
    int64_t times;    // left; -1: no limit
} mcr_api_faults;

// mcr_api_faults_parse replaces `*out`; MCR_EINVAL with a sentence, and `*out` as it was.
mcr_err mcr_api_faults_parse(mcr_api_faults *out, mcr_str text, mcr_errbuf *err);

// mcr_api_faults_write appends the text that gives these faults, "none" for none.
void mcr_api_faults_write(mcr_buf *out, const mcr_api_faults *f);

typedef enum mcr_api_fault_kind {
    MCR_API_FAULT_NONE,
    MCR_API_FAULT_STATUS,
    MCR_API_FAULT_RESET,
    MCR_API_FAULT_CLOSE,
    MCR_API_FAULT_LOST,
    MCR_API_FAULT_HALF
} mcr_api_fault_kind;

typedef struct mcr_api_fault {
    mcr_api_fault_kind kind;
    int64_t delay_ns;
    int status;      // of MCR_API_FAULT_STATUS
    int retry_after; // -1: none
} mcr_api_fault;

// mcr_api_faults_decide says what is done to the next request.
mcr_api_fault mcr_api_faults_decide(mcr_api_faults *f, const char *method,
                                    const mcr_random *random);
