/* api.h - one call of the HTTP API with a JSON answer.
 *
 * Owner    the caller owns answers
 * Thread   one
 * Units    none
 * Errors   the exit status of the command; told on standard error, with what the server allows
 * Spec     RFC 9457 (what a refusal looks like)
 */
#ifndef CLI_API_H
#define CLI_API_H

#include "cli.h"

#include <jansson.h>

/* What another node answers is looked at there, once, if it is for everybody's eyes; else who is to be asked is told.
 * Takes `body` (may be NULL). On EXIT_OK *answer is owned by the caller; of a reply without content it is {}. */
int api_call(const struct cli *cli, const char *method, const char *path, json_t *body,
             json_t **answer);
/* Prints it on one line and takes it. Returns EXIT_OK. */
int api_print(json_t *answer);

#endif
