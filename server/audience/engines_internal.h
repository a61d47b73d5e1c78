/* engines_internal.h - the engines that srtp_batch.c chooses from.
 *
 * Owner    constants
 * Thread   any
 * Units    as in srtp_batch.h
 * Errors   as in srtp_batch.h
 * Spec     as in srtp_batch.h
 */
#ifndef AUDIENCE_ENGINES_INTERNAL_H
#define AUDIENCE_ENGINES_INTERNAL_H

#include "audience/srtp_batch.h"

extern const struct srtp_engine engine_openssl;

#endif
