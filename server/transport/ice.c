#include "transport/ice.h"

#include "base/random.h"
#include "rostrum/stun.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>

enum {
    UFRAG_MIN_CHARS = 4,        /* RFC 8839 section 5.4 */
    PWD_MIN_CHARS = 22,         /* RFC 8839 section 5.4 */
    PACE_US = 50 * 1000,        /* RFC 8445 section 14.2: Ta */
    RTO_FIRST_US = 50 * 1000,   /* shorter than RFC 8489's 500 ms, for quick joins */
    RTO_MAX_US = 500 * 1000,    /* RFC 8489 section 6.2.1 */
    KEEPALIVE_US = 2500 * 1000, /* RFC 7675 section 5.1 allows 4..6 s; browsers take 2.5 */
    /* Remotes check the path in use every 2.5 to 6 s: then at least two checks did not come. */
    SILENT_US = 13 * 1000 * 1000,
    FRESH_US = 9 * 1000 * 1000,     /* checks come every 2.5 to 6 s */
    TRIES_KEPT = 8,                 /* answers to older tries are not waited for */
    TRY_BYTE = STUN_TXID_BYTES - 1, /* the last byte of a transaction id counts the tries */
    CHECK_PRIORITY = (110 << 24) | (65535 << 8) | 255, /* RFC 8445 section 5.1.2: peer-reflexive */
};

struct check {
    struct address to;
    uint8_t txid[STUN_TXID_BYTES];
    unsigned tries;
    uint32_t rto_us;
    uint64_t due_us;
    uint64_t sent_us[TRIES_KEPT]; /* by try number */
};

struct ice_checker {
    struct ice_credentials remote;
    struct check checks[PEER_CANDIDATES_MAX];
    unsigned check_count;
    uint64_t tie_breaker;
    uint64_t rtt_us; /* of the last answered check; 0: none yet */
};

static int copy_local(struct ice_local *out, const struct ice_credentials *from)
{
    size_t ufrag_chars = strnlen(from->ufrag, sizeof(from->ufrag));
    size_t pwd_chars = strnlen(from->pwd, sizeof(from->pwd));
    if (ufrag_chars < UFRAG_MIN_CHARS || ufrag_chars > PEER_OWN_UFRAG_CHARS ||
        pwd_chars < PWD_MIN_CHARS || pwd_chars > PEER_OWN_PWD_CHARS)
        return ERR_INVAL;
    *out = (struct ice_local){0};
    memcpy(out->ufrag, from->ufrag, ufrag_chars);
    memcpy(out->pwd, from->pwd, pwd_chars);
    return 0;
}

static bool is_remote_usable(const struct ice_credentials *remote)
{
    size_t ufrag_chars = strnlen(remote->ufrag, sizeof(remote->ufrag));
    size_t pwd_chars = strnlen(remote->pwd, sizeof(remote->pwd));
    return ufrag_chars > 0 && ufrag_chars <= PEER_UFRAG_MAX && pwd_chars > 0 &&
           pwd_chars <= PEER_PWD_MAX;
}

static void checker_init(struct ice_checker *checker, const struct peer_params *params,
                         uint64_t now_us)
{
    *checker = (struct ice_checker){.remote = params->remote,
                                    .check_count = params->candidate_count,
                                    /* we never give in: the largest tie-breaker stays controlling
                                     * (RFC 8445 section 7.3.1.1) */
                                    .tie_breaker = UINT64_MAX - random_u32()};
    for (unsigned i = 0; i < checker->check_count; i++) {
        struct check *check = &checker->checks[i];
        check->to = params->candidates[i];
        check->rto_us = RTO_FIRST_US;
        check->due_us = now_us + (uint64_t)i * PACE_US;
        random_bytes(check->txid, sizeof(check->txid));
    }
}

static int set_params(struct ice *ice, const struct peer_params *params, uint64_t now_us)
{
    struct ice_local local;
    if (copy_local(&local, &params->local) != 0)
        return ERR_INVAL;
    if (params->ice == ICE_CONTROLLING) {
        if (!is_remote_usable(&params->remote) || params->candidate_count > PEER_CANDIDATES_MAX)
            return ERR_INVAL;
        if (!ice->checker)
            ice->checker = malloc(sizeof(*ice->checker));
        if (!ice->checker)
            return ERR_NOMEM;
        checker_init(ice->checker, params, now_us);
    }
    ice->local = local;
    return 0;
}

