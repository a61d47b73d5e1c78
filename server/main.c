/* rostrumd: arguments, start-up order, signals; nothing else. */
#include "admission/admission.h"
#include "admission/tokens.h"
#include "audience/srtp_batch.h"
#include "base/clock.h"
#include "base/heap.h"
#include "base/thread.h"
#include "config/config.h"
#include "recording/recorder.h"
#include "room/cluster.h"
#include "room/presence.h"
#include "room/room.h"
#include "rostrum/peer.h"
#include "rostrum/srtp_link.h"
#include "signalling/signalling.h"
#include "stage/stage.h"
#include "store/state.h"
#include "store/store.h"
#include "telemetry/log.h"
#include "transport/transport.h"
#include "tree/directory.h"
#include "tree/identity.h"
#include "tree/upstream.h"

#include <uv.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    TICK_MS = 250,
    DRAINED_FDS = 5,
    RETURN_WITHIN_MS = 4000,     /* told to clients at shutdown: they come back spread over this */
    DRAIN_US = 20 * 1000 * 1000, /* listeners of other nodes' rooms have so long to move */
    DESCRIPTORS_OTHERS = 8192,   /* beside open connections: who waits for one, media, files */
    PATH_BYTES = CONFIG_PATH_MAX + 32,
};

/* Everything that main() makes, in the order in which it is made. */
struct daemon {
    struct config config;
    int lock_fd;
    char admin_token_path[PATH_BYTES];
    struct token_hash admin;
    struct dtls_identity *identity;
    char node_id[NODE_ID_MAX + 1];
    struct store *store;
    struct cluster_keys {
        struct cluster_key directory, links, tickets;
    } keys;
    struct directory *directory;
    struct upstream *upstream; /* NULL: this node is alone */
    struct admission *admission;
    struct transport *transport;
    struct recorder *recorder;
    struct stage *stage;
    struct rooms *rooms;
    struct signalling *signalling;
    uv_loop_t loop;
    uv_signal_t signals[2];
    uv_poll_t polls[DRAINED_FDS];
    uv_timer_t tick;
    struct heap_rest heap;
    bool started; /* the threads */
    bool stopping, closing;
    uint64_t drained_by_us;
};

static int fail(const char *what, const char *why)
{
    (void)fprintf(stderr, "rostrumd: %s: %s\n", what, why);
    return EXIT_FAILURE;
}

static int fail_code(const char *what, int err)
{
    return fail(what, error_name(err));
}

/* No more than can be used: libwebsockets makes a table of this size, and goes through all of it with each connection
 * that comes or goes. */
static void set_descriptor_limit(const struct config *config)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)config->sockets_max + DESCRIPTORS_OTHERS;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warn("limit.descriptors", "limit=%lu", (unsigned long)limit.rlim_cur);
}

static void path_in_state(const struct daemon *daemon, const char *name, char out[PATH_BYTES])
{
    (void)snprintf(out, PATH_BYTES, "%s/%s", daemon->config.state, name);
}

static int load_node_id(struct daemon *daemon)
{
    char path[PATH_BYTES], problem[IDENTITY_PROBLEM_MAX];
    path_in_state(daemon, "node.id", path);
    if (node_id_load_or_make(daemon->node_id, path, problem) != 0)
        return fail("state folder", problem);
    return EXIT_SUCCESS;
}

/* The state folder: its lock, the admin token, the certificate, the database. */
static int open_state(struct daemon *daemon)
{
    char problem[STORE_PROBLEM_MAX], path[PATH_BYTES], token[TOKEN_CHARS + 1];
    if (store_lock_state(daemon->config.state, &daemon->lock_fd, problem) != 0)
        return fail("state folder", problem);
    path_in_state(daemon, "admin.token", daemon->admin_token_path);
    int err = token_load_or_make(token, daemon->admin_token_path);
    if (err != 0)
        return fail_code(daemon->admin_token_path, err);
    daemon->admin = token_hash(token);
    path_in_state(daemon, "dtls.pem", path);
    err = dtls_identity_create(&daemon->identity, path);
    if (err != 0)
        return fail_code(path, err);
    path_in_state(daemon, "rostrum.db", path);
    if (store_create(&daemon->store, path, problem) != 0)
        return fail("database", problem);
    return load_node_id(daemon);
}

