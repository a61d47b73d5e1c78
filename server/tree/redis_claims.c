#include "tree/redis_claims.h"

#include "tree/redis_link.h"
#include "tree/redis_reader.h"

#include <stdio.h>

#include <hiredis/hiredis.h>

enum { FIXED_KEYS = 3, FIXED_ARGUMENTS = 4, ITEM_ARGUMENTS = 3, NUMBER_CHARS = 24, KEY_CHARS = 96 };

_Static_assert(3 + FIXED_KEYS + FIXED_ARGUMENTS + (1 + ITEM_ARGUMENTS) * CLAIM_BATCH_MAX <=
                   REDIS_ARGUMENTS_MAX,
               "a whole batch fits into one command");

static const char room_prefix[] = "rostrum:room:";

/* KEYS: fence, awake, settling, then a lease for each room.
 * ARGV: node, milliseconds of a lease, of being awake, of settling; then for each room: fence,
 * 1 if it is a new claim, lease.
 * Answers for each room: 0 granted, -1 wait, another number: ask for a higher fence than this,
 * a text: the lease of who has it.
 * Bytes are compared one by one, because Lua compares texts as the server's language does. */
static const char claim_script[] =
    "local function get(key)\n"
    "  local value = redis.pcall('GET', key)\n"
    "  return type(value) == 'string' and value or nil\n"
    "end\n"
    "local function bound(key, ms)\n"
    "  local left = redis.call('PTTL', key)\n"
    "  if left == -1 or left > tonumber(ms) then redis.call('PEXPIRE', key, ms) end\n"
    "end\n"
    "local function is_less(a, b)\n"
    "  for i = 1, math.min(#a, #b) do\n"
    "    if a:byte(i) ~= b:byte(i) then return a:byte(i) < b:byte(i) end\n"
    "  end\n"
    "  return #a < #b\n"
    "end\n"
    "local self, lease_ms = ARGV[1], ARGV[2]\n"
    "if redis.call('EXISTS', KEYS[2]) == 0 then redis.call('SET', KEYS[3], 1, 'PX', ARGV[4]) end\n"
    "redis.call('SET', KEYS[2], 1, 'PX', ARGV[3])\n"
    "bound(KEYS[3], ARGV[4])\n"
    "local is_settling = redis.call('EXISTS', KEYS[3]) == 1\n"
    "local top = tonumber(get(KEYS[1]) or 0) or 0\n"
    "if not (top >= 0 and top < 4503599627370496 and top % 1 == 0) then top = 0 end\n"
    "local before, answers = top, {}\n"
    /* It grows by one with each claim: one that is so far ahead was put there by nobody who claims. */
    "local far = 4294967296\n"
    "for i = 4, #KEYS do\n"
    "  local at = 5 + 3 * (i - 4)\n"
    "  local fence, is_new, text = tonumber(ARGV[at]), ARGV[at + 1] == '1', ARGV[at + 2]\n"
    "  if is_new and top - fence > far then top = 0 end\n"
    "  local held = get(KEYS[i])\n"
    "  local owned, owner = string.match(held or '', '^(%d+) ([%w-]+) %x+$')\n"
    "  owned = tonumber(owned)\n"
    "  if owned then bound(KEYS[i], lease_ms) end\n"
    "  local is_free = not owned\n"
    "  local is_own = owned and owner == self and (is_new or fence >= owned)\n"
    "  local wins = owned and not is_new and\n"
    "    (fence > owned or fence == owned and is_less(self, owner))\n"
    "  local answer = 0\n"
    "  if not (is_free or is_own or wins) then answer = held\n"
    "  elseif is_new and is_free and is_settling then answer = -1\n"
    "  elseif is_new and fence <= top then answer = top\n"
    "  else\n"
    "    redis.call('SET', KEYS[i], text, 'PX', lease_ms)\n"
    "    if fence > top then top = fence end\n"
    "  end\n"
    "  answers[#answers + 1] = answer\n"
    "end\n"
    "if top ~= before then redis.call('SET', KEYS[1], string.format('%.0f', top)) end\n"
    "return answers\n";

static const char release_script[] =
    "local held = redis.pcall('GET', KEYS[1])\n"
    "local owner = type(held) == 'string' and string.match(held, '^%d+ ([%w-]+) %x+$')\n"
    "if owner == ARGV[1] then redis.call('DEL', KEYS[1]) end\n"
    "return 0\n";

