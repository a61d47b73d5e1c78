#include "answer.h"

#include <stdio.h>
#include <stdlib.h>

static enum digest digest_of(enum sdp_hash hash)
{
    return hash == SDP_SHA512 ? DIGEST_SHA512 : hash == SDP_SHA384 ? DIGEST_SHA384 : DIGEST_SHA256;
}

static void take_choice(struct peer_params *params, const struct sdp_choice *choice)
{
    params->ice = ICE_CONTROLLING;
    params->dtls = choice->setup == SDP_PASSIVE ? DTLS_CLIENT : DTLS_SERVER;
    params->fingerprint = (struct fingerprint){.digest = digest_of(choice->fingerprint.hash)};
    memcpy(params->fingerprint.bytes, choice->fingerprint.digest, choice->fingerprint.bytes);
    (void)snprintf(params->remote.ufrag, sizeof(params->remote.ufrag), "%s", choice->ufrag);
    (void)snprintf(params->remote.pwd, sizeof(params->remote.pwd), "%s", choice->pwd);
    params->candidate_count = 0;
    while (params->candidate_count < choice->candidates.count &&
           params->candidate_count < PEER_CANDIDATES_MAX) {
        params->candidates[params->candidate_count] =
            choice->candidates.list[params->candidate_count].address;
        params->candidate_count++;
    }
}

int answer_read(struct peer_params *params, uint8_t *opus_payload_type, struct slice answer,
                struct sdp_error *error)
{
    struct sdp_session *session = malloc(sizeof(*session));
    if (session == NULL)
        return ERR_NOMEM;
    struct sdp_choice choice;
    int err = sdp_parse(session, answer, error);
    if (err == 0)
        err = sdp_select(session, 0, &choice, error);
    free(session);
    if (err != 0)
        return err;
    take_choice(params, &choice);
    *opus_payload_type = choice.opus_payload_type;
    return 0;
}
