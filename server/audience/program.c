#include "audience/program.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    bool used;
    struct program_packet packet; /* its payload points at `payload` */
    uint8_t payload[PROGRAM_PAYLOAD_MAX];
};

struct program {
    bool has_newest;
    uint64_t newest_index;
    struct slot slots[PROGRAM_HISTORY]; /* a packet lies at index % PROGRAM_HISTORY */
};

int program_create(struct program **out)
{
    struct program *program = calloc(1, sizeof(*program));
    if (!program)
        return ERR_NOMEM;
    *out = program;
    return 0;
}

void program_destroy(struct program *program)
{
    free(program);
}

int program_push(struct program *program, const struct program_packet *packet)
{
    if (packet->bytes > PROGRAM_PAYLOAD_MAX)
        return ERR_INVAL;
    if (program->has_newest && packet->index <= program->newest_index)
        return ERR_INVAL;
    struct slot *slot = &program->slots[packet->index % PROGRAM_HISTORY];
    slot->used = true;
    slot->packet = *packet;
    slot->packet.payload = slot->payload;
    if (packet->bytes > 0)
        memcpy(slot->payload, packet->payload, packet->bytes);
    program->has_newest = true;
    program->newest_index = packet->index;
    return 0;
}

int program_get(const struct program *program, uint64_t index, struct program_packet *out)
{
    const struct slot *slot = &program->slots[index % PROGRAM_HISTORY];
    if (!slot->used || slot->packet.index != index)
        return ERR_NOENT;
    /* After a jump of the index a slot may still hold a packet from long before. */
    if (program->newest_index - index >= PROGRAM_HISTORY)
        return ERR_NOENT;
    *out = slot->packet;
    return 0;
}

bool program_keeps(const struct program *program, uint64_t index, unsigned back)
{
    return program->has_newest && index <= program->newest_index &&
           program->newest_index - index + back < PROGRAM_HISTORY;
}
