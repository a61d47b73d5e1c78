#include "signalling/range.h"

#include <string.h>
#include <strings.h>

/* Reads digits; false when there are none or they do not fit. */
static bool read_number(const char **at, uint64_t *out)
{
    uint64_t value = 0;
    const char *p = *at;
    if (*p < '0' || *p > '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (value > (UINT64_MAX - digit) / 10)
            value = UINT64_MAX; /* beyond any file of ours, and stays so */
        else
            value = value * 10 + digit;
    }
    *at = p;
    *out = value;
    return true;
}

static const char *skip_spaces(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

/* "-N": the last N bytes. */
static enum range_answer suffix_range(const char *p, uint64_t bytes, struct range *out)
{
    uint64_t count;
    if (!read_number(&p, &count) || *skip_spaces(p) != '\0')
        return RANGE_WHOLE;
    if (count == 0 || bytes == 0)
        return RANGE_UNSATISFIABLE;
    out->first = count < bytes ? bytes - count : 0;
    out->last = bytes - 1;
    return RANGE_PART;
}

enum range_answer range_parse(const char *header, uint64_t bytes, struct range *out)
{
    static const char unit[] = "bytes=";
    if (strncasecmp(header, unit, sizeof(unit) - 1) != 0)
        return RANGE_WHOLE;
    const char *p = skip_spaces(header + sizeof(unit) - 1);
    if (*p == '-')
        return suffix_range(p + 1, bytes, out);
    uint64_t first;
    uint64_t last = UINT64_MAX;
    if (!read_number(&p, &first) || *p++ != '-')
        return RANGE_WHOLE;
    bool open_ended = !read_number(&p, &last);
    /* Anything behind, a comma above all, asks for several ranges: RFC 9110 section 14.2 lets us ignore that,
     * and so a thousand ranges cost nothing (CVE-2011-3192). */
    if (*skip_spaces(p) != '\0' || (!open_ended && last < first))
        return RANGE_WHOLE;
    if (first >= bytes)
        return RANGE_UNSATISFIABLE;
    out->first = first;
    out->last = last < bytes ? last : bytes - 1;
    return RANGE_PART;
}

static bool is_listed(const char *list, const char *etag, bool weakly)
{
    size_t etag_chars = strlen(etag);
    const char *p = skip_spaces(list);
    if (*p == '*')
        return true;
    while (*p != '\0') {
        bool is_weak = strncmp(p, "W/", 2) == 0;
        if (is_weak)
            p += 2;
        if (*p != '"')
            return false; /* not a list of entity tags */
        const char *end = strchr(p + 1, '"');
        if (end == NULL)
            return false;
        size_t chars = (size_t)(end + 1 - p);
        if ((weakly || !is_weak) && chars == etag_chars && memcmp(p, etag, chars) == 0)
            return true;
        p = skip_spaces(end + 1);
        if (*p == ',')
            p = skip_spaces(p + 1);
    }
    return false;
}

bool etag_is_listed(const char *list, const char *etag)
{
    return is_listed(list, etag, true);
}

bool etag_is_listed_strongly(const char *list, const char *etag)
{
    return is_listed(list, etag, false);
}

bool etag_allows_range(const char *if_range, const char *etag)
{
    return if_range[0] == '\0' || strcmp(if_range, etag) == 0;
}