int ice_init(struct ice *ice, const struct peer_params *params, uint64_t now_us)
{
    *ice = (struct ice){.selected = -1};
    return set_params(ice, params, now_us);
}

int ice_restart(struct ice *ice, const struct peer_params *params, uint64_t now_us)
{
    struct ice_local former = ice->local;
    int err = set_params(ice, params, now_us);
    if (err)
        return err;
    ice->former = former;
    if (ice->checker)
        ice->selected = -1; /* the new candidates decide anew; a lite peer waits for a nomination */
    return 0;
}

void ice_clear(struct ice *ice)
{
    if (ice->checker)
        OPENSSL_cleanse(ice->checker, sizeof(*ice->checker));
    free(ice->checker);
    free(ice->more_paths);
    OPENSSL_cleanse(ice, sizeof(*ice));
}

static struct ice_path *path_at(struct ice *ice, unsigned at)
{
    return at < ICE_PATHS_INSIDE ? &ice->paths[at] : &ice->more_paths[at - ICE_PATHS_INSIDE];
}

const struct ice_path *ice_path_at(const struct ice *ice, unsigned at)
{
    return at < ICE_PATHS_INSIDE ? &ice->paths[at] : &ice->more_paths[at - ICE_PATHS_INSIDE];
}

/* Its number, or -1. */
static int find_path(const struct ice *ice, const struct peer_path *ends)
{
    for (unsigned i = 0; i < ice->path_count; i++) {
        const struct ice_path *path = ice_path_at(ice, i);
        if (path->ends.local == ends->local && address_equal(&path->ends.remote, &ends->remote))
            return (int)i;
    }
    return -1;
}

static bool has_free_path(struct ice *ice)
{
    if (ice->path_count == ICE_PATHS_INSIDE && !ice->more_paths)
        ice->more_paths = calloc(PEER_PATHS_MAX - ICE_PATHS_INSIDE, sizeof(*ice->more_paths));
    return ice->path_count < (ice->more_paths ? PEER_PATHS_MAX : ICE_PATHS_INSIDE);
}

/* The place for a new path: a free one, else that of the oldest path that is not in use. */
static int free_path(struct ice *ice)
{
    if (has_free_path(ice))
        return ice->path_count++;
    int oldest = -1;
    for (int i = 0; i < ice->path_count; i++)
        if (i != ice->selected &&
            (oldest < 0 || ice_path_at(ice, (unsigned)i)->checked_us <
                               ice_path_at(ice, (unsigned)oldest)->checked_us))
            oldest = i;
    return oldest;
}

/* Its number. */
static int note_path(struct ice *ice, const struct peer_path *from, uint64_t now_us)
{
    int at = find_path(ice, from);
    if (at < 0) {
        at = free_path(ice);
        path_at(ice, (unsigned)at)->ends = *from;
    }
    path_at(ice, (unsigned)at)->checked_us = now_us;
    return at;
}

static unsigned select_path(struct ice *ice, int at)
{
    if (ice->selected == at)
        return 0;
    ice->selected = (int8_t)at;
    return ICE_SELECTED;
}

/* There is one. */
static const struct ice_path *path_in_use(const struct ice *ice)
{
    return ice_path_at(ice, (unsigned)ice->selected);
}

/* A lite agent obeys nominations. But a NAT may give the remote another address, and some nominate
 * only once: a path that fell silent gives way to one that is checked, long before consent ends. */
static bool is_to_select(const struct ice *ice, const struct stun_msg *msg, uint64_t now_us)
{
    return msg->use_candidate || ice->selected < 0 ||
           now_us >= path_in_use(ice)->checked_us + SILENT_US;
}

static const struct ice_local *find_local(const struct ice *ice, struct slice ufrag)
{
    if (slice_is(ufrag, ice->local.ufrag))
        return &ice->local;
    if (ice->former.ufrag[0] != '\0' && slice_is(ufrag, ice->former.ufrag))
        return &ice->former;
    return NULL;
}

