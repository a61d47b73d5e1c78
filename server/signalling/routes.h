/* routes.h - which handler answers which method and path.
 *
 * Owner    constants
 * Thread   control
 * Units    none
 * Errors   unknown paths and methods have handlers too: 404 and 405
 * Spec     the HTTP surface: README of the server; RFC 9110 sections 15.5.5, 15.5.6
 */
#ifndef SIGNALLING_ROUTES_H
#define SIGNALLING_ROUTES_H

#include "signalling/http.h"

#define ROUTES_ASSETS "/assets/" /* below it: what pages are made of */

/* Fills request->handle and request->params. True: this route wants a body (411 without a length). */
bool routes_choose(struct request *request);
/* Matches `path` with a pattern such as "/r/{slug}"; a {…} takes one segment of 1..REQUEST_PARAM_MAX. */
bool route_matches(const char *pattern, const char *path,
                   char params[REQUEST_PARAMS_MAX][REQUEST_PARAM_MAX + 1]);

#endif
