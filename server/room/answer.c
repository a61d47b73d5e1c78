/* What is said to an offer: an answer, a fragment, or why not. */
#include "room/room_internal.h"

#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RETRY_OVERLOAD_MS = 3000,
    HOST_BPS = 64000, /* asked of a host's encoder: mono speech with room for FEC */
    HOST_STEREO_BPS = 128000,
};

/* ---- refusals ---- */

int refuse(struct refusal *refusal, enum refusal_reason reason, uint32_t retry_after_ms,
           const char *message)
{
    *refusal = (struct refusal){.reason = reason, .retry_after_ms = retry_after_ms};
    (void)snprintf(refusal->message, sizeof(refusal->message), "%s", message);
    return reason == REFUSAL_BAD_SDP ? ERR_PROTO : ERR_BADSTATE;
}

static int refuse_sdp(struct refusal *refusal, const struct sdp_error *error)
{
    (void)refuse(refusal, REFUSAL_BAD_SDP, 0, "");
    if (error->line > 0)
        (void)snprintf(refusal->message, sizeof(refusal->message), "SDP line %u: %s", error->line,
                       error->text);
    else
        (void)snprintf(refusal->message, sizeof(refusal->message), "SDP: %s", error->text);
    return ERR_PROTO;
}

int refuse_internal(struct refusal *refusal, int err)
{
    (void)refuse(refusal, REFUSAL_OVERLOAD, RETRY_OVERLOAD_MS,
                 "The server has no room for this connection at the moment.");
    return err;
}

/* ---- SDP ---- */

static struct fingerprint fingerprint_of(const struct sdp_fingerprint *sdp)
{
    struct fingerprint out = {.digest = sdp->hash == SDP_SHA512   ? DIGEST_SHA512
                                        : sdp->hash == SDP_SHA384 ? DIGEST_SHA384
                                                                  : DIGEST_SHA256};
    memcpy(out.bytes, sdp->digest, sdp->bytes);
    return out;
}

/* What we are to this connection: a listener only receives, a host does both (or, by WHIP, only
 * sends). */
static unsigned wanted(uint32_t host)
{
    return host == 0 ? SDP_PEER_RECEIVES : SDP_PEER_SENDS;
}

int answer_parse_offer(struct sdp_session *session, struct sdp_choice *choice, struct slice offer,
                       uint32_t host, struct refusal *refusal)
{
    struct sdp_error error = {0};
    int err = sdp_parse(session, offer, &error);
    if (err == 0)
        err = sdp_select(session, wanted(host), choice, &error);
    return err == 0 ? 0 : refuse_sdp(refusal, &error);
}

static struct sdp_local local_of(const struct connection *connection,
                                 struct address candidates[CONFIG_PUBLIC_ADDRESSES_MAX])
{
    const struct room *room = connection->room;
    const struct rooms_deps *deps = &room->rooms->deps;
    for (unsigned i = 0; i < deps->config->public_address_count; i++) {
        candidates[i] = deps->config->public_addresses[i];
        candidates[i].port = transport_port(deps->transport);
    }
    const struct fingerprint *own = dtls_identity_fingerprint(deps->identity);
    uint32_t host_bps = room->record.stereo ? HOST_STEREO_BPS : HOST_BPS;
    struct sdp_local local = {
        .session_id = connection->peer >> 2,
        .direction = sdp_answer_direction(connection->direction, true, connection->host != 0),
        .setup = connection->setup == SDP_PASSIVE ? SDP_ACTIVE : SDP_PASSIVE,
        .ice_lite = true,
        .ufrag = connection->ufrag,
        .pwd = connection->pwd,
        .fingerprint = {.hash = SDP_SHA256, .bytes = 32},
        .candidates = candidates,
        .candidate_count = deps->config->public_address_count,
        .ssrc = connection->ssrc,
        .cname = "rostrum",
        .stream_id = "program",
        .track_id = connection->host == 0 ? "program" : "stage",
        .nack = true,
        .red = connection->host != 0,
        .red_first = connection->host != 0,
        .stereo = room->record.stereo,
        .max_average_bitrate_bps = connection->host == 0 ? 0 : host_bps,
    };
    memcpy(local.fingerprint.digest, own->bytes, 32);
    if (local.direction == SDP_RECVONLY)
        local.cname = NULL;
    return local;
}

int answer_write(const struct connection *connection, const struct sdp_session *session,
                 const struct sdp_choice *choice, char answer[ANSWER_MAX])
{
    struct address candidates[CONFIG_PUBLIC_ADDRESSES_MAX];
    struct sdp_local local = local_of(connection, candidates);
    struct writer out = writer_of((uint8_t *)answer, ANSWER_MAX);
    return sdp_write_answer(session, choice, &local, &out);
}

int answer_write_fragment(const struct connection *connection, char answer[ANSWER_MAX])
{
    struct address candidates[CONFIG_PUBLIC_ADDRESSES_MAX];
    struct sdp_local local = local_of(connection, candidates);
    struct writer out = writer_of((uint8_t *)answer, ANSWER_MAX);
    return sdpfrag_write(&local, connection->mid, &out);
}

struct fingerprint answer_fingerprint(const struct sdp_choice *choice)
{
    return fingerprint_of(&choice->fingerprint);
}
