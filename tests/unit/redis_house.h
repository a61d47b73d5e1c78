/* redis_house.h - a Redis (or Valkey) of the test's own, a wire to it that can be cut, and nodes.
 *
 * Owner    a test
 * Thread   one: a libuv loop
 * Units    milliseconds
 * Errors   the test fails
 * Spec     ROSTRUM_TEST_REDIS names the server's program; else redis-server or valkey-server is taken
 */
#ifndef TESTS_REDIS_HOUSE_H
#define TESTS_REDIS_HOUSE_H

#include "base/clock.h"
#include "config/redis_url.h"
#include "tree/directory.h"
#include "tree/identity.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

enum { HOUSE_NODES_MAX = 4, HOUSE_HEARD_MAX = 64, HOUSE_PIPES_MAX = 64, HOUSE_PATIENCE_MS = 20000 };

/* ---- the server ---- */

struct house_redis {
    char folder[64], socket[96], password[32], port[8]; /* "0": only the socket */
    const char *user;                                   /* NULL: the default one */
    pid_t pid;                                          /* 0: not running */
};

static inline void redis_exec(const struct house_redis *redis)
{
    const char *asked = getenv("ROSTRUM_TEST_REDIS");
    const char *const programs[] = {asked != NULL ? asked : "redis-server", "valkey-server"};
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    int nowhere = open("/dev/null", O_WRONLY);
    (void)dup2(nowhere, 1);
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        (void)execlp(programs[i], programs[i], "--port", redis->port, "--bind", "127.0.0.1",
                     "--unixsocket", redis->socket, "--dir", redis->folder, "--save", "",
                     "--appendonly", "no", "--requirepass", redis->password, (char *)NULL);
    _exit(127);
}

static inline bool redis_answers(const struct house_redis *redis)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", redis->socket);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool is_there = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    if (fd >= 0)
        (void)close(fd);
    return is_there;
}

/* Starts it, with an empty memory. */
static inline void redis_start(struct house_redis *redis)
{
    (void)unlink(redis->socket);
    redis->pid = fork();
    assert_true(redis->pid >= 0);
    if (redis->pid == 0)
        redis_exec(redis);
    uint64_t until_us = clock_now_us() + HOUSE_PATIENCE_MS * 1000u;
    while (!redis_answers(redis)) {
        int status;
        if (clock_now_us() > until_us || waitpid(redis->pid, &status, WNOHANG) == redis->pid)
            fail_msg("no Redis: is redis-server installed?");
        (void)usleep(5000);
    }
}

static inline void redis_kill(struct house_redis *redis)
{
    if (redis->pid == 0)
        return;
    (void)kill(redis->pid, SIGKILL);
    (void)waitpid(redis->pid, NULL, 0);
    redis->pid = 0;
}

/* One command by redis-cli, for what no node would do. */
static inline void redis_do(const struct house_redis *redis, const char *command)
{
    char line[1024];
    (void)snprintf(line, sizeof(line),
                   "redis-cli --no-auth-warning -n 3 -a '%s' -s %s %s >/dev/null", redis->password,
                   redis->socket, command);
    assert_int_equal(system(line), 0);
}

/* ---- a wire that can be cut ---- */

struct house_wire { /* a Unix socket that leads to the server's */
    uv_loop_t *loop;
    char path[96], to[96];
    uv_pipe_t listener;
    bool is_cut;     /* nobody gets through, and the kernel says nothing about it */
    bool is_refused; /* connections are closed */
    unsigned connections;
    struct house_pipe {
        struct house_wire *wire;
        uv_pipe_t end;
        uv_connect_t connect;
        struct house_pipe *other;
        bool is_open, is_closing;
    } * pipes[HOUSE_PIPES_MAX];
    unsigned pipe_count;
};

static inline void pipe_close_one(struct house_pipe *pipe)
{
    if (pipe->is_closing)
        return;
    pipe->is_closing = true;
    pipe->is_open = false;
    uv_close((uv_handle_t *)&pipe->end, NULL);
}

static inline void pipe_close(struct house_pipe *pipe)
{
    pipe_close_one(pipe);
    pipe_close_one(pipe->other);
}

