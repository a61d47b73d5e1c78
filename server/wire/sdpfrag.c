#include "sdp_internal.h"

static void copy_once(char *out, struct slice text)
{
    if (out[0] != '\0')
        return; /* bundled sections repeat the same */
    memcpy(out, text.data, text.bytes);
    out[text.bytes] = '\0';
}

static int parse_attribute(struct sdp_reader *reader, struct slice attribute, struct sdpfrag *frag)
{
    struct slice name;
    struct slice value;
    struct slice text = {0};
    sdp_split_attribute(attribute, &name, &value);
    int err = 0;
    if (slice_is(name, "candidate"))
        return sdp_add_candidate(reader, attribute, &frag->candidates);
    if (slice_is(name, "ice-ufrag")) {
        err = sdp_parse_ufrag(reader, value, &text);
        if (err == 0)
            copy_once(frag->ufrag, text);
    } else if (slice_is(name, "ice-pwd")) {
        err = sdp_parse_pwd(reader, value, &text);
        if (err == 0)
            copy_once(frag->pwd, text);
    } else if (slice_is(name, "end-of-candidates")) {
        frag->end_of_candidates = true;
    }
    return err;
}

int sdpfrag_parse(struct sdpfrag *out, struct slice text, struct sdp_error *error)
{
    struct sdp_reader reader;
    struct sdp_line line;
    struct sdpfrag frag = {0};
    int err = sdp_reader_init(&reader, text, error);
    if (err != 0)
        return err;
    while ((err = sdp_next_line(&reader, &line)) == 0)
        if (line.type == 'a' && (err = parse_attribute(&reader, line.value, &frag)) != 0)
            return err;
    if (err != ERR_AGAIN)
        return err;
    if (reader.line == 0)
        return sdp_fail(error, ERR_PROTO, 0, "the fragment is empty");
    *out = frag;
    return 0;
}

int sdpfrag_write(const struct sdp_local *local, const char *mid, struct writer *out)
{
    if (!local->ufrag || !local->pwd)
        return ERR_INVAL;
    size_t start = out->at;
    if (local->ice_lite)
        writer_printf(out, "a=ice-lite\r\n");
    sdp_write_ice(local, out);
    writer_printf(out, "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n"); /* RFC 8840 section 9: a pseudo line */
    if (mid[0] != '\0')
        writer_printf(out, "a=mid:%s\r\n", mid);
    sdp_write_candidates(local, out);
    if (!out->full)
        return 0;
    out->at = start;
    return ERR_FULL;
}
