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

/* Bytes to spare in front of and behind what is scanned. */
enum { MARGIN = 256 };

enum { TIME = 24, ID = 36, TRACE = 35, SEGMENT = 16, LONGEST_VERSION = 7, LONGEST_NUMBER = 7 };

/* Of a DOUBTFUL event only the grammars can tell what it is. A BORDER is none, but the end of what was in hand; a DUPLICATE was
   delivered before. */
enum kind { APPLICATION, START, END, REPORT, DOUBTFUL, BORDER, DUPLICATE };

/* One element an event. */
struct events {
    int64_t *place; /* offset in the buffer */
    int64_t *time;  /* microseconds since 1970 UTC */
    uint8_t *kind;
};

/* One element a segment; where it is not plain only `first`, `ids` and `traced` mean anything. `traces` has one a `traced`. */
struct segments {
    int64_t *first; /* the number of its START among the events */
    uint8_t *plain;
    uint64_t *version; /* its bytes */
    uint8_t *ids; /* zeros where START names no UUID */
    uint64_t *uuids; /* two words each */
    int64_t *report; /* offset in the buffer */
    int64_t *start_time, *end_time;
    double *duration, *billed, *initial; /* ms; not a number where there was no start-up */
    int32_t *memory, *used; /* MB */
    uint8_t *traced;
    uint8_t *traces;
};

/* Lines of the application that become rows of their own, one element each. Their messages, fields and names stand one behind the
   other; where each begins is given for one more than there are. */
struct lines {
    int64_t *segment;
    int64_t *place; /* of the event, offset in the buffer */
    int64_t *time;
    uint8_t *level;
    int32_t *text, *field;
    uint8_t *texts;
    /* One element a field. */
    int32_t *name;
    double *value;
    uint8_t *names;
};

struct counts {
    int64_t events, starts, traces, lines;
};

/* Of which event and which segment a line is. */
struct row {
    int64_t segment, place, time;
};

enum kind read_line(Place text, Place end, Place own_id, bool quiet, Place bookkeeping, struct row row,
                    const struct lines *out, int64_t *count);

#define STARTS(place, text) (memcmp(place, text, sizeof(text) - 1) == 0)
#define EXPECT(at, text) (STARTS(at, text) && (at += sizeof(text) - 1))

static inline bool is_digit(uint8_t byte) { return (uint8_t)(byte - '0') < 10; }

/* ---- times: 2026-03-17T08:12:05.123Z, eight bytes at a time */

#define DIGITS_0 0x00FFFF00FFFFFFFFu /* 2026-03- */
#define DIGITS_1 0xFFFF00FFFF00FFFFu /* 17T08:12 */
#define DIGITS_2 0x00FFFFFF00FFFF00u /* :05.123Z */

static inline bool like(uint64_t value, uint64_t digits, const char *pattern)
{
    uint64_t low = value ^ 0x3030303030303030u;
    uint64_t above_nine = ((low & 0x7F7F7F7F7F7F7F7Fu) + 0x7676767676767676u) | low;
    return (value & ~digits) == (word((Place)pattern) & ~digits) && !(above_nine & 0x8080808080808080u & digits);
}

static inline bool is_time(Place at)
{
    return like(word(at), DIGITS_0, "2026-03-") && like(word(at + 8), DIGITS_1, "17T08:12") &&
           like(word(at + 16), DIGITS_2, ":05.123Z");
}

static inline int two(Place at) { return (at[0] - '0') * 10 + at[1] - '0'; }

/* 1-6ac7c67c-4fb697db28b006524e491c37 */
static inline bool is_trace(Place at)
{
    uint8_t digits[32];
    memcpy(digits, at + 2, 8);
    memcpy(digits + 8, at + 11, 24);
    return STARTS(at, "1-") && at[10] == '-' && is_hexadecimal(digits, 32);
}
