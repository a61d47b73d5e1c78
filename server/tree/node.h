/* node.h - what a node tells the others of itself: who it is, where, and what it could take now.
 *
 * Owner    values
 * Thread   any
 * Units    seats are listeners; bit/s; per mille
 * Errors   none
 * Spec     none
 */
#ifndef TREE_NODE_H
#define TREE_NODE_H

#include <stdbool.h>
#include <stdint.h>

enum { NODE_ID_MAX = 32, NODE_URL_MAX = 255, NODE_REGION_MAX = 32 };

struct node_view {                       /* what a node tells of itself, about once a second */
    char id[NODE_ID_MAX + 1];            /* stable over restarts; letters, digits, '-' */
    char url[NODE_URL_MAX + 1];          /* "https://a.example": pages, API, WebSocket, links */
    char region[NODE_REGION_MAX + 1];    /* "": none */
    uint32_t seats, seats_free;          /* that it serves well now, as its governor says */
    uint32_t joins_per_s;                /* that it can take */
    uint64_t egress_bps, egress_max_bps; /* now; the operator's limit, 0: none */
    uint32_t load_permille;              /* of the busiest part of the node */
    bool is_draining;                    /* takes nobody new, wants to be left */
};

#endif