/* What a command is put together from; texts are kept in `store` until it is sent. */
struct command {
    unsigned count;
    struct slice arguments[REDIS_ARGUMENTS_MAX];
    struct {
        char key[KEY_CHARS], fence[NUMBER_CHARS], lease[LEASE_CHARS_MAX + 1];
    } store[CLAIM_BATCH_MAX];
};

static void add(struct command *command, const char *text)
{
    command->arguments[command->count++] = slice_text(text);
}

int redis_claims_send(struct redis_link *link, const struct cluster_key *key, const char *self,
                      const struct claim_batch *batch, void *request)
{
    struct command command = {.count = 0};
    char keys[NUMBER_CHARS], lease_ms[NUMBER_CHARS], settle_ms[NUMBER_CHARS];
    (void)snprintf(keys, sizeof(keys), "%u", FIXED_KEYS + batch->count);
    (void)snprintf(lease_ms, sizeof(lease_ms), "%d", DIRECTORY_LEASE_MS);
    (void)snprintf(settle_ms, sizeof(settle_ms), "%d", DIRECTORY_SETTLE_MS);
    add(&command, "EVAL");
    add(&command, claim_script);
    add(&command, keys);
    add(&command, "rostrum:fence");
    add(&command, "rostrum:awake");
    add(&command, "rostrum:settling");
    for (unsigned i = 0; i < batch->count; i++) {
        (void)snprintf(command.store[i].key, KEY_CHARS, "%s%s", room_prefix, batch->items[i].slug);
        add(&command, command.store[i].key);
    }
    add(&command, self);
    add(&command, lease_ms);
    add(&command, settle_ms); /* nobody asked for so long: Redis, or all of us, were away */
    add(&command, settle_ms);
    for (unsigned i = 0; i < batch->count; i++) {
        const struct claim_item *item = &batch->items[i];
        struct lease lease = {.fence = item->fence};
        memcpy(lease.node, self, strlen(self) + 1);
        int err = lease_write(&lease, key, item->slug, command.store[i].lease);
        if (err != 0)
            return err;
        (void)snprintf(command.store[i].fence, NUMBER_CHARS, "%llu",
                       (unsigned long long)item->fence);
        add(&command, command.store[i].fence);
        add(&command, item->is_new ? "1" : "0");
        add(&command, command.store[i].lease);
    }
    return redis_link_send(link, command.count, command.arguments, request);
}

int redis_claims_release(struct redis_link *link, const char *self, const char *slug, void *request)
{
    char key[KEY_CHARS];
    (void)snprintf(key, sizeof(key), "%s%s", room_prefix, slug);
    const struct slice arguments[] = {slice_text("EVAL"), slice_text(release_script),
                                      slice_text("1"), slice_text(key), slice_text(self)};
    return redis_link_send(link, sizeof(arguments) / sizeof(arguments[0]), arguments, request);
}

static int parse_one(struct claim_answer *out, const struct cluster_key *key, const char *slug,
                     const struct redisReply *reply, uint64_t *bad)
{
    struct slice text;
    *out = (struct claim_answer){.kind = CLAIM_WAIT};
    if (redis_reply_text(reply, &text)) {
        if (lease_parse(&out->owner, key, slug, text) == 0)
            out->kind = CLAIM_TAKEN;
        else
            (*bad)++;
        return 0;
    }
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer < -1)
        return ERR_PROTO;
    if (reply->integer == 0)
        out->kind = CLAIM_GRANTED;
    else if (reply->integer > 0)
        out->kind = CLAIM_HIGHER;
    out->top_fence = reply->integer > 0 ? (uint64_t)reply->integer : 0;
    return out->top_fence <= FENCE_MAX ? 0 : ERR_PROTO;
}

int redis_claims_parse(struct claim_answer out[CLAIM_BATCH_MAX], const struct claim_batch *batch,
                       const struct cluster_key *key, const struct redisReply *reply, uint64_t *bad)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != batch->count)
        return ERR_PROTO;
    for (unsigned i = 0; i < batch->count; i++) {
        int err = parse_one(&out[i], key, batch->items[i].slug, reply->element[i], bad);
        if (err != 0)
            return err;
    }
    return 0;
}
