/* Counts how often each request was started: tables of ids with open addressing, which attempts.py owns and enlarges. */

#include "native.h"

/* An empty slot has a count of 0. */
struct slot {
    uint64_t id[2];
    uint64_t count;
};

/* `size` slots each, a power of two, of which at least half are empty; `old` is only read. */
struct generation {
    struct slot *slots;
    int64_t size;
};

static struct slot *find(struct generation table, const uint64_t *id)
{
    uint64_t mixed = (id[0] ^ id[1] >> 32 ^ id[1] << 32) * 0x9E3779B97F4A7C15u;
    uint64_t place = mixed ^ mixed >> 32;
    for (;; place++) {
        struct slot *slot = table.slots + (place & (uint64_t)(table.size - 1));
        if (!slot->count || (slot->id[0] == id[0] && slot->id[1] == id[1])) return slot;
    }
}

static uint64_t another(struct generation fresh, struct generation old, const uint64_t *id)
{
    struct slot *slot = find(fresh, id);
    uint64_t before = slot->count ? slot->count : find(old, id)->count;
    memcpy(slot->id, id, sizeof slot->id);
    return slot->count = before + 1;
}

/* One more start of each of `number` requests: the how-manieth it is. */
void count_starts(const struct generation *fresh, const struct generation *old, const uint64_t *ids, int64_t number,
                  int32_t *counts)
{
    for (int64_t i = 0; i < number; i++) counts[i] = (int32_t)another(*fresh, *old, ids + 2 * i);
}

/* The same for an id of 36 bytes; 0 where it is no UUID. */
int64_t count_start(const struct generation *fresh, const struct generation *old, const uint8_t *text)
{
    uint64_t id[2];
    return uuid_of(text, id) ? (int64_t)another(*fresh, *old, id) : 0;
}

/* Copy what `from` holds into `to`, which is larger and empty. */
void enlarge(const struct generation *from, const struct generation *to)
{
    for (int64_t i = 0; i < from->size; i++)
        if (from->slots[i].count) *find(*to, from->slots[i].id) = from->slots[i];
}
