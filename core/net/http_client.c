#include "net/http_client.h"

#include <curl/curl.h>
#include <pthread.h>

static void global_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void mcr_http_global_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, global_init);
}
