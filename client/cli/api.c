#include "api.h"

#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* What anybody may see of another node's room. It is asked there without the token, which is this node's alone; a reply
 * that says no leaves the first one. */
static void look_elsewhere(const char *path, struct http_reply *reply)
{
    char server[HTTP_LOCATION_MAX + 1];
    size_t chars = strlen(reply->location), path_chars = strlen(path);
    if (chars <= path_chars || strcmp(reply->location + chars - path_chars, path) != 0)
        return;
    memcpy(server, reply->location, chars - path_chars);
    server[chars - path_chars] = '\0';
    struct http_request request = {.method = "GET", .path = path};
    struct http_reply there;
    if (http_call(server, &request, &there) != 0)
        return;
    if (there.status >= 300) {
        http_reply_clear(&there);
        return;
    }
    http_reply_clear(reply);
    *reply = there;
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
    if (reply.status >= 300 && reply.status < 400 && strcmp(method, "GET") == 0)
        look_elsewhere(path, &reply);
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