/* The secret is only needed to make these. */
static int make_keys(struct daemon *daemon)
{
    static struct cluster_secret secret;
    char problem[IDENTITY_PROBLEM_MAX];
    struct cluster_keys *keys = &daemon->keys;
    if (!daemon->config.has_redis)
        return EXIT_SUCCESS;
    if (cluster_secret_load(&secret, daemon->config.secret_file, problem) != 0)
        return fail("cluster_secret_file", problem);
    int err = cluster_key_make(&keys->directory, &secret, "directory");
    if (err == 0)
        err = cluster_key_make(&keys->links, &secret, "links");
    if (err == 0)
        err = cluster_key_make(&keys->tickets, &secret, "tickets");
    explicit_bzero(&secret, sizeof(secret));
    return err == 0 ? EXIT_SUCCESS : fail_code("cluster_secret_file", err);
}

/* Where the nodes meet; a node alone has one of its own. */
static int make_directory(struct daemon *daemon)
{
    const struct config *config = &daemon->config;
    struct node_view self = {.seats = config->seats, .egress_max_bps = config->egress_max_bps};
    struct directory_params params = {.self = &self, .loop = &daemon->loop};
    memcpy(self.id, daemon->node_id, sizeof(self.id));
    (void)snprintf(self.url, sizeof(self.url), "%s",
                   config->has_redis ? config->node_url : config->base_url);
    (void)snprintf(self.region, sizeof(self.region), "%s", config->region);
    if (config->has_redis) {
        params.redis = &config->redis;
        params.key = &daemon->keys.directory;
    }
    int err = directory_create(&daemon->directory, &params);
    if (err == ERR_INVAL)
        return fail("node_url", "it has characters that no link should have");
    return err == 0 ? EXIT_SUCCESS : fail_code("directory", err);
}

/* Which engines there are depends on the build and on the processor. */
static int fail_engine(const char *name)
{
    char why[128] = "not in this build or not for this processor; choose from auto";
    for (const char *const *other = srtp_engine_names(); *other; other++)
        if (srtp_engine_find(*other)) {
            size_t bytes = strlen(why);
            (void)snprintf(why + bytes, sizeof(why) - bytes, ", %s", *other);
        }
    char what[64];
    (void)snprintf(what, sizeof(what), "--srtp-engine %s", name);
    return fail(what, why);
}

/* The media plane: workers, recorder, stages. Nothing runs yet. */
static int make_media(struct daemon *daemon)
{
    const struct config *config = &daemon->config;
    char path[PATH_BYTES];
    const struct srtp_engine *engine = srtp_engine_find(config->srtp_engine);
    if (engine == NULL)
        return fail_engine(config->srtp_engine);
    log_info("media.engine", "srtp=%s", engine->name);
    int err = srtp_link_startup();
    if (err != 0)
        return fail_code("libsrtp", err);
    struct transport_config transport = {.workers = config->workers,
                                         .stages = config->stages + config->has_redis,
                                         .port = config->media_port,
                                         .handshakes_per_prefix = config->sockets_per_address / 2,
                                         .srtp_engine = config->srtp_engine,
                                         .identity = daemon->identity};
    err = transport_create(&daemon->transport, &transport);
    if (err == ERR_EXIST)
        return fail("media port", "it is taken by another program; set another --media-port");
    if (err != 0)
        return fail_code("media port", err);
    path_in_state(daemon, "recordings", path);
    err = recorder_create(&daemon->recorder, path, config->stages);
    if (err != 0)
        return fail_code(path, err);
    struct stage_config stage = {
        .threads = config->stages, .transport = daemon->transport, .recorder = daemon->recorder};
    err = stage_create(&daemon->stage, &stage);
    if (err != 0)
        return fail_code("stage", err);
    struct upstream_config upstream = {
        .transport = daemon->transport, .stage = config->stages, .identity = daemon->identity};
    if (config->has_redis)
        err = upstream_create(&daemon->upstream, &upstream);
    return err == 0 ? EXIT_SUCCESS : fail_code("upstream", err);
}

/* The tickets of a cluster are good on all of its nodes. */
static int load_ticket_key(const struct daemon *daemon, struct ticket_key *out)
{
    char path[PATH_BYTES];
    _Static_assert(sizeof(out->bytes) == sizeof(daemon->keys.tickets.bytes), "one is the other");
    if (daemon->config.has_redis) {
        memcpy(out->bytes, daemon->keys.tickets.bytes, sizeof(out->bytes));
        return EXIT_SUCCESS;
    }
    path_in_state(daemon, "ticket.key", path);
    int err = ticket_key_load(out, path);
    return err == 0 ? EXIT_SUCCESS : fail_code(path, err);
}

