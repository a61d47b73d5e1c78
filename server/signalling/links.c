#include "signalling/links.h"

#include "base/clock.h"
#include "base/random.h"
#include "signalling/clients.h"
#include "signalling/links_internal.h"
#include "telemetry/log.h"

#include <stdlib.h>
#include <string.h>

enum {
    MS_US = 1000,
    TICK_MS = 50,
    STALL_US = 500 * MS_US, /* a tick this late: the process was stopped, or very busy */
    REFUSED_LOG_US = 1000 * MS_US,
};

/* ---- the log ---- */

/* Strangers can cause it: one line a second. */
void links_log_refused(struct links *links, const char *node, const char *reason)
{
    char safe[LOG_SAFE_MAX];
    uint64_t now_us = clock_now_us();
    if (links->refused_us != 0 && now_us < links->refused_us + REFUSED_LOG_US) {
        links->refused_unlogged++;
        return;
    }
    log_warn("tree.link_refused", "node=%s reason=%s unlogged=%u",
             node[0] != '\0' ? log_safe(safe, node) : "unknown", reason, links->refused_unlogged);
    links->refused_us = now_us;
    links->refused_unlogged = 0;
}

/* ---- the table ---- */

struct link *link_create(struct links *links, enum trust_role role)
{
    struct link *link = calloc(1, sizeof(*link));
    if (link == NULL)
        return NULL;
    link->links = links;
    link->number = ++links->numbers;
    link->reason = "closed";
    link->begun_us = link->heard_us = link->said_us = clock_now_us();
    link->queue_end = &link->queue;
    trust_begin(&link->trust, role, &links->key, links->id);
    link->next = links->list;
    links->list = link;
    return link;
}

struct link *link_find(struct links *links, uint32_t number)
{
    struct link *link = links->list;
    while (link != NULL && link->number != number)
        link = link->next;
    return link;
}

static void link_free(struct link *link)
{
    struct link **at = &link->links->list;
    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    if (link->client != NULL)
        link->client->node_link = NULL;
    while (link->queue != NULL) {
        struct link_message *message = link->queue;
        link->queue = message->next;
        free(message);
    }
    free(link->message);
    trust_clear(&link->trust);
    free(link);
}

/* The one over which words go. NULL: the node is not up. */
static struct link *best_link(const struct links *links, const char *node)
{
    struct link *best = NULL;
    for (struct link *link = links->list; link != NULL; link = link->next)
        if (link->is_proved && !link->is_doomed && !link->is_closing &&
            strcmp(trust_other(&link->trust), node) == 0 &&
            (best == NULL || link->proved_number > best->proved_number))
            best = link;
    return best;
}

static bool has_proved_link(const struct links *links, const char *node)
{
    for (const struct link *link = links->list; link != NULL; link = link->next)
        if (link->is_proved && strcmp(trust_other(&link->trust), node) == 0)
            return true;
    return false;
}

static struct wanted *find_wanted(const struct links *links, const char *node)
{
    struct wanted *wanted = links->wanted;
    while (wanted != NULL && strcmp(wanted->node, node) != 0)
        wanted = wanted->next;
    return wanted;
}

/* ---- up and down ---- */

/* It makes way for nobody any more, and finds a place when strangers take all others. */
static void make_known(struct client *client)
{
    client_wait(client, CLIENT_BUSY);
    familiar_note(&client->signalling->familiar, &client->from, clock_now_us());
}

static void tell_up(const struct links *links, const char *node)
{
    if (!links->is_mute && links->events.on_up != NULL)
        links->events.on_up(links->events.ctx, node);
}

void link_proved(struct link *link)
{
    struct links *links = link->links;
    const char *node = trust_other(&link->trust);
    link->is_proved = true;
    link->proved_number = ++links->proofs;
    if (link->wanted != NULL) {
        link->wanted->again_ms = LINKS_AGAIN_MS;
        link->wanted->has_failed = false;
    }
    if (link->client != NULL)
        make_known(link->client);
    log_info("tree.link_up", "node=%s called_by=%s", node,
             link->client != NULL ? "other" : "this_node");
    tell_up(links, node);
}

