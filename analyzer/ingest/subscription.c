/* Finds the unremarkable invocations of functions with JSON logs in what CloudWatch Logs sends to subscribers.

   The objects follow each other, with nothing between them. Each holds events of one stream, whose messages are JSON inside
   JSON strings, so that every quotation mark of theirs is `\"` here. As in scan.c whatever is not certain is not plain, and
   an object that is not exactly as CloudWatch writes it ends the scan. Events with ids that were met before are DUPLICATE. */

#include <math.h>

#include "native.h"

enum { EVENT_ID = 56 };

/* One object. Where `known` is 0 it is none that this file reads, and nothing else but its borders is there. */
struct object {
    int64_t begin, end, known;
    int64_t group, group_size, stream, stream_size;      /* texts without escapes */
    int64_t first, behind;                               /* numbers of its events */
};

/* Ids of events that were met: a table with open addressing, which subscription.py owns and enlarges. Of an id it holds the
   first 48 digits, and one more than the last eight make: 0 is an empty slot. */
struct met {
    uint64_t id[3], last;
};

struct ids {
    struct met *slots;
    int64_t size;
};

/* The invocation in hand: its id, and whether its REPORT was the last event so far. */
struct invocation {
    Place id, trace, arn;
    int64_t arn_size, row, now;
    uint64_t version;
    enum { SERVED, ENDED, REPORTED, SPOILT } state;
};

#define QUOTE "\\\""
#define KEY(name) QUOTE name QUOTE ":"
#define TEXT(name) KEY(name) QUOTE

/* What ends a run of ordinary bytes in a string. Behind what is scanned lie zeros, so that no run goes on for ever. */
static const bool is_special[256] = {
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ['"'] = 1, ['\\'] = 1,
};

/* ---- JSON inside JSON */

/* Behind a string of a message that begins at `at`, else NULL: only escapes that mean the same to every reader. */
static Place behind_inner(Place at, Place end)
{
    for (;;) {
        while (!is_special[*at]) at++;
        if (at + 1 >= end || *at != '\\') return NULL;
        if (at[1] == '"') return at + 2;
        if (at[1] != '\\') return NULL;
        if (at[2] == '\\' && (at[3] == '"' || at[3] == '\\')) at += 4;
        else if (at[2] == 'n' || at[2] == 't' || at[2] == 'r' || at[2] == '/') at += 3;
        else return NULL;
    }
}

/* Behind a number without exponent, else NULL. */
static Place behind_number(Place at)
{
    if (*at == '-') at++;
    if (!is_digit(*at) || (*at == '0' && is_digit(at[1]))) return NULL;
    while (is_digit(*at)) at++;
    if (*at == '.') {
        if (!is_digit(at[1])) return NULL;
        for (at++; is_digit(*at);) at++;
    }
    return at;
}

#define IS(name) (size == (int64_t)sizeof(name) - 1 && STARTS(key, name))

/* Whether a key may stand in a record that says nothing remarkable; `number`: also with a number, which is none of the input. */
static bool is_quiet_key(Place key, int64_t size, bool number)
{
    if (number)
        return IS("timestamp") || IS("time") || IS("sampling_rate") || IS("function_memory_size") || IS("pid");
    return !IS("type") && !IS("log_level") && !IS("errorType") && !IS("errorMessage") && !IS("exception_name") &&
           !IS("exception") && !IS("stackTrace") && !IS("_aws");
}

static bool is_level(Place key, int64_t size)
{
    return IS("level") || IS("Level") || IS("severity") || IS("levelname") || IS("log.level");
}

/* A flat record of the application with no level that matters, no error and no number of the input: it says nothing, of
   whichever request. */