static inline void pipe_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    static char bytes[16384];
    (void)handle;
    (void)suggested;
    *out = uv_buf_init(bytes, sizeof(bytes));
}

static inline void pipe_wrote(uv_write_t *request, int status)
{
    (void)status;
    free(request);
}

static inline void pipe_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct house_pipe *pipe = stream->data;
    if (count < 0) {
        pipe_close(pipe);
        return;
    }
    if (count == 0 || pipe->wire->is_cut || !pipe->other->is_open)
        return; /* lost on the way */
    uv_write_t *request = malloc(sizeof(*request) + (size_t)count);
    assert_non_null(request);
    char *bytes = (char *)(request + 1);
    memcpy(bytes, buffer->base, (size_t)count);
    uv_buf_t out = uv_buf_init(bytes, (unsigned)count);
    if (uv_write(request, (uv_stream_t *)&pipe->other->end, &out, 1, pipe_wrote) != 0)
        free(request);
}

static inline struct house_pipe *pipe_make(struct house_wire *wire)
{
    assert_true(wire->pipe_count < HOUSE_PIPES_MAX);
    struct house_pipe *pipe = calloc(1, sizeof(*pipe));
    assert_non_null(pipe);
    pipe->wire = wire;
    assert_int_equal(uv_pipe_init(wire->loop, &pipe->end, 0), 0);
    pipe->end.data = pipe;
    wire->pipes[wire->pipe_count++] = pipe;
    return pipe;
}

static inline void pipe_connected(uv_connect_t *connect, int status)
{
    struct house_pipe *pipe = connect->data;
    if (status == UV_ECANCELED)
        return;
    if (status != 0) {
        pipe_close(pipe);
        return;
    }
    pipe->is_open = true;
    assert_int_equal(uv_read_start((uv_stream_t *)&pipe->end, pipe_room, pipe_read), 0);
    assert_int_equal(uv_read_start((uv_stream_t *)&pipe->other->end, pipe_room, pipe_read), 0);
}

static inline void wire_accept(uv_stream_t *listener, int status)
{
    struct house_wire *wire = listener->data;
    assert_int_equal(status, 0);
    struct house_pipe *near = pipe_make(wire), *far = pipe_make(wire);
    near->other = far;
    far->other = near;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&near->end), 0);
    wire->connections++;
    if (wire->is_refused) {
        pipe_close(near);
        return;
    }
    near->is_open = true;
    far->connect.data = far;
    uv_pipe_connect(&far->connect, &far->end, wire->to, pipe_connected);
}

static inline void wire_open(struct house_wire *wire, uv_loop_t *loop, const char *path,
                             const char *to)
{
    *wire = (struct house_wire){.loop = loop};
    (void)snprintf(wire->path, sizeof(wire->path), "%s", path);
    (void)snprintf(wire->to, sizeof(wire->to), "%s", to);
    assert_int_equal(uv_pipe_init(loop, &wire->listener, 0), 0);
    wire->listener.data = wire;
    assert_int_equal(uv_pipe_bind(&wire->listener, path), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&wire->listener, 16, wire_accept), 0);
}

/* What is under way breaks, as if the cable was pulled and somebody noticed. */
static inline void wire_break(struct house_wire *wire)
{
    for (unsigned i = 0; i < wire->pipe_count; i++)
        pipe_close_one(wire->pipes[i]);
}

static inline void wire_close(struct house_wire *wire)
{
    uv_close((uv_handle_t *)&wire->listener, NULL);
    wire_break(wire);
    (void)uv_run(wire->loop, UV_RUN_NOWAIT);
    (void)uv_run(wire->loop, UV_RUN_NOWAIT);
    for (unsigned i = 0; i < wire->pipe_count; i++)
        free(wire->pipes[i]);
    (void)unlink(wire->path);
}

/* ---- nodes ---- */

struct house_node {
    struct directory *directory;
    struct house_wire wire;
    struct house_heard {
        enum { HEARD_CLAIMED, HEARD_LOST, HEARD_EVENT } kind;
        char slug[64], node[40]; /* topic and sender of an event; owner of what was lost */
        uint64_t fence;
        size_t bytes;
        uint64_t at_us;
    } heard[HOUSE_HEARD_MAX];
    unsigned heard_count;
};