static int make_rooms(struct daemon *daemon)
{
    struct admission_params params = {.seats = daemon->config.seats};
    if (load_ticket_key(daemon, &params.key) != EXIT_SUCCESS)
        return EXIT_FAILURE;
    int err = admission_create(&daemon->admission, &params);
    explicit_bzero(&params.key, sizeof(params.key));
    if (err != 0)
        return fail_code("admission", err);
    struct rooms_deps deps = {.config = &daemon->config,
                              .store = daemon->store,
                              .transport = daemon->transport,
                              .stage = daemon->stage,
                              .recorder = daemon->recorder,
                              .admission = daemon->admission,
                              .identity = daemon->identity,
                              .directory = daemon->directory,
                              .upstream = daemon->upstream};
    err = rooms_create(&daemon->rooms, &deps);
    return err == 0 ? EXIT_SUCCESS : fail_code("rooms", err);
}

static int start_threads(struct daemon *daemon)
{
    daemon->started = true;
    int err = store_start(daemon->store);
    if (err == 0)
        err = transport_start(daemon->transport);
    if (err == 0)
        err = recorder_start(daemon->recorder);
    if (err == 0)
        err = stage_start(daemon->stage);
    if (err == 0 && daemon->upstream != NULL)
        err = upstream_start(daemon->upstream);
    return err == 0 ? EXIT_SUCCESS : fail_code("threads", err);
}

/* ---- the loop ---- */

static void on_events(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct daemon *daemon = poll->data;
    rooms_drain(daemon->rooms);
}

static void on_signalling_closed(void *ctx)
{
    struct daemon *daemon = ctx;
    uv_stop(&daemon->loop);
}

static void close_when_drained(struct daemon *daemon, uint64_t now_us)
{
    if (daemon->closing || (now_us < daemon->drained_by_us && !rooms_are_drained(daemon->rooms)))
        return;
    daemon->closing = true;
    signalling_close(daemon->signalling, RETURN_WITHIN_MS, on_signalling_closed, daemon);
}

static void on_tick(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;
    uint64_t now_us = clock_now_us();
    rooms_tick(daemon->rooms, now_us);
    if (daemon->stopping)
        close_when_drained(daemon, now_us);
    struct node_view view = {.seats = 0};
    rooms_describe(daemon->rooms, &view);
    directory_announce(daemon->directory, &view);
    if (heap_is_to_trim(&daemon->heap, admission_joins(daemon->admission), now_us))
        heap_trim();
}

/* The first signal lets everybody know and go; the second one does not wait. */
static void on_signal(uv_signal_t *handle, int number)
{
    struct daemon *daemon = handle->data;
    log_info("server.stopping", "signal=%d", number);
    if (daemon->stopping) {
        uv_stop(&daemon->loop);
        return;
    }
    daemon->stopping = true;
    daemon->drained_by_us = clock_now_us() + DRAIN_US;
    rooms_drain_listeners(daemon->rooms);
    close_when_drained(daemon, clock_now_us());
}

static int watch(struct daemon *daemon)
{
    const int fds[DRAINED_FDS] = {
        transport_events_fd(daemon->transport), stage_events_fd(daemon->stage),
        recorder_events_fd(daemon->recorder), store_events_fd(daemon->store),
        daemon->upstream != NULL ? upstream_events_fd(daemon->upstream) : -1};
    const int numbers[] = {SIGINT, SIGTERM};
    for (unsigned i = 0; i < DRAINED_FDS && fds[i] >= 0; i++) {
        daemon->polls[i].data = daemon;
        if (uv_poll_init(&daemon->loop, &daemon->polls[i], fds[i]) != 0 ||
            uv_poll_start(&daemon->polls[i], UV_READABLE, on_events) != 0)
            return fail("event loop", "cannot watch the threads' events");
    }
    for (unsigned i = 0; i < 2; i++) {
        daemon->signals[i].data = daemon;
        (void)uv_signal_init(&daemon->loop, &daemon->signals[i]);
        (void)uv_signal_start(&daemon->signals[i], on_signal, numbers[i]);
    }
    daemon->tick.data = daemon;
    (void)uv_timer_init(&daemon->loop, &daemon->tick);
    (void)uv_timer_start(&daemon->tick, on_tick, TICK_MS, TICK_MS);
    return EXIT_SUCCESS;
}