static bool is_quiet_record(Place at, Place end)
{
    if (!EXPECT(at, "{")) return false;
    for (;;) {
        if (!EXPECT(at, QUOTE)) return false;
        Place key = at;
        if (!(at = behind_inner(at, end))) return false;
        int64_t size = at - key - 2;
        if (memchr(key, '\\', (size_t)size) || *at++ != ':') return false;
        if (EXPECT(at, QUOTE)) {
            Place value = at;
            if (!(at = behind_inner(at, end)) || !is_quiet_key(key, size, false)) return false;
            for (Place equals = value; (equals = memchr(equals, '=', (size_t)(at - equals))); equals++)
                if (is_digit(equals[1])) return false;
            if (is_level(key, size) && !STARTS(value, "INFO" QUOTE) && !STARTS(value, "DEBUG" QUOTE) &&
                !STARTS(value, "TRACE" QUOTE))
                return false;
        } else if (EXPECT(at, "true") || EXPECT(at, "false") || EXPECT(at, "null")) {
            if (!is_quiet_key(key, size, false) || is_level(key, size)) return false;
        } else if (!(at = behind_number(at)) || !is_quiet_key(key, size, true)) {
            return false;
        }
        if (EXPECT(at, "}")) break;
        if (!EXPECT(at, ",")) return false;
    }
    return at + (STARTS(at, "\\n") ? 2 : 0) == end;
}

/* ---- the platform's events */

/* A number of up to twelve digits and three decimals, in thousandths. */
static bool thousandths(Place *at, int64_t *value)
{
    int64_t number = 0;
    int length = 0;
    Place place = *at;
    if (*place == '0' && is_digit(place[1])) return false;
    for (; is_digit(*place); place++, length++) {
        if (length == 12) return false;
        number = number * 10 + *place - '0';
    }
    if (!length) return false;
    int decimals = 0;
    if (*place == '.') {
        for (place++; is_digit(*place); place++, decimals++) {
            if (decimals == 3) return false;
            number = number * 10 + *place - '0';
        }
        if (!decimals) return false;
    }
    for (; decimals < 3; decimals++) number *= 10;
    *at = place;
    *value = number;
    return true;
}

static bool whole(Place *at, int64_t *value)
{
    if (!thousandths(at, value) || *value % 1000 || *value / 1000 > INT32_MAX) return false;
    *value /= 1000;
    return true;
}

/* The header of X-Ray, which may be left out. */
static bool tracing(Place *at, Place end, Place *trace)
{
    Place place = *at;
    if (!EXPECT(place, "," KEY("tracing") "{")) return true;
    if (EXPECT(place, TEXT("spanId")) && (!(place = behind_inner(place, end)) || !EXPECT(place, ","))) return false;
    if (!EXPECT(place, TEXT("type") "X-Amzn-Trace-Id" QUOTE "," TEXT("value") "Root=") || !is_trace(place)) return false;
    *trace = place;
    place += TRACE;
    if (*place != ';' || !(place = behind_inner(place, end)) || !EXPECT(place, "}")) return false;
    *at = place;
    return true;
}

static bool ends(Place at, Place end)
{
    if (!EXPECT(at, "}}")) return false;
    return at + (STARTS(at, "\\n") ? 2 : 0) == end;
}

/* START where all of it is as usual, and of the function that was named last in this object. */
static bool started(Place at, Place end, struct invocation *invocation)
{
    uint64_t id[2];
    struct invocation fresh = {.id = at, .arn = invocation->arn, .arn_size = invocation->arn_size, .state = SERVED};
    if (!uuid_of(at, id)) return false;
    at += ID;
    if (!EXPECT(at, QUOTE ",")) return false;
    bool same = true;
    if (EXPECT(at, TEXT("functionArn"))) {
        Place arn = at;
        if (!(at = behind_inner(at, end)) || !EXPECT(at, ",")) return false;
        int64_t size = at - arn;
        same = fresh.arn && size == fresh.arn_size && memcmp(arn, fresh.arn, (size_t)size) == 0;
        fresh.arn = arn;
        fresh.arn_size = size;
    }
    if (!EXPECT(at, TEXT("version"))) return false;
    int length = 0;
    bool number = true;
    while (length <= LONGEST_VERSION && at[length] != '\\') number &= is_digit(at[length++]);
    if (!length || length > LONGEST_VERSION || (!number && !(length == 7 && STARTS(at, "$LATEST")))) return false;
    fresh.version = word(at) & (~(uint64_t)0 >> (64 - 8 * length));
    at += length;
    if (!EXPECT(at, QUOTE) || !tracing(&at, end, &fresh.trace) || !ends(at, end)) return false;
    if (!same) fresh.id = NULL;
    *invocation = fresh;
    return true;
}