/* It counts no more, whether libwebsockets still has it or not. */
static void lose(struct link *link)
{
    struct links *links = link->links;
    char node[NODE_ID_MAX + 1];
    link->is_doomed = true;
    if (!link->is_proved)
        return;
    link->is_proved = false;
    memcpy(node, trust_other(&link->trust), sizeof(node));
    log_info("tree.link_down", "node=%s called_by=%s reason=%s", node,
             link->client != NULL ? "other" : "this_node", link->reason);
    if (links_is_up(links, node))
        tell_up(links, node);
    else if (!has_proved_link(links, node) && !links->is_mute && links->events.on_down != NULL)
        links->events.on_down(links->events.ctx, node);
}

/* A node that stays away is told of once. */
static void dial_later(struct wanted *wanted, const char *reason, bool was_proved)
{
    uint32_t again_ms = wanted->again_ms;
    wanted->call = 0;
    wanted->dial_at_us =
        clock_now_us() + (again_ms / 2 + random_u32() % (again_ms / 2 + 1)) * (uint64_t)MS_US;
    wanted->again_ms = again_ms * 2 < LINKS_AGAIN_MAX_MS ? again_ms * 2 : LINKS_AGAIN_MAX_MS;
    if (was_proved)
        return;
    if (wanted->has_failed)
        log_debug("tree.link_failed", "node=%s reason=%s", wanted->node, reason);
    else
        log_warn("tree.link_failed", "node=%s reason=%s hint=goes_on_trying", wanted->node, reason);
    wanted->has_failed = true;
}

void wanted_failed(struct wanted *wanted, const char *reason)
{
    dial_later(wanted, reason, false);
}

void link_gone(struct link *link, const char *reason)
{
    char safe[LOG_SAFE_MAX];
    bool was_proved = link->proved_number != 0;
    lose(link);
    /* Looked at only now: what was told may have released it. */
    if (link->wanted != NULL)
        dial_later(link->wanted, reason != NULL ? log_safe(safe, reason) : link->reason,
                   was_proved);
    link_free(link);
}

/* ---- those who call ---- */

/* Of too many strangers the oldest makes way: to refuse the newest would let sixteen keep all nodes out. */
static void bound_unproved(struct links *links)
{
    struct link *oldest = NULL;
    unsigned count = 0;
    for (struct link *link = links->list; link != NULL; link = link->next) {
        if (link->client == NULL || link->proved_number != 0 || link->is_doomed)
            continue;
        count++;
        oldest = link; /* the newest stands first */
    }
    if (count <= LINKS_UNPROVED_MAX)
        return;
    links_log_refused(links, "", "too_many_unproved");
    link_cut(oldest, "too_many_unproved");
}

int links_on_called(struct client *client)
{
    struct links *links = client->signalling->links;
    if (!client->is_node || links == NULL || links->is_closing)
        return -1;
    struct link *link = link_create(links, TRUST_CALLED);
    if (link == NULL)
        return -1;
    link->client = client;
    link->wsi = client->wsi;
    client->node_link = link;
    bound_unproved(links);
    return link_on_open(link, clock_now_us());
}

void links_on_caller_gone(struct client *client)
{
    if (client->node_link == NULL)
        return;
    client->node_link->wsi = NULL;
    link_gone(client->node_link, NULL);
}

/* ---- time ---- */

static void watch(struct link *link, uint64_t now_us)
{
    if (link->is_doomed)
        return;
    if (link->is_closing && now_us > link->close_by_us) {
        link_cut(link, link->reason);
    } else if (link->is_proved && now_us > link->heard_us + LINKS_SILENT_MS * (uint64_t)MS_US) {
        link_cut(link, "silent");
        lose(link);
    } else if (!link->is_proved && now_us > link->begun_us + LINKS_PROOF_MS * (uint64_t)MS_US) {
        if (link->client != NULL)
            links_log_refused(link->links, trust_other(&link->trust), "no_proof_in_time");
        link_cut(link, "no_proof_in_time");
    } else if (link->is_proved && !link->is_closing &&
               now_us >= link->said_us + LINKS_TALK_MS * (uint64_t)MS_US &&
               link_say(link, slice_of(NULL, 0)) != 0) {
        link_cut(link, "no_memory");
    }
}

/* What came in while this process did not run is still in the sockets, unread. */
static void forgive_stall(struct links *links, uint64_t now_us)
{
    uint64_t late_us = now_us - links->ticked_us;
    if (links->ticked_us != 0 && late_us > STALL_US)
        for (struct link *link = links->list; link != NULL; link = link->next) {
            link->heard_us += late_us;
            link->begun_us += late_us;
        }
    links->ticked_us = now_us;
}

