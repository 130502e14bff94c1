#include "script/breaker.h"

bool mcr_breaker_allows(mcr_breaker *b, int64_t now)
{
    if (b->state == MCR_BREAKER_OPEN && now >= b->until)
        b->state = MCR_BREAKER_HALF_OPEN;
    return b->state != MCR_BREAKER_OPEN;
}

bool mcr_breaker_failed(mcr_breaker *b, bool deadline, int64_t now)
{
    b->failures++;
    b->deadlines = deadline ? b->deadlines + 1 : 0;
    if (b->state == MCR_BREAKER_OPEN)
        return false; // the rest of a batch that was under way
    if (b->state == MCR_BREAKER_CLOSED && b->deadlines < MCR_BREAKER_DEADLINES &&
        b->failures < MCR_BREAKER_FAILURES)
        return false;
    int64_t longer = b->state == MCR_BREAKER_HALF_OPEN ? b->wait * 2 : MCR_BREAKER_WAIT_NS;
    b->wait = longer < MCR_BREAKER_WAIT_MAX_NS ? longer : MCR_BREAKER_WAIT_MAX_NS;
    b->until = now + b->wait;
    b->state = MCR_BREAKER_OPEN;
    return true;
}

bool mcr_breaker_worked(mcr_breaker *b)
{
    bool closed = b->state != MCR_BREAKER_CLOSED;
    *b = (mcr_breaker){ .state = MCR_BREAKER_CLOSED };
    return closed;
}
