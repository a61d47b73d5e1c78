/* sdp_fixture.h - the recorded offers and the state that both SDP tests work on.
 *
 * Owner    the including test program
 * Thread   one
 * Units    bytes
 * Errors   cmocka assertions
 * Spec     none
 */
#ifndef TESTS_SDP_FIXTURE_H
#define TESTS_SDP_FIXTURE_H

#include "rostrum/sdp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sdp_session session;
static struct sdp_choice choice;
static struct sdp_error error;
static char text[SDP_BYTES_MAX + 1];

/* Offers recorded from real clients are the fuzzer's seeds as well. */
static inline struct slice recorded(const char *folder, const char *name)
{
    char path[512];
    const char *slash = strrchr(__FILE__, '/');
    assert_non_null(slash);
    (void)snprintf(path, sizeof(path), "%.*s/../fuzz/corpus/%s/%s", (int)(slash - __FILE__),
                   __FILE__, folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t bytes = fread(text, 1, sizeof(text), file);
    assert_in_range(bytes, 1, SDP_BYTES_MAX);
    assert_int_equal(fclose(file), 0);
    return slice_of(text, bytes);
}

static inline void select_recorded(const char *name, unsigned want)
{
    struct slice offer = recorded("sdp", name);
    int err = sdp_parse(&session, offer, &error);
    if (err == 0)
        err = sdp_select(&session, want, &choice, &error);
    if (err != 0)
        print_error("%s: line %u: %s\n", name, error.line, error.text);
    assert_int_equal(err, 0);
}

#endif
