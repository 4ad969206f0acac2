/* Reads records of the application in JSON that stand in a line of text: flat objects of texts, numbers, true, false and null, in
   which the grammar json_records.py sees no more than a level, numbers, and the request in hand. */

#include "lines.h"

enum { MOST_KEYS = 32 };

#define IS(text) (size == (int)sizeof(text) - 1 && STARTS(name, text))

static Place behind_spaces(Place at)
{
    while (*at == ' ') at++;
    return at;
}

static bool is_hexadecimal_digit(uint8_t byte) { return is_digit(byte) || (uint8_t)((byte | 0x20) - 'a') < 6; }

/* Behind the text that begins at `at`; NULL where it is not valid or has half of a surrogate pair. `plain`: it has no escapes. */
static Place behind_text(Place at, Place end, bool *plain)
{
    *plain = true;
    while (at < end && *at >= ' ') {
        if (*at == '"') return at + 1;
        if (*at++ != '\\') continue;
        *plain = false;
        switch (*at++) {
        case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': break;
        case 'u':
            for (int i = 0; i < 4; i++)
                if (!is_hexadecimal_digit(at[i])) return NULL;
            if ((at[0] | 0x20) == 'd' && at[1] > '7') return NULL;
            at += 4;
            break;
        default: return NULL;
        }
    }
    return NULL;
}

/* Behind a number; NULL where it is none, or one that is not turned into a double exactly like this. */
static Place behind_number(Place at, double *value)
{
    static const double tens[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool negative = *at == '-';
    at += negative;
    int64_t number = 0;
    int digits = 0, decimals = 0;
    if (!is_digit(*at) || (*at == '0' && is_digit(at[1]))) return NULL;
    for (; is_digit(*at) && digits <= MOST_DIGITS; at++, digits++) number = number * 10 + *at - '0';
    if (*at == '.') {
        for (at++; is_digit(*at) && digits + decimals <= MOST_DIGITS; at++, decimals++) number = number * 10 + *at - '0';
        if (!decimals) return NULL;
    }
    if (digits + decimals > MOST_DIGITS || (*at | 0x20) == 'e' || (negative && !number)) return NULL;
    *value = (double)(negative ? -number : number) / tens[decimals];
    return at;
}

static bool names_level(Place name, int size)
{
    return IS("level") || IS("Level") || IS("severity") || IS("levelname") || IS("log.level");
}

static bool names_request(Place name, int size)
{
    return IS("requestId") || IS("AWSRequestId") || IS("function_request_id") || IS("FunctionRequestId") ||
           IS("request_id") || IS("awsRequestId");
}

static bool names_message(Place name, int size) { return IS("message") || IS("msg") || IS("Message"); }

/* Keys with which a record may say that something failed, or be more than a line of the application. */
static bool names_more(Place name, int size)
{
    return IS("log_level") || IS("errorType") || IS("errorMessage") || IS("exception_name") || IS("error.type") ||
           IS("event_type");
}

static const struct label named[] = {
    LABEL("INFO\"", INFO),   LABEL("info\"", INFO),       LABEL("DEBUG\"", DEBUG),     LABEL("debug\"", DEBUG),
    LABEL("WARN\"", WARNING), LABEL("WARNING\"", WARNING), LABEL("warning\"", WARNING), LABEL("warn\"", WARNING),
    LABEL("TRACE\"", TRACING), LABEL("trace\"", TRACING),
};
/* Levels of Pino and Bunyan. */
static const struct label numbered[] = {
    LABEL("10,", TRACING), LABEL("20,", DEBUG), LABEL("30,", INFO), LABEL("40,", WARNING),
};

/* What was read of a record so far. */
struct record {
    Place names[MOST_KEYS];
    int sizes[MOST_KEYS];
    int keys;
    const struct label *level;
    /* The message, if it is a text, and whether it has no escapes. */
    Place said, said_end;
    bool said_plain;
};

/* Behind the value of a key, into `record` and `fields`; NULL where only the grammars can tell. */
static Place behind_value(Place at, Place end, Place name, int size, Place own_id, struct record *record,
                          struct fields *fields)
{
    bool level = names_level(name, size), message = names_message(name, size), plain;
    if (names_more(name, size) || (level && record->level) || (message && record->said)) return NULL;
    if (EXPECT(at, "\"")) {
        Place text = at;
        if (!(at = behind_text(at, end, &plain))) return NULL;
        if (level && !(record->level = label_at(text, named, COUNT(named)))) return NULL;
        /* `type` may say that this is an event of the platform. */
        if (IS("type") && (!plain || STARTS(text, "platform."))) return NULL;
        if (names_request(name, size) && at - 1 != text && (at - 1 - text != ID || memcmp(text, own_id, ID))) return NULL;
        if (message) {
            record->said = text;
            record->said_end = at - 1;
            record->said_plain = plain;
        }
        return at;
    }
    if (message) return NULL;
    if (level) {
        if (!IS("level") || !(record->level = label_at(at, numbered, COUNT(numbered)))) return NULL;
        return at + record->level->size - 1;
    }
    if (EXPECT(at, "true") || EXPECT(at, "false") || EXPECT(at, "null")) return at;
    double value;
    if (!(at = behind_number(at, &value))) return NULL;
    add_field(fields, name, size, value);
    return at;
}

static bool read_keys(Place at, Place end, Place own_id, struct record *record, struct fields *fields)
{
    if (*at++ != '{') return false;
    do {
        bool plain;
        at = behind_spaces(at);
        Place name = at + 1;
        if (record->keys == MOST_KEYS || *at != '"' || !(at = behind_text(name, end, &plain)) || !plain) return false;
        int size = (int)(at - 1 - name);
        if (size > LONGEST_NAME) return false;
        for (int i = 0; i < record->keys; i++)
            if (record->sizes[i] == size && memcmp(record->names[i], name, (size_t)size) == 0) return false;
        record->names[record->keys] = name;
        record->sizes[record->keys++] = size;
        at = behind_spaces(at);
        if (*at != ':') return false;
        at = behind_value(behind_spaces(at + 1), end, name, size, own_id, record, fields);
        if (!at) return false;
        at = behind_spaces(at);
    } while (EXPECT(at, ","));
    return *at == '}' && at + 1 == end;
}

/* Four keys of one letter are how Datadog writes a metric. */
static bool is_metric(const struct record *record)
{
    bool short_ones = record->keys == 4;
    for (int i = 0; i < record->keys; i++) short_ones &= record->sizes[i] == 1;
    return short_ones;
}

void read_record(Place at, Place end, Place own_id, struct fields *fields, enum level *level)
{
    struct record record = {.keys = 0};
    bool certain = read_keys(at, end, own_id, &record, fields) && !is_metric(&record);
    if (certain && record.said && fields->count == 0) {
        if (record.said_plain) read_fields(record.said, record.said_end, fields);
        else certain = !memchr(record.said, '=', (size_t)(record.said_end - record.said));
    }
    /* The platform's advice begins with a capital L, which may be escaped. */
    if (record.said && !record.said_plain && (*record.said == 'L' || *record.said == '\\')) certain = false;
    if (!certain) fields->count = -1;
    else if (record.level) *level = record.level->level;
}
