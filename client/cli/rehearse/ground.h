/* ground.h - what the machine that plays the crowd allows: open files, ports, source addresses.
 *
 * Owner    values
 * Thread   the command's
 * Units    counts
 * Errors   ERR_NOENT: the server's name has no address. ERR_FULL: this machine cannot play the plan;
 *          ground_judge() says what it can. ERR_INVAL: the sources do not fit the server
 * Spec     getrlimit(2), ip(7) ip_local_port_range, RFC 1122 section 3.2.1.3 (127.0.0.0/8)
 */
#ifndef REHEARSE_GROUND_H
#define REHEARSE_GROUND_H

#include "base/address.h"
#include "plan.h"

#include <stddef.h>

enum {
    GROUND_NOTES_MAX = 8,
    GROUND_NOTE_CHARS = 256,
    GROUND_SPARE_FILES = 128, /* threads' waits, clocks, names, the look at the server */
    GROUND_LISTENERS_PER_SOURCE = 50,
    GROUND_SOCKETS_PER_ADDRESS = 64, /* what a server lets one address hold unless told otherwise */
    GROUND_PORTS_KEPT = 1024,        /* of the range, for everything else on this machine */
};

/* What people should know before it starts, in whole sentences. */
struct notes {
    unsigned count;
    char list[GROUND_NOTES_MAX][GROUND_NOTE_CHARS];
};
/* What finds no place is dropped. */
void note(struct notes *notes, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct ground {
    uint64_t files;        /* this process may have open, at most */
    uint32_t ports;        /* for outgoing sockets, of each source address and protocol */
    unsigned cores;        /* this process may use */
    struct address server; /* where the server's name leads */
    bool server_is_here;   /* on this machine */
    bool server_is_loopback;
};

/* What the plan wants open at its peak. */
struct ground_need {
    uint32_t listeners, websockets, wheps;
    uint64_t files;
};
struct ground_need ground_need(const struct plan *plan);

/* Asks the system. host: a name or an address; when it leads to several, one that `source` (NULL:
 * none is given) can reach. ERR_NOENT. */
MUST_CHECK int ground_look(struct ground *out, const char *host, uint16_t port,
                           const struct address *source);
/* ERR_INVAL: not an address of this machine, or one from which the server cannot be reached. */
MUST_CHECK int ground_check_source(const struct ground *ground, const struct address *source);
/* Lets this process have so many files open, as far as the system allows. */
void ground_raise_files(uint64_t files);
/* How many source addresses to use: those given, else many of 127.0.0.0/8 for a server there, else
 * 0 (the system chooses). */
uint32_t ground_source_count(const struct ground *ground, const struct ground_need *need,
                             uint32_t given);
/* Source `number` of 127.0.0.0/8; none twice below 4,000,000. */
struct address ground_loopback_source(uint32_t number);
/* ERR_FULL: problem says what is allowed. Otherwise notes say what may disturb. */
MUST_CHECK int ground_judge(const struct ground *ground, const struct ground_need *need,
                            uint32_t sources, struct notes *notes, char problem[PLAN_PROBLEM_MAX]);

/* What the machine's processors have done since it started: all of it (also what a host of virtual
 * machines took away), and what of it was the kernel's network and interrupts, which no process is
 * charged for. False: it is not told. */
struct machine_time {
    uint64_t busy_us, kernel_us;
};
MUST_CHECK bool ground_machine_time(struct machine_time *out);
/* The "cpu" line of /proc/stat. */
MUST_CHECK bool ground_parse_stat(struct machine_time *out, const char *line,
                                  unsigned ticks_per_second);

/* Datagrams that this machine's sockets had no room for since it started; 0 where it is not told. */
uint64_t ground_udp_overflows(void);
/* The value of `column` in the "Udp:" lines of /proc/net/snmp. False: it is not there. */
bool ground_parse_udp(const char *text, const char *column, uint64_t *out);
/* The value of the line `name` in /proc/net/snmp6. False: it is not there. */
bool ground_parse_udp6(const char *text, const char *name, uint64_t *out);

#endif