/* REPORT of the invocation in hand, into its row. */
static bool reported(Place at, Place end, struct invocation *invocation, const struct segments *out)
{
    int64_t duration, billed, memory, used, initial = -1, row = invocation->row;
    if (memcmp(at, invocation->id, ID)) return false;
    at += ID;
    if (!EXPECT(at, QUOTE "," KEY("metrics") "{" KEY("durationMs")) || !thousandths(&at, &duration)) return false;
    if (!EXPECT(at, "," KEY("billedDurationMs")) || !whole(&at, &billed)) return false;
    if (!EXPECT(at, "," KEY("memorySizeMB")) || !whole(&at, &memory)) return false;
    if (!EXPECT(at, "," KEY("maxMemoryUsedMB")) || !whole(&at, &used)) return false;
    if (EXPECT(at, "," KEY("initDurationMs")) && !thousandths(&at, &initial)) return false;
    if (!EXPECT(at, "}," TEXT("status") "success" QUOTE)) return false;
    if (!tracing(&at, end, &invocation->trace) || !ends(at, end)) return false;
    out->version[row] = invocation->version;
    uuid_of(invocation->id, out->uuids + 2 * row);
    out->end_time[row] = invocation->now;
    out->start_time[row] = invocation->now - duration;
    out->duration[row] = (double)duration / 1000;
    out->billed[row] = (double)billed;
    out->memory[row] = (int32_t)memory;
    out->used[row] = (int32_t)used;
    out->initial[row] = initial < 0 ? NAN : (double)initial / 1000;
    return true;
}

/* runtimeDone of the invocation in hand, which went well. */
static bool ended(Place at, Place end, const struct invocation *invocation)
{
    if (memcmp(at, invocation->id, ID)) return false;
    at += ID;
    if (!EXPECT(at, QUOTE "," TEXT("status") "success" QUOTE)) return false;
    /* Spans and metrics follow, of which the grammar takes nothing; an errorType would be taken. */
    for (Place key = at; (key = memchr(key, 'T', (size_t)(end - key))); key++)
        if (STARTS(key - 5, "errorType")) return false;
    return true;
}

/* ---- events */

/* `{"id":"<56 digits>","timestamp":<13 digits>,"message":"` */
enum { ID_IN_EVENT = 7, TIME_IN_EVENT = ID_IN_EVENT + EVENT_ID + 14, TEXT_IN_EVENT = TIME_IN_EVENT + 13 + 12 };
#define PLATFORM_ESCAPED QUOTE "," TEXT("type") "platform."
#define RECORD QUOTE "," KEY("record") "{" TEXT("requestId")

static uint64_t hash_of(struct met one)
{
    uint64_t mixed = (one.id[0] * 0x9E3779B97F4A7C15u ^ one.id[1]) * 0xC2B2AE3D27D4EB4Fu ^ one.id[2];
    mixed = (mixed ^ mixed >> 29) * 0x165667B19E3779F9u ^ one.last;
    return mixed ^ mixed >> 32;
}

static struct met *find(const struct ids *table, struct met one)
{
    for (uint64_t place = hash_of(one);; place++) {
        struct met *slot = table->slots + (place & (uint64_t)(table->size - 1));
        if (!slot->last || memcmp(slot, &one, sizeof one) == 0) return slot;
    }
}

/* The number that eight digits make. */
static uint64_t eight(Place digits)
{
    uint64_t value = word(digits) & 0x0F0F0F0F0F0F0F0Fu;
    value = (value * 2561 >> 8) & 0x00FF00FF00FF00FFu;
    value = (value * 6553601 >> 16) & 0x0000FFFF0000FFFFu;
    return value * 42949672960001u >> 32;
}

/* Whether an id of 56 digits was met before; from now on it is. */
int64_t met_before(const struct ids *fresh, const struct ids *old, Place digits)
{
    struct met one;
    for (int i = 0; i < 3; i++) one.id[i] = eight(digits + 16 * i) * 100000000 + eight(digits + 16 * i + 8);
    one.last = eight(digits + 48) + 1;
    struct met *slot = find(fresh, one);
    if (slot->last || find(old, one)->last) return true;
    *slot = one;
    return false;
}

/* Copy what `from` holds into `to`, which is larger and empty. */
void enlarge_ids(const struct ids *from, const struct ids *to)
{
    for (int64_t i = 0; i < from->size; i++)
        if (from->slots[i].last) *find(to, from->slots[i]) = from->slots[i];
}