static unsigned refuse(const struct stun_msg *msg, enum stun_code code, struct slice key,
                       struct writer *reply)
{
    return stun_write_error(msg, code, key, reply) == 0 ? ICE_ACCEPTED : ICE_DROPPED;
}

/* A check of the remote's. Nothing that is not authenticated is answered, not even with 400 or 401:
 * they would make us a reflector and tell strangers which fragments exist. */
static unsigned receive_request(struct ice *ice, const struct stun_msg *msg,
                                const struct peer_path *from, struct slice datagram,
                                uint64_t now_us, struct writer *reply)
{
    struct slice ours, theirs;
    if (stun_split_username(msg->username, &ours, &theirs) != 0)
        return ICE_DROPPED;
    const struct ice_local *local = find_local(ice, ours);
    if (!local)
        return ICE_DROPPED;
    struct slice key = slice_text(local->pwd);
    if (stun_check_integrity(msg, datagram, key) != 0)
        return ICE_DROPPED;
    if (msg->unknown_count > 0)
        return refuse(msg, STUN_UNKNOWN_ATTRIBUTE, key, reply);
    if (ice->checker ? msg->has_controlling : msg->has_controlled)
        return refuse(msg, STUN_ROLE_CONFLICT, key, reply);
    if (stun_write_success(msg->txid, &from->remote, key, reply) != 0)
        return ICE_DROPPED;
    if (local == &ice->local)
        OPENSSL_cleanse(&ice->former, sizeof(ice->former));
    if (ice->checker) {
        /* consent is what our own checks earn; this only makes the path known */
        if (find_path(ice, from) < 0)
            (void)note_path(ice, from, now_us);
        return ICE_ACCEPTED;
    }
    int path = note_path(ice, from, now_us);
    if (is_to_select(ice, msg, now_us))
        return ICE_ACCEPTED | select_path(ice, path);
    return ICE_ACCEPTED;
}

static struct check *find_check(struct ice_checker *checker, const struct stun_msg *msg)
{
    for (unsigned i = 0; i < checker->check_count; i++) {
        struct check *check = &checker->checks[i];
        uint8_t age = (uint8_t)(check->tries - msg->txid[TRY_BYTE]);
        if (memcmp(check->txid, msg->txid, TRY_BYTE) == 0 && age >= 1 && age <= TRIES_KEPT)
            return check;
    }
    return NULL;
}

/* The answer to a check of ours. The first one decides the path, which the next check nominates at
 * once; answers to nominating checks keep consent. */
static unsigned receive_answer(struct ice *ice, const struct stun_msg *msg,
                               const struct peer_path *from, struct slice datagram, uint64_t now_us)
{
    struct ice_checker *checker = ice->checker;
    struct check *check = checker ? find_check(checker, msg) : NULL;
    if (!check || !address_equal(&check->to, &from->remote) ||
        stun_check_integrity(msg, datagram, slice_text(checker->remote.pwd)) != 0)
        return ICE_DROPPED;
    if (msg->class == STUN_ERROR)
        return ICE_ACCEPTED; /* the check is repeated; there is nothing else that we could do */
    checker->rtt_us = now_us - check->sent_us[msg->txid[TRY_BYTE] % TRIES_KEPT];
    if (checker->rtt_us == 0)
        checker->rtt_us = 1; /* 0 means unknown */
    int path = note_path(ice, from, now_us);
    check->rto_us = RTO_FIRST_US;
    if (ice->selected < 0) {
        check->due_us = now_us;
        return ICE_ACCEPTED | select_path(ice, path);
    }
    if (ice->selected == path)
        check->due_us = now_us + KEEPALIVE_US * 4 / 5 + random_u32() % (KEEPALIVE_US * 2 / 5);
    return ICE_ACCEPTED;
}

unsigned ice_receive(struct ice *ice, const struct peer_path *from, struct slice datagram,
                     uint64_t now_us, struct writer *reply)
{
    struct stun_msg msg;
    if (stun_parse(&msg, datagram) != 0 || msg.method != STUN_BINDING)
        return ICE_DROPPED;
    if (msg.has_fingerprint && stun_check_fingerprint(&msg, datagram) != 0)
        return ICE_DROPPED;
    switch (msg.class) {
    case STUN_REQUEST:
        return receive_request(ice, &msg, from, datagram, now_us, reply);
    case STUN_SUCCESS:
    case STUN_ERROR:
        return receive_answer(ice, &msg, from, datagram, now_us);
    case STUN_INDICATION: /* not authenticated, and it asks for nothing */
        return ICE_DROPPED;
    }
    return ICE_DROPPED;
}

