/* Tables of ids with open addressing, which ids.py owns and enlarges. */

#pragma once

#include "native.h"

/* `size` slots, a power of two, of which at least half are empty. A slot is the words of an id and a value, which is 0 where the
   slot is empty. */
struct ids {
    uint64_t *slots;
    int64_t size;
};

/* The slot of an id of so many words, or the empty one where it belongs. */
static inline uint64_t *slot_of(const struct ids *table, const uint64_t *id, int words)
{
    uint64_t mixed = 0;
    for (int i = 0; i < words; i++) mixed = (mixed ^ mixed >> 29 ^ id[i]) * 0x9E3779B97F4A7C15u;
    for (uint64_t place = mixed ^ mixed >> 32;; place++) {
        uint64_t *slot = table->slots + (uint64_t)(words + 1) * (place & (uint64_t)(table->size - 1));
        if (!slot[words] || memcmp(slot, id, sizeof *id * (size_t)words) == 0) return slot;
    }
}

/* How often an id came, this time included; `old` is only read. */
static inline uint64_t count_again(const struct ids *fresh, const struct ids *old, const uint64_t *id, int words)
{
    uint64_t *slot = slot_of(fresh, id, words);
    uint64_t before = slot[words] ? slot[words] : slot_of(old, id, words)[words];
    memcpy(slot, id, sizeof *id * (size_t)words);
    return slot[words] = before + 1;
}
