/* http.h - one HTTP request at a time per connection: read it whole, hand it to its route, send the reply.
 *
 * Requests are read by libwebsockets, but for those at the doorstep (doorstep.h); replies go to the socket by our
 * own hand. libwebsockets 4.1 neither reads nor waits sensibly while a reply is under way: it would call us for a
 * pipelined request in the middle of a download, or spin on it. So reading is off from the end of a request to the
 * end of its reply.
 *
 * Owner    request: counted. The client holds one reference, each waiting callback one, a reply under way one
 * Thread   control
 * Units    bytes
 * Errors   replies never fail: a client that is gone, or too slow, is dropped
 * Spec     RFC 9110, RFC 9112, RFC 9457 (problem+json)
 */
#ifndef SIGNALLING_HTTP_H
#define SIGNALLING_HTTP_H

#include "rostrum/slice.h"
#include "signalling/bare_request.h"
#include "signalling/signalling_internal.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REQUEST_PATH_MAX = 1024,     /* longer: 414 */
    REQUEST_HEADERS_MAX = 12288, /* all of them together; longer: 431 */
    REQUEST_BODY_MAX = 16384,
    REQUEST_FIELD_MAX = 255,
    REQUEST_PARAM_MAX = 64,
    REQUEST_PARAMS_MAX = 2,
    REPLY_HEAD_MAX = 3072,
};

enum method {
    METHOD_GET = 1,
    METHOD_HEAD = 2,
    METHOD_POST = 4,
    METHOD_PATCH = 8,
    METHOD_DELETE = 16,
    METHOD_OPTIONS = 32,
    METHOD_OTHER = 64,
};

enum request_state {
    REQUEST_READING,  /* the body is on its way */
    REQUEST_HANDLING, /* its handler has it */
    REQUEST_SENDING,
    REQUEST_DONE,
};

struct request {
    struct client *client; /* borrowed; NULL once it is gone */
    struct signalling *signalling;
    unsigned refs;
    enum request_state state;
    uint64_t deadline_us; /* reading: of the whole body; sending: of the next progress */
    enum method method;
    char path[REQUEST_PATH_MAX + 1];                        /* decoded, without query */
    char params[REQUEST_PARAMS_MAX][REQUEST_PARAM_MAX + 1]; /* what stood for {…} in the route */
    bool is_download;                                       /* ?download=1 */
    /* Header fields; "" when absent, or too long to be of any use. */
    char accept[REQUEST_FIELD_MAX + 1];
    char content_type[REQUEST_FIELD_MAX + 1];
    char authorization[REQUEST_FIELD_MAX + 1];
    char if_match[REQUEST_FIELD_MAX + 1];
    char if_none_match[REQUEST_FIELD_MAX + 1];
    char if_range[REQUEST_FIELD_MAX + 1];
    char range[REQUEST_FIELD_MAX + 1];
    bool has_length;
    bool must_close; /* this connection takes no further request */
    bool lingers;    /* and there is more to come that will not be read */
    size_t body_bytes, body_expected;
    uint8_t *body; /* owned; zero-terminated */
    void (*handle)(struct request *request);
    struct reply *reply; /* owned; from the first header on */
};

/* ---- for the listener ---- */

/* LWS_CALLBACK_HTTP: headers are here. Nonzero: close. */
int http_on_headers(struct client *client);
int http_on_body(struct client *client, const void *data, size_t bytes);
/* At the doorstep: answers what is asked about a line, now or never; the client goes when this returns. False: it is
 * something else, or not the only request of its connection. */
bool http_answer_bare(struct client *client, const struct bare_request *asked);
int http_on_body_end(struct client *client);
/* The connection ends: whoever still answers does so into the void. */
void http_on_gone(struct client *client);
/* Once a second: drops who is too slow. */
void http_tick(struct client *client, uint64_t now_us);
/* Writes a whole refusal at once, on a connection that is closed next (a refused upgrade). */
void http_refuse_upgrade(struct client *client, unsigned status, const char *code,
                         const char *detail);
/* Copies a header field; "" when absent or longer than fits. `token` is libwebsockets'. */
void http_field(struct lws *wsi, int token, char *out, size_t out_bytes);
/* Learns from our own proxy whom the connection is for. False: too many connections of that address. */
bool http_learn_origin(struct client *client);

/* ---- for handlers: one of the replies, once, now or later ---- */

struct request *request_ref(struct request *request);
void request_unref(struct request *request);
struct slice request_body(const struct request *request);

/* Adds a header field to the reply to come; value is formatted and must hold no line break. */
__attribute__((format(printf, 3, 4))) void reply_header(struct request *request, const char *name,
                                                        const char *format, ...);
/* Takes the object. */
void reply_json(struct request *request, unsigned status, json_t *object);
/* application/problem+json; allowed NULL: nothing to add. */
__attribute__((format(printf, 5, 6))) void reply_problem(struct request *request, unsigned status,
                                                         const char *code, const char *allowed,
                                                         const char *format, ...);
/* The same with further members, if `more` is not NULL; takes it. */
void reply_problem_with(struct request *request, unsigned status, const char *code,
                        const char *allowed, const char *detail, json_t *more);
void reply_empty(struct request *request, unsigned status);
/* Copies. */
void reply_text(struct request *request, unsigned status, const char *type, struct slice text);
/* Lends: the bytes outlive the server's connections (pages). */
void reply_lent(struct request *request, unsigned status, const char *type, struct slice bytes);
/* Takes the open file; sends bytes [first, first + bytes). */
void reply_file(struct request *request, unsigned status, const char *type, int file,
                uint64_t first, uint64_t bytes);

#endif
