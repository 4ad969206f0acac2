/* Counts how often each request was started. */

#include "ids.h"

enum { WORDS = 2 };

/* One more start of each of `number` requests: the how-manieth it is. */
void count_starts(const struct ids *fresh, const struct ids *old, const uint64_t *ids, int64_t number, int32_t *counts)
{
    for (int64_t i = 0; i < number; i++) counts[i] = (int32_t)count_again(fresh, old, ids + WORDS * i, WORDS);
}

/* The same for an id of 36 bytes; 0 where it is no UUID. */
int64_t count_start(const struct ids *fresh, const struct ids *old, const uint8_t *text)
{
    uint64_t id[WORDS];
    return uuid_of(text, id) ? (int64_t)count_again(fresh, old, id, WORDS) : 0;
}
