#include "sdp_internal.h"

enum { PTIME_MS_MAX = 1000 };

static bool parse_direction(struct slice name, struct sdp_transport *transport)
{
    static const struct {
        const char *name;
        enum sdp_direction direction;
    } directions[] = {{"sendrecv", SDP_SENDRECV},
                      {"sendonly", SDP_SENDONLY},
                      {"recvonly", SDP_RECVONLY},
                      {"inactive", SDP_INACTIVE}};
    for (size_t i = 0; i < sizeof(directions) / sizeof(directions[0]); i++) {
        if (slice_is(name, directions[i].name)) {
            transport->has_direction = true;
            transport->direction = directions[i].direction;
            return true;
        }
    }
    return false;
}

/* Attributes that may stand at both levels. ERR_AGAIN: none of those. */
static int parse_transport(struct sdp_reader *reader, struct slice name, struct slice value,
                           struct sdp_transport *transport)
{
    if (slice_is(name, "ice-ufrag"))
        return sdp_parse_ufrag(reader, value, &transport->ufrag);
    if (slice_is(name, "ice-pwd"))
        return sdp_parse_pwd(reader, value, &transport->pwd);
    if (slice_is(name, "fingerprint"))
        return sdp_parse_fingerprint(reader, value, &transport->fingerprint);
    if (slice_is(name, "setup"))
        return sdp_parse_setup(reader, value, &transport->setup);
    return parse_direction(name, transport) ? 0 : ERR_AGAIN;
}

static void parse_group(struct slice value, struct sdp_session *session)
{
    struct cursor c = cursor_of(value);
    if (!session->has_bundle && slice_is(sdp_word(&c), "BUNDLE")) {
        session->has_bundle = true;
        session->bundle = cursor_rest(&c);
    }
}

static int parse_mid(struct sdp_reader *reader, struct slice value, struct sdp_section *section)
{
    if (!sdp_is_token(value) || value.bytes > SDP_MID_MAX)
        return sdp_fail(reader->error, ERR_PROTO, reader->line,
                        "a=mid must be 1 to %d characters without spaces", SDP_MID_MAX);
    section->mid = value;
    return 0;
}

static int parse_ssrc(struct sdp_reader *reader, struct slice value, struct sdp_section *section)
{
    struct cursor c = cursor_of(value);
    uint64_t ssrc;
    if (!sdp_number(sdp_word(&c), UINT32_MAX, &ssrc))
        return sdp_fail(reader->error, ERR_PROTO, reader->line,
                        "a=ssrc must begin with a number of 32 bits");
    if (!section->has_ssrc) {
        section->has_ssrc = true;
        section->ssrc = (uint32_t)ssrc;
    }
    return 0;
}

static int parse_ptime(struct sdp_reader *reader, struct slice value, struct sdp_section *section)
{
    struct cursor c = cursor_of(value);
    uint64_t ptime_ms;
    struct slice whole = cursor_until(&c, '.'); /* "2.5" is legal, though nobody writes it */
    if (!sdp_number(whole, PTIME_MS_MAX, &ptime_ms))
        return sdp_fail(reader->error, ERR_PROTO, reader->line,
                        "a=ptime must be milliseconds, 1 to %d", PTIME_MS_MAX);
    section->ptime_ms = (unsigned)ptime_ms;
    return 0;
}

/* Attributes of codecs and extensions. ERR_AGAIN: none of those. */
static int parse_audio(struct sdp_reader *reader, struct slice name, struct slice value,
                       struct sdp_section *section)
{
    if (slice_is(name, "rtpmap"))
        return sdp_parse_rtpmap(reader, value, section);
    if (slice_is(name, "fmtp"))
        return sdp_parse_fmtp(reader, value, section);
    if (slice_is(name, "rtcp-fb"))
        return sdp_parse_rtcp_fb(reader, value, section);
    if (slice_is(name, "extmap"))
        return sdp_parse_extmap(reader, value, section);
    if (slice_is(name, "ptime"))
        return parse_ptime(reader, value, section);
    return ERR_AGAIN;
}

static void parse_flag(struct slice name, struct sdp_section *section)
{
    if (slice_is(name, "rtcp-mux"))
        section->rtcp_mux = true;
    else if (slice_is(name, "rtcp-rsize"))
        section->rtcp_rsize = true;
    else if (slice_is(name, "bundle-only"))
        section->bundle_only = true;
    else if (slice_is(name, "end-of-candidates"))
        section->end_of_candidates = true;
}