struct house {
    uv_loop_t loop;
    uv_timer_t beat; /* so that the loop never waits for long */
    struct house_redis redis;
    struct cluster_key key;
    struct house_node nodes[HOUSE_NODES_MAX];
};

static inline struct house_heard *house_note(void *ctx)
{
    struct house_node *node = ctx;
    assert_true(node->heard_count < HOUSE_HEARD_MAX);
    struct house_heard *heard = &node->heard[node->heard_count++];
    *heard = (struct house_heard){.at_us = clock_now_us()};
    return heard;
}

static inline void house_on_claimed(void *ctx, const char *slug, uint64_t fence)
{
    struct house_heard *heard = house_note(ctx);
    heard->kind = HEARD_CLAIMED;
    heard->fence = fence;
    (void)snprintf(heard->slug, sizeof(heard->slug), "%s", slug);
}

static inline void house_on_lost(void *ctx, const char *slug, const struct directory_origin *origin)
{
    struct house_heard *heard = house_note(ctx);
    heard->kind = HEARD_LOST;
    heard->fence = origin->fence;
    (void)snprintf(heard->slug, sizeof(heard->slug), "%s", slug);
    (void)snprintf(heard->node, sizeof(heard->node), "%s", origin->node);
}

static inline void house_on_event(void *ctx, const struct directory_event *event)
{
    struct house_heard *heard = house_note(ctx);
    heard->kind = HEARD_EVENT;
    heard->bytes = event->data.bytes;
    (void)snprintf(heard->slug, sizeof(heard->slug), "%s", event->topic);
    (void)snprintf(heard->node, sizeof(heard->node), "%s", event->sender);
}

static inline void house_beat(uv_timer_t *timer)
{
    (void)timer;
}

static inline struct house *house_make(void)
{
    struct house *house = calloc(1, sizeof(*house));
    assert_non_null(house);
    (void)signal(SIGPIPE, SIG_IGN); /* as rostrumd */
    (void)snprintf(house->redis.folder, sizeof(house->redis.folder), "/tmp/rostrum-redis-XXXXXX");
    assert_non_null(mkdtemp(house->redis.folder));
    (void)snprintf(house->redis.socket, sizeof(house->redis.socket), "%s/redis",
                   house->redis.folder);
    (void)snprintf(house->redis.password, sizeof(house->redis.password), "let%%me:in");
    (void)snprintf(house->redis.port, sizeof(house->redis.port), "0");
    memset(&house->key, 7, sizeof(house->key));
    assert_int_equal(uv_loop_init(&house->loop), 0);
    assert_int_equal(uv_timer_init(&house->loop, &house->beat), 0);
    assert_int_equal(uv_timer_start(&house->beat, house_beat, 10, 10), 0);
    return house;
}

static inline void house_join_with(struct house *house, unsigned number, const char *id,
                                   const struct cluster_key *key, bool by_wire)
{
    struct house_node *node = &house->nodes[number];
    struct redis_url url = {.db = 3};
    char path[96];
    assert_null(node->directory);
    (void)snprintf(url.password, sizeof(url.password), "%s", house->redis.password);
    if (house->redis.user != NULL)
        (void)snprintf(url.user, sizeof(url.user), "%s", house->redis.user);
    (void)snprintf(url.path, sizeof(url.path), "%s", house->redis.socket);
    if (by_wire) {
        (void)snprintf(path, sizeof(path), "%s/wire-%u", house->redis.folder, number);
        (void)snprintf(url.path, sizeof(url.path), "%s", path);
        wire_open(&node->wire, &house->loop, path, house->redis.socket);
    }
    struct node_view view = {.url = "https://n.example", .seats = 100, .seats_free = 100 - number};
    (void)snprintf(view.id, sizeof(view.id), "%s", id);
    struct directory_params params = {
        .self = &view, .loop = &house->loop, .redis = &url, .key = key};
    struct directory_observer observer = {node, house_on_claimed, house_on_lost, house_on_event};
    assert_int_equal(directory_create(&node->directory, &params), 0);
    directory_observe(node->directory, &observer);
}

