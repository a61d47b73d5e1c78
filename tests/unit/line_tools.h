/* line_tools.h - what the tests of the line share: one made of three numbers, and chance with a seed.
 *
 * Owner    a test program
 * Thread   the test's
 * Units    microseconds
 * Errors   a failed cmocka assertion
 * Spec     none
 */
#ifndef TESTS_LINE_TOOLS_H
#define TESTS_LINE_TOOLS_H

#include "admission/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SECOND_US UINT64_C(1000000)

static uint64_t chance = 1;

static inline uint32_t chance_u32(void)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(chance >> 32);
}

static inline uint32_t chance_below(uint32_t end)
{
    return (uint32_t)((uint64_t)chance_u32() * end >> 32);
}

static inline struct line *make_line(uint32_t places_max, uint32_t per_prefix)
{
    const struct line_params params = {places_max, per_prefix, chance_u32};
    struct line *line = NULL;
    assert_int_equal(line_create(&line, &params), 0);
    return line;
}

#endif
