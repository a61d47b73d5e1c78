/* sdp_internal.h - lines, words and values that the SDP parsers share.
 *
 * Owner    values; slices are borrowed from the text
 * Thread   any
 * Units    lines count from 1
 * Errors   0 or ERR_PROTO with the reader's *error filled
 * Spec     RFC 8866 section 9 (grammar)
 */
#ifndef WIRE_SDP_INTERNAL_H
#define WIRE_SDP_INTERNAL_H

#include "rostrum/sdp.h"

struct sdp_reader {
    struct cursor text;
    unsigned line; /* number of the line last read */
    struct sdp_error *error;
};

struct sdp_line {
    uint8_t type; /* 'v', 'm', 'a' … */
    struct slice value;
};

/* Fills the error and returns err. */
__attribute__((format(printf, 4, 5))) int sdp_fail(struct sdp_error *error, int err, unsigned line,
                                                   const char *format, ...);
/* What was found, made fit for a message: at most 40 printable characters. */
struct sdp_excerpt {
    char text[44];
};
struct sdp_excerpt sdp_excerpt(struct slice found);

/* ERR_PROTO: too long, or a zero byte in it. */
int sdp_reader_init(struct sdp_reader *reader, struct slice text, struct sdp_error *error);
/* ERR_AGAIN: no more lines. ERR_PROTO: too many lines, or not of the form x=value. */
int sdp_next_line(struct sdp_reader *reader, struct sdp_line *out);
/* Splits "name:value"; value is empty without a colon. */
void sdp_split_attribute(struct slice attribute, struct slice *name, struct slice *value);

/* The next word, behind any spaces; empty at the end. */
struct slice sdp_word(struct cursor *c);
/* Decimal digits only, at most max. */
bool sdp_number(struct slice word, uint64_t max, uint64_t *out);
/* Printable ASCII without spaces, at least one character. */
bool sdp_is_token(struct slice word);

/* The values of attributes. They report what is wrong at reader->line. */
int sdp_parse_ufrag(struct sdp_reader *reader, struct slice value, struct slice *out);
int sdp_parse_pwd(struct sdp_reader *reader, struct slice value, struct slice *out);
int sdp_parse_fingerprint(struct sdp_reader *reader, struct slice value,
                          struct sdp_fingerprint *out);
int sdp_parse_setup(struct sdp_reader *reader, struct slice value, enum sdp_setup *out);
/* `attribute` is all of "candidate:…". Adds a usable candidate while there is room. */
int sdp_add_candidate(struct sdp_reader *reader, struct slice attribute,
                      struct sdp_candidates *out);

/* The m= line and the attributes of codecs, which only audio sections have read. */
int sdp_parse_media(struct sdp_reader *reader, struct slice value, struct sdp_section *section);
int sdp_parse_rtpmap(struct sdp_reader *reader, struct slice value, struct sdp_section *section);
int sdp_parse_fmtp(struct sdp_reader *reader, struct slice value, struct sdp_section *section);
int sdp_parse_rtcp_fb(struct sdp_reader *reader, struct slice value, struct sdp_section *section);
int sdp_parse_extmap(struct sdp_reader *reader, struct slice value, struct sdp_section *section);

/* "a=ice-ufrag … a=end-of-candidates", as answers, offers and fragments carry them. */
void sdp_write_ice(const struct sdp_local *local, struct writer *out);
void sdp_write_candidates(const struct sdp_local *local, struct writer *out);

#endif