static int parse_section_attribute(struct sdp_reader *reader, struct slice attribute,
                                   struct sdp_section *section)
{
    struct slice name;
    struct slice value;
    sdp_split_attribute(attribute, &name, &value);
    int err = parse_transport(reader, name, value, &section->transport);
    if (err == ERR_AGAIN && section->kind == SDP_AUDIO)
        err = parse_audio(reader, name, value, section);
    if (err != ERR_AGAIN)
        return err;
    if (slice_is(name, "candidate"))
        return sdp_add_candidate(reader, attribute, &section->candidates);
    if (slice_is(name, "mid"))
        return parse_mid(reader, value, section);
    if (slice_is(name, "ssrc"))
        return parse_ssrc(reader, value, section);
    if (slice_is(name, "msid"))
        section->msid = value;
    parse_flag(name, section);
    return 0;
}

static int parse_session_attribute(struct sdp_reader *reader, struct slice attribute,
                                   struct sdp_session *session)
{
    struct slice name;
    struct slice value;
    sdp_split_attribute(attribute, &name, &value);
    int err = parse_transport(reader, name, value, &session->transport);
    if (err != ERR_AGAIN)
        return err;
    if (slice_is(name, "group"))
        parse_group(value, session);
    else if (slice_is(name, "ice-lite"))
        session->ice_lite = true;
    return 0;
}

static int parse_line(struct sdp_reader *reader, const struct sdp_line *line,
                      struct sdp_session *session)
{
    struct sdp_section *section =
        session->section_count > 0 ? &session->sections[session->section_count - 1] : NULL;
    if (line->type == 'a')
        return section ? parse_section_attribute(reader, line->value, section)
                       : parse_session_attribute(reader, line->value, session);
    if (line->type != 'm')
        return 0; /* o=, s=, c=, t=, b= … say nothing that we use */
    if (session->section_count == SDP_SECTIONS_MAX)
        return sdp_fail(reader->error, ERR_PROTO, reader->line, "more than %d m= sections",
                        SDP_SECTIONS_MAX);
    return sdp_parse_media(reader, line->value, &session->sections[session->section_count++]);
}

/* Session level attributes hold for each section that has none of its own (RFC 8866 section 5.13).
 */
static void inherit(struct sdp_transport *own, const struct sdp_transport *session)
{
    if (own->ufrag.bytes == 0)
        own->ufrag = session->ufrag;
    if (own->pwd.bytes == 0)
        own->pwd = session->pwd;
    if (own->fingerprint.hash == SDP_HASH_NONE)
        own->fingerprint = session->fingerprint;
    if (own->setup == SDP_SETUP_NONE)
        own->setup = session->setup;
    if (!own->has_direction && session->has_direction) {
        own->has_direction = true;
        own->direction = session->direction;
    }
}

static int parse_session(struct sdp_session *session, struct slice text, struct sdp_error *error)
{
    struct sdp_reader reader;
    struct sdp_line line = {0};
    int err = sdp_reader_init(&reader, text, error);
    if (err == 0)
        err = sdp_next_line(&reader, &line);
    if (err == ERR_AGAIN)
        return sdp_fail(error, ERR_PROTO, 0, "the description is empty");
    if (err != 0)
        return err;
    if (line.type != 'v' || !slice_is(line.value, "0"))
        return sdp_fail(error, ERR_PROTO, 1, "the first line must be v=0");
    while ((err = sdp_next_line(&reader, &line)) == 0)
        if ((err = parse_line(&reader, &line, session)) != 0)
            return err;
    if (err != ERR_AGAIN)
        return err;
    if (session->section_count == 0)
        return sdp_fail(error, ERR_PROTO, 0, "there is no m= section; one of audio is needed");
    for (unsigned i = 0; i < session->section_count; i++)
        inherit(&session->sections[i].transport, &session->transport);
    return 0;
}

int sdp_parse(struct sdp_session *out, struct slice text, struct sdp_error *error)
{
    memset(out, 0, sizeof(*out));
    int err = parse_session(out, text, error);
    if (err != 0)
        memset(out, 0, sizeof(*out)); /* too large for a copy: emptied instead */
    return err;
}