/* Once a path is selected only that one is checked. */
static bool is_wanted(const struct ice *ice, const struct check *check)
{
    return ice->selected < 0 || address_equal(&path_in_use(ice)->ends.remote, &check->to);
}

static bool write_check(struct ice *ice, struct check *check, uint64_t now_us, struct writer *out)
{
    char username[PEER_UFRAG_MAX + PEER_OWN_UFRAG_CHARS + 2];
    struct writer name = writer_of(username, sizeof(username));
    writer_text(&name, ice->checker->remote.ufrag);
    writer_text(&name, ":");
    writer_text(&name, ice->local.ufrag);
    struct stun_request request = {
        .username = writer_slice(&name),
        .priority = CHECK_PRIORITY,
        .controlling = true,
        .tie_breaker = ice->checker->tie_breaker,
        .use_candidate = ice->selected >= 0,
    };
    check->txid[TRY_BYTE] = (uint8_t)check->tries;
    memcpy(request.txid, check->txid, sizeof(request.txid));
    check->sent_us[check->tries % TRIES_KEPT] = now_us;
    check->tries++;
    check->due_us = now_us + check->rto_us;
    check->rto_us = check->rto_us * 2 < RTO_MAX_US ? check->rto_us * 2 : RTO_MAX_US;
    return stun_write_request(&request, slice_text(ice->checker->remote.pwd), out) == 0;
}

bool ice_next_check(struct ice *ice, uint64_t now_us, struct address *to, struct writer *out)
{
    if (!ice->checker)
        return false;
    for (unsigned i = 0; i < ice->checker->check_count; i++) {
        struct check *check = &ice->checker->checks[i];
        if (check->due_us <= now_us && is_wanted(ice, check)) {
            *to = check->to;
            return write_check(ice, check, now_us, out);
        }
    }
    return false;
}

unsigned ice_tick(struct ice *ice, uint64_t now_us)
{
    if (ice->selected < 0 || now_us < path_in_use(ice)->checked_us + PEER_CONSENT_US)
        return 0;
    int freshest = 0;
    for (int i = 1; i < ice->path_count; i++)
        if (ice_path_at(ice, (unsigned)i)->checked_us >
            ice_path_at(ice, (unsigned)freshest)->checked_us)
            freshest = i;
    if (ice->checker ||
        now_us >= ice_path_at(ice, (unsigned)freshest)->checked_us + PEER_CONSENT_US)
        return ICE_EXPIRED;
    return select_path(ice, freshest);
}

uint64_t ice_due_us(const struct ice *ice)
{
    uint64_t due_us = UINT64_MAX;
    if (ice->selected >= 0)
        due_us = path_in_use(ice)->checked_us + PEER_CONSENT_US;
    for (unsigned i = 0; ice->checker && i < ice->checker->check_count; i++) {
        const struct check *check = &ice->checker->checks[i];
        if (is_wanted(ice, check) && check->due_us < due_us)
            due_us = check->due_us;
    }
    return due_us;
}

const struct peer_path *ice_selected(const struct ice *ice)
{
    return ice->selected < 0 ? NULL : &path_in_use(ice)->ends;
}

bool ice_has_path(const struct ice *ice, const struct address *remote)
{
    for (unsigned i = 0; i < ice->path_count; i++)
        if (address_equal(&ice_path_at(ice, i)->ends.remote, remote))
            return true;
    return false;
}

bool ice_is_fresh(const struct ice *ice, const struct address *remote, uint64_t now_us)
{
    for (unsigned i = 0; i < ice->path_count; i++) {
        const struct ice_path *path = ice_path_at(ice, i);
        if (address_equal(&path->ends.remote, remote) && now_us < path->checked_us + FRESH_US)
            return true;
    }
    return false;
}

uint64_t ice_rtt_us(const struct ice *ice)
{
    return ice->checker ? ice->checker->rtt_us : 0;
}
