/* What the files of the native library share. They never allocate: columns and tables belong to Python. */

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "texts are read as little-endian words");

typedef const uint8_t *Place;

static inline uint64_t word(Place place)
{
    uint64_t value;
    memcpy(&value, place, sizeof value);
    return value;
}

/* Hexadecimal digits in lower case alone, sixteen at a time: every text that is asked about has that many. */
static inline bool is_hexadecimal(Place at, int size)
{
    uint8_t odd = 0;
    for (int begin = 0; begin < size; begin += 16) {
        Place block = at + (begin < size - 16 ? begin : size - 16);
        for (int i = 0; i < 16; i++) {
            uint8_t digit = (uint8_t)(block[i] - '0'), letter = (uint8_t)(block[i] - 'a');
            odd |= (uint8_t)((digit > 9) & (letter > 5));
        }
    }
    return !odd;
}

/* The 128 bits of a UUID such as 6556e9bb-dd89-49e6-9dc4-d8344fdc37cb, in an order of our own; false where it is none. */
static inline bool uuid_of(Place text, uint64_t id[2])
{
    uint8_t digits[32];
    memcpy(digits, text, 8);
    memcpy(digits + 8, text + 9, 4);
    memcpy(digits + 12, text + 14, 4);
    memcpy(digits + 16, text + 19, 4);
    memcpy(digits + 20, text + 24, 12);
    if (text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' || !is_hexadecimal(digits, 32))
        return false;
    uint64_t packed[4];
    for (int i = 0; i < 4; i++) {
        uint64_t eight = word(digits + 8 * i);
        eight = (eight & 0x0F0F0F0F0F0F0F0Fu) + (eight >> 6 & 0x0101010101010101u) * 9;
        eight = (eight | eight >> 4) & 0x00FF00FF00FF00FFu;
        eight = (eight | eight >> 8) & 0x0000FFFF0000FFFFu;
        packed[i] = (eight | eight >> 16) & 0xFFFFFFFFu;
    }
    id[0] = packed[0] | packed[1] << 32;
    id[1] = packed[2] | packed[3] << 32;
    return true;
}
