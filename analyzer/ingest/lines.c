/* Reads lines of the application that become rows of their own: warnings, and lines with numbers such as records=120 or in JSON.

   The grammars say what a line means. Here the usual shapes are read in which they see no more than a level, numbers beside
   their names, and the request in hand; every other line is left to them. */

#include "lines.h"

enum { MOST_DECIMALS = 9 };

const struct label *label_at(Place at, const struct label *labels, size_t count)
{
    for (const struct label *label = labels; label < labels + count; label++)
        if (memcmp(at, label->text, label->size) == 0) return label;
    return NULL;
}

/* Where the text of a line begins that names its level and the request in hand, as Python, Node.js and .NET write them; NULL where
   it is of another shape. */
static Place behind_level(Place at, Place own_id, enum level *level)
{
    static const struct label python[] = {LABEL("[INFO]\t", INFO), LABEL("[DEBUG]\t", DEBUG), LABEL("[WARNING]\t", WARNING)};
    static const struct label node[] = {
        LABEL("INFO\t", INFO), LABEL("DEBUG\t", DEBUG), LABEL("WARN\t", WARNING), LABEL("TRACE\t", TRACING),
        LABEL("info\t", INFO), LABEL("dbug\t", DEBUG),  LABEL("warn\t", WARNING), LABEL("trce\t", TRACING),
    };
    const struct label *label = label_at(at, python, COUNT(python));
    if (label) at += label->size;
    if (!is_time(at) || at[TIME] != '\t' || memcmp(at + TIME + 1, own_id, ID) || at[TIME + 1 + ID] != '\t') return NULL;
    at += TIME + 1 + ID + 1;
    if (!label) {
        if (!(label = label_at(at, node, COUNT(node)))) return NULL;
        at += label->size;
    }
    *level = label->level;
    return at;
}

static bool contains(Place at, Place end, const char *text, size_t size)
{
    for (; (at = memchr(at, *text, (size_t)(end - at))); at++)
        if (memcmp(at, text, size) == 0) return true;
    return false;
}
#define CONTAINS(at, end, text) contains(at, end, text, sizeof(text) - 1)

static bool has_number(Place at, Place end)
{
    for (; (at = memchr(at, '=', (size_t)(end - at))); at++)
        if (is_digit(at[1]) || at[1] >= 0x80) return true;
    return false;
}

static bool has_record(Place at, Place end)
{
    for (; (at = memchr(at, '{', (size_t)(end - at))); at++)
        if (at[-1] == '\t' && at[1] == '"') return true;
    return false;
}

static bool is_ascii(Place at, Place end)
{
    uint8_t all = 0;
    while (at < end) all |= *at++;
    return all < 0x80;
}

/* What Python strips from the end of a message in ASCII. */
static bool is_space(uint8_t byte) { return byte == ' ' || (uint8_t)(byte - '\t') < 5 || (uint8_t)(byte - 0x1C) < 4; }

static bool is_named(uint8_t byte)
{
    return is_digit(byte) || (uint8_t)((byte | 0x20) - 'a') < 26 || byte == '_' || byte == '.';
}

/* Whether a name is one of those that say nothing of the input. They are written in lower case, without what parts words. */
static bool is_bookkeeping(Place name, int size, Place bookkeeping)
{
    uint8_t plain[LONGEST_NAME];
    int length = 0;
    for (int i = 0; i < size; i++) {
        uint8_t byte = name[i];
        if (byte != '_') plain[length++] = (uint8_t)(byte - 'A') < 26 ? byte | 0x20 : byte;
    }
    for (; *bookkeeping; bookkeeping += *bookkeeping + 1)
        if (*bookkeeping == length && memcmp(bookkeeping + 1, plain, (size_t)length) == 0) return true;
    return false;
}

/* A number in front of which a `=` stands; the place behind it, NULL where there is none or it goes on in another way.
   `certain` is false where it has more digits than can be turned into a double without rounding twice. */