/* What is told of a loss may end or begin others: so one is looked at after the other, by number. */
static void on_tick(uv_timer_t *timer)
{
    struct links *links = timer->data;
    uint64_t now_us = clock_now_us();
    forgive_stall(links, now_us);
    for (struct link *link = links->list; link != NULL;) {
        uint32_t next = link->next != NULL ? link->next->number : 0;
        watch(link, now_us);
        link = next != 0 ? link_find(links, next) : NULL;
    }
    for (struct wanted *wanted = links->wanted; wanted != NULL && !links->is_closing;
         wanted = wanted->next)
        links_dial_tick(wanted, now_us);
}

/* ---- for the rooms ---- */

void links_want(struct links *links, const char *node, const char *url)
{
    struct wanted *wanted = find_wanted(links, node);
    if (wanted == NULL) {
        wanted = calloc(1, sizeof(*wanted));
        if (wanted == NULL) {
            log_error("tree.link_failed", "node=%s reason=no_memory", node);
            return;
        }
        wanted->links = links;
        wanted->again_ms = LINKS_AGAIN_MS;
        memcpy(wanted->node, node, strnlen(node, NODE_ID_MAX));
        wanted->next = links->wanted;
        links->wanted = wanted;
    }
    if (strcmp(wanted->url, url) != 0) {
        memset(wanted->url, 0, sizeof(wanted->url));
        memcpy(wanted->url, url, strnlen(url, NODE_URL_MAX));
        wanted->address_count = 0;
    }
    wanted->count++;
    if (!links->is_closing)
        links_dial_tick(wanted, clock_now_us());
}

static void forget(struct wanted *wanted)
{
    struct wanted **at = &wanted->links->wanted;
    while (*at != wanted)
        at = &(*at)->next;
    *at = wanted->next;
    links_dial_forget(wanted);
    free(wanted);
}

void links_release(struct links *links, const char *node)
{
    struct wanted *wanted = find_wanted(links, node);
    if (wanted == NULL || --wanted->count > 0)
        return;
    struct link *link = link_find(links, wanted->call);
    if (link != NULL) {
        link->wanted = NULL;
        link_close(link, "released");
    }
    forget(wanted);
}

int links_say(struct links *links, const char *node, struct slice word)
{
    struct link *link = best_link(links, node);
    return link != NULL ? link_say(link, word) : ERR_NOENT;
}

bool links_is_up(const struct links *links, const char *node)
{
    return best_link(links, node) != NULL;
}

/* ---- life ---- */

int links_create(struct links **out, struct signalling *signalling,
                 const struct links_params *params)
{
    struct links *links = calloc(1, sizeof(*links));
    if (links == NULL)
        return ERR_NOMEM;
    links->timer = calloc(1, sizeof(*links->timer));
    if (links->timer == NULL) {
        free(links);
        return ERR_NOMEM;
    }
    uv_timer_init(signalling->loop, links->timer); /* cannot fail */
    links->timer->data = links;
    links->signalling = signalling;
    links->key = *params->key;
    memcpy(links->id, params->id, strnlen(params->id, NODE_ID_MAX));
    if (params->events != NULL)
        links->events = *params->events;
    *out = links;
    return 0;
}

int links_start(struct links *links)
{
    int err = links_dial_start(links);
    if (err == 0)
        uv_timer_start(links->timer, on_tick, TICK_MS, TICK_MS);
    return err;
}

unsigned links_count(const struct links *links)
{
    unsigned count = 0;
    for (const struct link *link = links->list; link != NULL; link = link->next)
        count++;
    return count;
}

void links_close(struct links *links)
{
    links->is_closing = true;
    for (struct link *link = links->list; link != NULL; link = link->next)
        link_close(link, "closing");
}

void links_mute(struct links *links)
{
    if (links != NULL)
        links->is_mute = true;
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

void links_destroy(struct links *links)
{
    if (links == NULL)
        return;
    links->is_mute = true;
    links->is_closing = true;
    uv_close((uv_handle_t *)links->timer, free_handle);
    while (links->wanted != NULL) {
        struct link *link = link_find(links, links->wanted->call);
        if (link != NULL)
            link->wanted = NULL;
        forget(links->wanted);
    }
    while (links->list != NULL)
        link_free(links->list);
    links_dial_stop(links);
    explicit_bzero(&links->key, sizeof(links->key));
    free(links);
}
