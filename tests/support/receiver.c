// receiver [STATUS[=BODY]]… stands for somebody's server in end-to-end tests and examples: it takes
// any HTTP request on a free port of 127.0.0.1 and tells of it.
//
//     $ receiver 503 200 400='no such field'
//     http://127.0.0.1:43121
//     {"method":"POST","path":"/","headers":{"content-type":"application/json"},"body":"{}",…}
//
// The n-th request gets the n-th answer, the last one is repeated; without any, 200. The first line
// of its output is its URL, then each request is one line with the status that it got and the
// number of its connection, from 0. It ends when it is killed or its standard input does.

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/scripted_server.h"

typedef struct answers {
    char **at; // STATUS or STATUS=BODY
    int n;
    int next;
} answers;

static int status_of(const char *answer)
{
    char *end;
    long status = strtol(answer, &end, 10);
    if (status < 200 || status > 599 || (*end && *end != '=')) {
        fprintf(stderr, "receiver: '%s' is no STATUS or STATUS=BODY\n", answer);
        exit(2);
    }
    return (int)status;
}

// "Name: value\n"… as an object, names in lower case.
static cJSON *headers_of(const char *text)
{
    cJSON *all = cJSON_CreateObject();
    while (*text) {
        size_t len = strcspn(text, "\n");
        char *line = strndup(text, len), *colon = line ? strchr(line, ':') : NULL;
        if (colon) {
            *colon = '\0';
            for (char *c = line; *c; c++)
                *c = (char)tolower((unsigned char)*c);
            cJSON_AddStringToObject(all, line, colon + 1 + strspn(colon + 1, " "));
        }
        free(line);
        text += len + (text[len] == '\n');
    }
    return all;
}

// One call at a time.
static void on_request(void *self, const scripted_request *request, scripted_reply *reply)
{
    answers *a = self;
    const char *answer = a->n ? a->at[a->next] : "200";
    const char *body = strchr(answer, '=');
    if (a->next + 1 < a->n)
        a->next++;
    reply->status = status_of(answer);
    reply->body = mcr_str_of(body ? body + 1 : "");

    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "method", request->method);
    cJSON_AddStringToObject(line, "path", request->uri);
    cJSON_AddItemToObject(line, "headers", headers_of(request->headers));
    cJSON_AddStringToObject(line, "body", request->body);
    cJSON_AddNumberToObject(line, "status", reply->status);
    cJSON_AddNumberToObject(line, "connection", request->connection);
    char *text = cJSON_PrintUnformatted(line);
    puts(text);
    cJSON_free(text);
    cJSON_Delete(line);
}

int main(int argc, char **argv)
{
    answers a = { .at = argv + 1, .n = argc - 1 };
    for (int i = 0; i < a.n; i++)
        status_of(a.at[i]);
    setvbuf(stdout, NULL, _IOLBF, 0);
    scripted_server *server = scripted_server_new(NULL);
    scripted_server_handle(server, on_request, &a);
    puts(scripted_server_url(server));
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    scripted_server_free(server);
    return 0;
}
