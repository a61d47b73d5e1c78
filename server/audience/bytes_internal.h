/* bytes_internal.h - big-endian numbers at fixed places, for what runs once per datagram.
 *
 * Owner    none
 * Thread   any
 * Units    bytes
 * Errors   none: the caller has made sure of the room
 * Spec     none
 */
#ifndef AUDIENCE_BYTES_INTERNAL_H
#define AUDIENCE_BYTES_INTERNAL_H

#include <stdint.h>

static inline uint32_t bytes_get_u32(const uint8_t *data)
{
    return (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
}

static inline void bytes_put_u32(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)(value >> 24);
    out[1] = (uint8_t)(value >> 16);
    out[2] = (uint8_t)(value >> 8);
    out[3] = (uint8_t)value;
}

#endif
