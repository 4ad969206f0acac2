#include "ids.h"

/* Copy what `from` holds into `to`, which is larger and empty. */
void enlarge(const struct ids *from, const struct ids *to, int64_t words)
{
    for (const uint64_t *slot = from->slots; slot < from->slots + (words + 1) * from->size; slot += words + 1)
        if (slot[words]) memcpy(slot_of(to, slot, (int)words), slot, sizeof *slot * (size_t)(words + 1));
}
