/* What the readers of application lines share: levels, and numbers beside their names. */

#pragma once

#include "native.h"

/* Longer lines, more fields and longer numbers are left to the grammars. */
enum { LONGEST_LINE = 2048, MOST_FIELDS = 16, LONGEST_NAME = 64, MOST_DIGITS = 15 };

/* In the order of LEVELS in kernel.py. */
enum level { UNNAMED, TRACING, DEBUG, INFO, WARNING };

struct label {
    const char *text;
    size_t size;
    enum level level;
};
#define LABEL(text, level) {text, sizeof(text) - 1, level}
#define COUNT(array) (sizeof(array) / sizeof *(array))

const struct label *label_at(Place at, const struct label *labels, size_t count);

/* Where the fields of a line go, which names say nothing of the input, and how many there are; -1 where only the grammars can tell. */
struct fields {
    const struct lines *out;
    int64_t line;
    Place bookkeeping;
    int count;
};

/* One more field, unless its name says nothing of the input. */
void add_field(struct fields *fields, Place name, int size, double value);

/* Every name=number of a text. */
void read_fields(Place text, Place end, struct fields *fields);

/* A flat record in JSON from `at` to `end`, of the request in hand or of none; its level where it names one. */
void read_record(Place at, Place end, Place own_id, struct fields *fields, enum level *level);
