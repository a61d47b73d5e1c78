/* error.h - the one set of error codes; every fallible function returns 0 or one of these.
 *
 * Owner    nobody: plain constants
 * Thread   any
 * Units    none
 * Errors   all are negative; 0 is success
 * Spec     none
 */
#ifndef ROSTRUM_ERROR_H
#define ROSTRUM_ERROR_H

#if defined(__GNUC__)
#define MUST_CHECK __attribute__((warn_unused_result))
#else
#define MUST_CHECK
#endif

enum {
    ERR_INVAL = -1,        /* an argument is out of its documented range */
    ERR_NOMEM = -2,        /* memory, or a pool filled at start, is exhausted */
    ERR_PROTO = -3,        /* bytes from outside break their specification */
    ERR_FULL = -4,         /* a bounded ring, table or list is full; try later or drop */
    ERR_AGAIN = -5,        /* nothing to do now; not a failure */
    ERR_AUTH = -6,         /* a credential, digest or authentication tag is wrong */
    ERR_NOENT = -7,        /* no such room, peer, file or key */
    ERR_EXIST = -8,        /* it exists already */
    ERR_BADSTATE = -9,     /* not allowed in the present state (OpenSSL owns the name ERR_STATE) */
    ERR_IO = -10,          /* the operating system refused a file or socket operation */
    ERR_DAMAGED = -11,     /* a file of ours does not hold what we wrote */
    ERR_CRYPTO = -12,      /* the cryptographic library failed */
    ERR_UNSUPPORTED = -13, /* valid, but not something we serve */
};

/* A short English name for logs, such as "no memory". Lends a constant; never NULL. */
const char *error_name(int err);

#endif
