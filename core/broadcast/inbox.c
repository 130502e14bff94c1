#include "broadcast/inbox.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"

struct mcr_inbox {
    uint32_t capacity;
    pthread_mutex_t lock;
    // Under lock.
    mcr_emitted *at; // capacity of them, used as a circle
    uint32_t head;
    uint32_t n;
    bool closed;
    uint64_t entered;
    uint64_t refused;
};

mcr_inbox *mcr_inbox_new(uint32_t capacity)
{
    mcr_inbox *inbox = mcr_zalloc(sizeof *inbox);
    inbox->capacity = capacity;
    inbox->at = mcr_alloc(capacity * sizeof *inbox->at);
    pthread_mutex_init(&inbox->lock, NULL);
    return inbox;
}

void mcr_inbox_free(mcr_inbox *inbox)
{
    if (!inbox)
        return;
    for (uint32_t i = 0; i < inbox->n; i++)
        mcr_event_unref(inbox->at[(inbox->head + i) % inbox->capacity].ev);
    pthread_mutex_destroy(&inbox->lock);
    free(inbox->at);
    free(inbox);
}

bool mcr_inbox_put_take(mcr_inbox *inbox, mcr_event *ev, uint64_t from, bool *first)
{
    pthread_mutex_lock(&inbox->lock);
    bool room = inbox->n < inbox->capacity && !inbox->closed;
    *first = inbox->n == 0;
    if (room) {
        inbox->at[(inbox->head + inbox->n++) % inbox->capacity] = (mcr_emitted){ ev, from };
        inbox->entered++;
    } else {
        inbox->refused++;
    }
    pthread_mutex_unlock(&inbox->lock);
    return room;
}

void mcr_inbox_refuse(mcr_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->refused++;
    pthread_mutex_unlock(&inbox->lock);
}

uint32_t mcr_inbox_take(mcr_inbox *inbox, mcr_emitted *out, uint32_t n)
{
    pthread_mutex_lock(&inbox->lock);
    if (n > inbox->n)
        n = inbox->n;
    for (uint32_t i = 0; i < n; i++)
        out[i] = inbox->at[(inbox->head + i) % inbox->capacity];
    inbox->head = (inbox->head + n) % inbox->capacity;
    inbox->n -= n;
    pthread_mutex_unlock(&inbox->lock);
    return n;
}

void mcr_inbox_close(mcr_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->closed = true;
    pthread_mutex_unlock(&inbox->lock);
}

bool mcr_inbox_is_closed(mcr_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    bool closed = inbox->closed;
    pthread_mutex_unlock(&inbox->lock);
    return closed;
}

void mcr_inbox_counts(mcr_inbox *inbox, uint64_t *entered, uint64_t *refused)
{
    pthread_mutex_lock(&inbox->lock);
    *entered = inbox->entered;
    *refused = inbox->refused;
    pthread_mutex_unlock(&inbox->lock);
}