static bool digits_only(Place at, int size)
{
    bool good = true;
    for (int i = 0; i < size; i++) good &= is_digit(at[i]);
    return good;
}

/* Behind a string that begins at `at`, the quotation mark included; NULL where it has no end. */
static Place behind_string(Place at, Place stop)
{
    for (; at < stop && (at = memchr(at, '"', (size_t)(stop - at))); at++) {
        Place slash = at;
        while (slash[-1] == '\\') slash--;
        if ((at - slash) % 2 == 0) return at + 1;
    }
    return NULL;
}

/* The same for one that is valid, which every reader understands alike. */
static Place behind_text(Place at, Place stop)
{
    for (;;) {
        while (!is_special[*at]) at++;
        if (at >= stop || *at < ' ') return NULL;
        if (*at == '"') return at + 1;
        switch (at[1]) {
        case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
            at += 2;
            break;
        case 'u':
            for (int i = 2; i < 6; i++)
                if (!is_digit(at[i]) && (uint8_t)((at[i] | 0x20) - 'a') > 5) return NULL;
            at += 6;
            break;
        default: return NULL;
        }
    }
}

/* Behind any object, else NULL. */
static Place behind_object(Place at, Place stop)
{
    for (int depth = 0; at && at < stop;) {
        uint8_t byte = *at++;
        if (byte == '"') at = behind_string(at, stop);
        else if (byte == '{' || byte == '[') depth++;
        else if ((byte == '}' || byte == ']') && --depth <= 0) return depth == 0 ? at : NULL;
    }
    return NULL;
}

/* A text without escapes, and what follows it. */
static bool text(Place buffer, Place *at, Place stop, int64_t *begin, int64_t *size)
{
    Place place = *at, end = behind_text(place, stop);
    if (!end) return false;
    *begin = place - buffer;
    *size = end - 1 - place;
    for (; place < end - 1; place++)
        if (*place == '\\' || *place < ' ' || *place >= 0x80) return false;
    *at = end;
    return true;
}

/* Events one after the other, from number `counts->events` on; false where one is not as usual or has no end. */
static bool read_events(Place buffer, Place *at, Place stop, const struct events *events, int64_t *count)
{
    Place place = *at;
    for (;;) {
        Place event = place;
        if (stop - place < TEXT_IN_EVENT || !STARTS(place, "{\"id\":\"") ||
            !digits_only(place + ID_IN_EVENT, EVENT_ID) || !STARTS(place + TIME_IN_EVENT - 14, "\",\"timestamp\":") ||
            !digits_only(place + TIME_IN_EVENT, 13) || place[TIME_IN_EVENT] == '0' ||
            !STARTS(place + TEXT_IN_EVENT - 12, ",\"message\":\""))
            return false;
        int64_t time = 0;
        for (int i = 0; i < 13; i++) time = time * 10 + place[TIME_IN_EVENT + i] - '0';
        if (!(place = behind_text(place + TEXT_IN_EVENT, stop)) || stop - place < 2 || *place++ != '}') return false;
        events->place[*count] = event - buffer;
        events->time[*count] = time * 1000;
        ++*count;
        if (*place == ']') break;
        if (*place++ != ',') return false;
    }
    *at = place;
    return true;
}

static bool read_object(Place buffer, Place *at, Place stop, const struct events *events, int64_t *count,
                          struct object *object)
{
    Place place = *at;
    int64_t owner, size;
    if (!EXPECT(place, "{\"messageType\":\"DATA_MESSAGE\",\"owner\":\"") || !text(buffer, &place, stop, &owner, &size))
        return false;
    if (!EXPECT(place, ",\"logGroup\":\"") || !text(buffer, &place, stop, &object->group, &object->group_size))
        return false;
    if (!EXPECT(place, ",\"logStream\":\"") || !text(buffer, &place, stop, &object->stream, &object->stream_size))
        return false;
    if (!EXPECT(place, ",\"subscriptionFilters\":[")) return false;
    while (EXPECT(place, "\""))
        if (!text(buffer, &place, stop, &owner, &size) || (*place != ']' && !EXPECT(place, ","))) return false;
    if (!EXPECT(place, "],\"logEvents\":[") || !read_events(buffer, &place, stop, events, count)) return false;
    if (!EXPECT(place, "]}")) return false;
    *at = place;
    return true;
}

