#include "api.h"

#include "http.h"

#include <stdio.h>
#include <stdlib.h>

/* What the server says when it says no. */
static int refused(const struct http_reply *reply)
{
    json_t *problem = json_loadb(reply->body != NULL ? reply->body : "", reply->bytes, 0, NULL);
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    const char *allowed = json_string_value(json_object_get(problem, "allowed"));
    int status =
        cli_fail("%s (HTTP %d)%s%s", detail != NULL ? detail : "the server refused", reply->status,
                 allowed != NULL ? "; allowed: " : "", allowed != NULL ? allowed : "");
    json_decref(problem);
    return status;
}

int api_call(const struct cli *cli, const char *method, const char *path, json_t *body,
             json_t **answer)
{
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    struct http_request request = {
        .method = method, .path = path, .token = cli->token, .body = text};
    struct http_reply reply;
    int err = http_call(cli->server, &request, &reply);
    free(text);
    if (err != 0)
        return EXIT_FAILED;
    int status = EXIT_OK;
    if (reply.status >= 400)
        status = refused(&reply);
    else if (reply.status >= 300)
        status = cli_fail("another node answers for that: %s; give its address as --server",
                          reply.location);
    else {
        *answer = reply.bytes == 0 ? json_object() : json_loadb(reply.body, reply.bytes, 0, NULL);
        if (*answer == NULL)
            status = cli_fail("the server's answer is no JSON");
    }
    http_reply_clear(&reply);
    return status;
}

int api_print(json_t *answer)
{
    char *text = json_dumps(answer, JSON_COMPACT | JSON_PRESERVE_ORDER);
    (void)puts(text != NULL ? text : "{}");
    free(text);
    json_decref(answer);
    return EXIT_OK;
}