/* Node 0 is "node-0", and so on; each by a wire of its own. */
static inline struct house_node *house_join(struct house *house, unsigned number)
{
    char id[16];
    (void)snprintf(id, sizeof(id), "node-%u", number);
    house_join_with(house, number, id, &house->key, true);
    return &house->nodes[number];
}

static inline bool wire_is_quiet(const struct house_wire *wire)
{
    for (unsigned i = 0; i < wire->pipe_count; i++)
        if (!wire->pipes[i]->is_closing && !wire->is_cut)
            return false;
    return true;
}

static inline void house_leave(struct house *house, unsigned number)
{
    struct house_node *node = &house->nodes[number];
    directory_destroy(node->directory);
    node->directory = NULL;
    while (node->wire.loop != NULL && !wire_is_quiet(&node->wire)) /* its last words go through */
        (void)uv_run(&house->loop, UV_RUN_ONCE);
    if (node->wire.loop != NULL)
        wire_close(&node->wire);
    *node = (struct house_node){.directory = NULL};
}

static inline void house_end(struct house *house)
{
    char line[128];
    for (unsigned i = 0; i < HOUSE_NODES_MAX; i++)
        if (house->nodes[i].directory != NULL)
            house_leave(house, i);
    uv_close((uv_handle_t *)&house->beat, NULL);
    (void)uv_run(&house->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&house->loop), 0);
    redis_kill(&house->redis);
    (void)snprintf(line, sizeof(line), "rm -rf %s", house->redis.folder);
    assert_int_equal(system(line), 0);
    free(house);
}

/* Runs the loop until the condition holds; fails when it does not within `ms`. How long it took. */
#define HOUSE_UNTIL(house, ms, condition)                                                          \
    do {                                                                                           \
        uint64_t until_us = clock_now_us() + (uint64_t)(ms)*1000u;                                 \
        while (!(condition)) {                                                                     \
            if (clock_now_us() > until_us)                                                         \
                fail_msg("not within %d ms: %s", (int)(ms), #condition);                           \
            (void)uv_run(&(house)->loop, UV_RUN_ONCE);                                             \
        }                                                                                          \
    } while (0)

static inline bool house_is_up(const struct house *house, unsigned nodes)
{
    for (unsigned i = 0; i < nodes; i++)
        if (directory_state(house->nodes[i].directory) != DIRECTORY_UP)
            return false;
    return true;
}

/* How often this was heard, of any fence. */
static inline unsigned house_heard(const struct house_node *node, int kind, const char *slug)
{
    unsigned count = 0;
    for (unsigned i = 0; i < node->heard_count; i++)
        count += (int)node->heard[i].kind == kind && strcmp(node->heard[i].slug, slug) == 0;
    return count;
}

static inline size_t house_sees(const struct house_node *node)
{
    size_t count;
    (void)directory_nodes(node->directory, &count);
    return count;
}

static inline bool house_finds(const struct house_node *node, const char *slug,
                               enum directory_answer answer, const char *origin)
{
    struct directory_origin found;
    return directory_find(node->directory, slug, &found) == answer &&
           strcmp(found.node, origin) == 0;
}

static inline int house_move_in(void **state)
{
    struct house *house = house_make();
    redis_start(&house->redis);
    *state = house;
    return 0;
}

static inline int house_move_out(void **state)
{
    house_end(*state);
    return 0;
}

/* Two nodes; the first one has the room "monday". Its fence. */
static inline uint64_t house_settle(struct house *house)
{
    struct house_node *a = house_join(house, 0), *b = house_join(house, 1);
    assert_int_equal(directory_claim(a->directory, "monday", 0), 0);
    HOUSE_UNTIL(house, 10000, house_heard(a, HEARD_CLAIMED, "monday") == 1);
    HOUSE_UNTIL(house, 5000, house_finds(b, "monday", DIRECTORY_FOUND, "node-0"));
    HOUSE_UNTIL(house, 5000, house_is_up(house, 2));
    return a->heard[0].fence;
}

static inline bool house_owns(const struct house_node *node, const char *slug)
{
    return directory_owns(node->directory, slug, NULL);
}

#define HOUSE_TEST(name) cmocka_unit_test_setup_teardown(name, house_move_in, house_move_out)

#endif