static enum kind kind_of(Place text, Place end, struct invocation *invocation, const struct segments *segments)
{
    if (!STARTS(text, "{\\\"time\\\":\\\"") || !is_time(text + 12) || !STARTS(text + 36, PLATFORM_ESCAPED))
        return is_quiet_record(text, end) ? APPLICATION : DOUBTFUL;
    Place at = text + 36 + sizeof PLATFORM_ESCAPED - 1;
    if (STARTS(at, "start") || STARTS(at, "initStart")) {
        if (EXPECT(at, "start" RECORD) && started(at, end, invocation)) return invocation->id ? START : DOUBTFUL;
        /* It may name another function. */
        invocation->arn = NULL;
    } else if (invocation->id) {
        if (EXPECT(at, "runtimeDone" RECORD)) return ended(at, end, invocation) ? END : DOUBTFUL;
        if (EXPECT(at, "report" RECORD)) return reported(at, end, invocation, segments) ? REPORT : DOUBTFUL;
    }
    return DOUBTFUL;
}

/* The segments of an object, from its first START on. */
static void read_segments(Place buffer, const struct object *object, const struct events *events,
                          const struct segments *segments, struct counts *counts, const struct ids *fresh,
                          const struct ids *old)
{
    struct invocation invocation = {.id = NULL};
    for (int64_t number = object->first; number < object->behind; number++) {
        Place event = buffer + events->place[number];
        Place next = buffer + (number + 1 < object->behind ? events->place[number + 1] : object->end - 1);
        struct invocation before = invocation;
        invocation.now = events->time[number];
        enum kind kind = kind_of(event + TEXT_IN_EVENT, next - 3, &invocation, segments);
        if (met_before(fresh, old, event + ID_IN_EVENT)) {
            kind = DUPLICATE;
            invocation = before;
            invocation.arn = NULL;
        }
        events->kind[number] = (uint8_t)kind;
        if (kind == START) {
            if (before.id && before.state == REPORTED) {
                int64_t row = before.row;
                segments->plain[row] = true;
                segments->traced[row] = before.trace != NULL;
                if (before.trace) memcpy(segments->traces + TRACE * counts->traces++, before.trace, TRACE);
            }
            invocation.row = counts->starts++;
            segments->first[invocation.row] = number;
            segments->plain[invocation.row] = segments->traced[invocation.row] = false;
            memcpy(segments->ids + ID * invocation.row, invocation.id, ID);
        } else if (kind == END) {
            invocation.state = invocation.state == SERVED ? ENDED : SPOILT;
        } else if (kind == REPORT) {
            invocation.state = invocation.state == SERVED || invocation.state == ENDED ? REPORTED : SPOILT;
            segments->report[invocation.row] = object->begin;
        } else if (kind == DUPLICATE || invocation.state != SERVED) {
            invocation.state = SPOILT;
        }
    }
}

/* Look at the objects between `begin` and `end`. Gives the place up to which they were whole.

   The last START of each begins no segment, as its end is not in sight. */
int64_t scan_subscription(Place buffer, int64_t begin, int64_t end, const struct events *events,
                          const struct segments *segments, struct counts *counts, struct object *objects,
                          int64_t most_objects, int64_t *object_count, const struct ids *fresh, const struct ids *old)
{
    Place at = buffer + begin, stop = buffer + end;
    int64_t number = 0;
    counts->events = counts->starts = counts->traces = 0;
    while (number < most_objects) {
        while (at < stop && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) at++;
        struct object *object = objects + number;
        Place place = at;
        int64_t count = counts->events;
        *object = (struct object){.begin = at - buffer, .first = count};
        object->known = read_object(buffer, &place, stop, events, &count, object);
        if (!object->known && (at >= stop || *at != '{' || !(place = behind_object(at, stop)))) break;
        object->end = place - buffer;
        if (object->known) {
            counts->events = object->behind = count;
            read_segments(buffer, object, events, segments, counts, fresh, old);
        }
        at = place;
        number++;
        /* Its events, whatever they are, come before those that follow, also where one is delivered twice. */
        if (!object->known) break;
    }
    *object_count = number;
    return at - buffer;
}