static void close_handle(uv_handle_t *handle, void *ctx)
{
    (void)ctx;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* ---- start and stop ---- */

static void warn_of_local_addresses(const struct config *config)
{
    if (config->public_address_count == 0)
        log_warn("media.no_address", "hint=set_--public-address_nobody_can_connect");
    else if (config_only_local_addresses(config))
        log_warn("media.only_local_addresses",
                 "hint=listeners_on_the_internet_cannot_connect_set_--public-address");
}

static int open_door(struct daemon *daemon)
{
    char problem[SIGNALLING_PROBLEM_MAX];
    struct signalling_deps deps = {.config = &daemon->config,
                                   .rooms = daemon->rooms,
                                   .directory = daemon->directory,
                                   .transport = daemon->transport,
                                   .loop = &daemon->loop,
                                   .admin = &daemon->admin,
                                   .link_key =
                                       daemon->config.has_redis ? &daemon->keys.links : NULL,
                                   .node_id = daemon->node_id};
    if (signalling_create(&daemon->signalling, &deps, problem) != 0 ||
        signalling_start(daemon->signalling, problem) != 0)
        return fail("http", problem);
    /* Port 0 asks for any free one: only now links can be made. */
    char base_url[CONFIG_URL_MAX];
    daemon->config.http.port = signalling_port(daemon->signalling);
    config_write_base_url(&daemon->config, daemon->config.http.port, base_url);
    memcpy(daemon->config.base_url, base_url, sizeof(base_url));
    return EXIT_SUCCESS;
}

static void print_ready(const struct daemon *daemon)
{
    char http[ADDRESS_TEXT_MAX];
    address_write(&daemon->config.http, http);
    (void)printf("ready http=http://%s media=%u admin=%s links=%s\n", http,
                 transport_port(daemon->transport), daemon->admin_token_path,
                 daemon->config.base_url);
    (void)fflush(stdout);
}

static int run(struct daemon *daemon)
{
    int status = open_state(daemon);
    if (status == EXIT_SUCCESS)
        status = make_keys(daemon);
    if (status == EXIT_SUCCESS)
        status = make_media(daemon);
    if (status == EXIT_SUCCESS)
        status = make_directory(daemon);
    if (status == EXIT_SUCCESS)
        status = make_rooms(daemon);
    if (status == EXIT_SUCCESS)
        status = watch(daemon);
    if (status == EXIT_SUCCESS)
        status = open_door(daemon); /* a taken port ends it here, before any room is touched */
    explicit_bzero(&daemon->keys, sizeof(daemon->keys));
    if (status == EXIT_SUCCESS)
        status = start_threads(daemon);
    if (status != EXIT_SUCCESS)
        return status;
    rooms_resume(daemon->rooms);
    warn_of_local_addresses(&daemon->config);
    print_ready(daemon);
    (void)uv_run(&daemon->loop, UV_RUN_DEFAULT);
    return EXIT_SUCCESS;
}

static void clear(struct daemon *daemon)
{
    if (daemon->rooms != NULL)
        rooms_close(daemon->rooms);
    if (daemon->started) {
        stage_stop(daemon->stage);
        recorder_stop(daemon->recorder);
        if (daemon->upstream != NULL)
            upstream_stop(daemon->upstream);
        transport_stop(daemon->transport);
        store_stop(daemon->store);
        store_drain(daemon->store); /* whoever waits for a write hears of it while they are there */
    }
    signalling_destroy(daemon->signalling);
    rooms_destroy(daemon->rooms);
    directory_destroy(daemon->directory);
    uv_walk(&daemon->loop, close_handle, NULL);
    (void)uv_run(&daemon->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&daemon->loop);
    upstream_destroy(daemon->upstream);
    stage_destroy(daemon->stage);
    recorder_destroy(daemon->recorder);
    transport_destroy(daemon->transport);
    admission_destroy(daemon->admission);
    store_destroy(daemon->store);
    dtls_identity_destroy(daemon->identity);
    if (daemon->lock_fd >= 0)
        (void)close(daemon->lock_fd);
}

int main(int argc, char **argv)
{
    static struct daemon daemon = {.lock_fd = -1};
    char problem[CONFIG_PROBLEM_MAX];
    switch (config_load(&daemon.config, argc, argv, problem)) {
    case CONFIG_RUN:
        break;
    case CONFIG_SHOW_HELP:
        (void)fputs(config_help(), stdout);
        return EXIT_SUCCESS;
    case CONFIG_SHOW_VERSION:
        (void)puts("rostrumd " ROSTRUM_VERSION);
        return EXIT_SUCCESS;
    case CONFIG_SHOW_EXAMPLE:
        config_write_example(stdout);
        return EXIT_SUCCESS;
    default:
        (void)fail("configuration", problem);
        return 2;
    }
    thread_set_role(THREAD_CONTROL);
    log_set_level(daemon.config.log_level);
    (void)signal(SIGPIPE, SIG_IGN);
    set_descriptor_limit(&daemon.config);
    heap_tune();
    if (uv_loop_init(&daemon.loop) != 0)
        return fail("event loop", "the system has no room for one");
    int status = run(&daemon);
    clear(&daemon);
    return status;
}
