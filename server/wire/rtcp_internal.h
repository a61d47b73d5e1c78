/* rtcp_internal.h - packet type numbers that reading and writing RTCP share.
 *
 * Owner    nobody
 * Thread   any
 * Units    bytes
 * Errors   none
 * Spec     RFC 3550 section 12.1, RFC 4585 section 6.1
 */
#ifndef WIRE_RTCP_INTERNAL_H
#define WIRE_RTCP_INTERNAL_H

enum {
    TYPE_SR = 200,    /* RFC 3550 section 12.1 */
    TYPE_RR = 201,    /* RFC 3550 section 12.1 */
    TYPE_SDES = 202,  /* RFC 3550 section 12.1 */
    TYPE_BYE = 203,   /* RFC 3550 section 12.1 */
    TYPE_RTPFB = 205, /* RFC 4585 section 6.1 */
    FMT_NACK = 1,     /* RFC 4585 section 6.2 */
    SDES_END = 0,     /* RFC 3550 section 6.5 */
    SDES_CNAME = 1,   /* RFC 3550 section 12.2 */
    BLOCK_BYTES = 24, /* RFC 3550 section 6.4.1 */
    SENDER_BYTES = 20 /* RFC 3550 section 6.4.1: NTP time to octet count */
};

#endif
