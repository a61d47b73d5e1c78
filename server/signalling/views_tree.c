#include "signalling/views_tree.h"

#include "room/cluster.h"
#include "room/room.h"
#include "tree/branches.h"
#include "tree/placement.h"

static json_t *view_relay(const struct branches_relay *relay)
{
    json_int_t level = relay->level != TREE_NONE ? (json_int_t)relay->level : 0;
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b}", "node", relay->id,
                     "parent", relay->parent, "level", level, "seats", (json_int_t)relay->block,
                     "seated", (json_int_t)relay->seated, "connected", (json_int_t)relay->connected,
                     "hearing", (json_int_t)relay->hearing, "children", (json_int_t)relay->children,
                     "hears", (int)relay->is_hearing, "silent", (int)relay->is_silent);
}

json_t *view_fed(struct rooms *rooms)
{
    json_t *list = json_array();
    for (size_t i = 0; i < rooms_count(rooms); i++) {
        const struct room *room = rooms_at(rooms, i);
        const struct branches *branches = room_branches(room);
        struct branches_relay relay;
        json_t *relays = json_array();
        for (size_t at = 0; branches != NULL && branches_next(branches, &at, &relay);)
            json_array_append_new(relays, view_relay(&relay));
        if (json_array_size(relays) > 0)
            json_array_append_new(
                list, json_pack("{s:s, s:O}", "room", room_record(room)->slug, "relays", relays));
        json_decref(relays);
    }
    return list;
}

json_t *view_relayed(const struct rooms *rooms)
{
    struct relay_view view;
    const struct room *room;
    json_t *list = json_array();
    for (size_t at = 0; (room = rooms_next_relayed(rooms, &at, &view)) != NULL;)
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:I, s:I, s:I, s:I}", "room",
                      room_record(room)->slug, "origin", view.origin, "parent", view.parent,
                      "level", (json_int_t)view.level, "seats", (json_int_t)view.seats, "seated",
                      (json_int_t)view.seated, "reserves", (json_int_t)view.reserves, "children",
                      (json_int_t)view.children, "hears", (int)view.is_hearing, "frames",
                      (json_int_t)view.counts.given, "missing", (json_int_t)view.counts.missing,
                      "repaired_red", (json_int_t)view.counts.repaired_red, "repaired_again",
                      (json_int_t)view.counts.repaired_again));
    return list;
}