static Place behind_number(Place at, double *value, bool *certain)
{
    static const double tens[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    int64_t number = 0;
    int digits = 0, decimals = 0;
    for (; is_digit(*at); at++, digits++)
        if (digits < MOST_DIGITS) number = number * 10 + *at - '0';
    if (digits > MOST_DIGITS) return NULL;
    if (*at == '.' && is_digit(at[1])) {
        for (at++; is_digit(*at); at++, decimals++)
            if (digits + decimals < MOST_DIGITS) number = number * 10 + *at - '0';
        if (decimals > MOST_DECIMALS) return NULL;
    }
    if (is_named(*at) || *at == ':' || *at == '/' || *at == '-') return NULL;
    *certain = digits + decimals <= MOST_DIGITS;
    *value = (double)number / tens[decimals];
    return at;
}

void add_field(struct fields *fields, Place name, int size, double value)
{
    const struct lines *out = fields->out;
    if (fields->count < 0 || is_bookkeeping(name, size, fields->bookkeeping)) return;
    int32_t first = out->field[fields->line], field = first + fields->count;
    bool known = fields->count == MOST_FIELDS;
    for (int32_t other = first; other < field; other++)
        known |= out->name[other + 1] - out->name[other] == size &&
                 memcmp(out->names + out->name[other], name, (size_t)size) == 0;
    if (known) {
        fields->count = -1;
        return;
    }
    out->value[field] = value;
    memcpy(out->names + out->name[field], name, (size_t)size);
    out->name[field + 1] = out->name[field] + size;
    fields->count++;
}

void read_fields(Place text, Place end, struct fields *fields)
{
    for (Place equals = text; (equals = memchr(equals, '=', (size_t)(end - equals))); equals++) {
        Place name = equals;
        while (name > text && is_named(name[-1])) name--;
        int size = (int)(equals - name);
        if (!size || size > LONGEST_NAME || is_digit(*name) || *name == '.' || (name > text && name[-1] == '-')) continue;
        double value;
        bool certain = true;
        if (!is_digit(equals[1]) || !behind_number(equals + 1, &value, &certain)) continue;
        add_field(fields, name, size, value);
        if (!certain) fields->count = -1;
    }
}

/* What a line of the application is, from the beginning of its message to the next event: APPLICATION where nothing more is to be
   said of it than what stands in the row that is made of it here, if it is worth one; else DOUBTFUL. `quiet`: it begins in a way
   that names neither a level that matters nor anything else that the grammars claim. */
enum kind read_line(Place text, Place end, Place own_id, bool quiet, Place bookkeeping, struct row row,
                    const struct lines *out, int64_t *count)
{
    bool inside = has_record(text, end);
    if (CONTAINS(text, end, "Task timed out after ")) return DOUBTFUL;
    if (quiet && !inside && !has_number(text, end)) return APPLICATION;
    if (!own_id || end - text > LONGEST_LINE || !is_ascii(text, end) || CONTAINS(text, end, "LAMBDA_WARNING")) return DOUBTFUL;
    enum level level = UNNAMED;
    Place said = behind_level(text, own_id, &level);
    bool record = said ? STARTS(said, "{\"") : *text == '{';
    if (!record && (inside || (!quiet && level != WARNING))) return DOUBTFUL;
    /* What begins with a digit or a bracket may be of another logger, with a level and a request of its own. */
    if (!record && !said && (is_digit(*text) || *text == '[' || STARTS(text, "XRAY"))) return DOUBTFUL;
    while (end > text && is_space(end[-1])) end--;

    int64_t line = *count;
    struct fields fields = {out, line, bookkeeping, 0};
    if (record) read_record(said ? said : text, end, own_id, &fields, &level);
    else if (level != WARNING) read_fields(said ? said : text, end, &fields);
    if (fields.count < 0) return DOUBTFUL;
    if (level == WARNING) fields.count = 0;
    else if (!fields.count) return APPLICATION;
    out->segment[line] = row.segment;
    out->place[line] = row.place;
    out->time[line] = row.time;
    out->level[line] = (uint8_t)level;
    memcpy(out->texts + out->text[line], text, (size_t)(end - text));
    out->text[line + 1] = out->text[line] + (int32_t)(end - text);
    out->field[line + 1] = out->field[line] + fields.count;
    ++*count;
    return APPLICATION;
}
