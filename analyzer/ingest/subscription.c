/* Finds the unremarkable invocations of functions with JSON logs in what CloudWatch Logs sends to subscribers.

   The objects follow each other, with nothing between them. Each holds events of one stream, whose messages are JSON inside
   JSON strings, so that every quotation mark of theirs is `\"` here. CloudWatch cuts them anywhere, so that the
   events of each stream are gathered from all of them. As in scan.c whatever is not certain is not plain, and an object that
   is not exactly as CloudWatch writes it is left to others. */

#include <math.h>

#include "ids.h"

/* Sizes of ids: digits of an event's, and words in tables of events and of requests. */
enum { EVENT_ID = 56, EVENT_WORDS = 3, REQUEST_WORDS = 2 };

/* One object: its borders in the buffer, the number of its stream, those of its events in the order of the file, and where the
   first of them stands that was gathered; -1 where all were delivered before. */
struct object {
    int64_t begin, end, stream, first, behind, place;
};

/* One stream: texts without escapes in the buffer, and its borders among what was gathered. */
struct stream {
    int64_t group, group_size, name, name_size, begin, end;
};

/* What was found. `other`: where an object begins that follows the rest and has to be read elsewhere; -1 without one. */
struct delivered {
    struct stream *streams;
    int64_t most_streams, stream_count;
    struct object *objects;
    int64_t most_objects, object_count;
    int64_t event_count, other;
};

/* Requests that were named so far, each with one more than the number of its stream; `room` for so many more. */
struct requests {
    struct ids ids;
    int64_t room;
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

/* Behind a message that is a flat record of the application with no level that matters, no error and no number of the input: it
   says nothing, of whichever request. Else NULL. */
static Place behind_quiet_record(Place at, Place stop)
{
    if (!EXPECT(at, "{")) return NULL;
    for (;;) {
        if (!EXPECT(at, QUOTE)) return NULL;
        Place key = at;
        if (!(at = behind_inner(at, stop))) return NULL;
        int64_t size = at - key - 2;
        if (memchr(key, '\\', (size_t)size) || *at++ != ':') return NULL;
        if (EXPECT(at, QUOTE)) {
            Place value = at;
            if (!(at = behind_inner(at, stop)) || !is_quiet_key(key, size, false)) return NULL;
            for (Place equals = value; (equals = memchr(equals, '=', (size_t)(at - equals))); equals++)
                if (is_digit(equals[1])) return NULL;
            if (is_level(key, size) && !STARTS(value, "INFO" QUOTE) && !STARTS(value, "DEBUG" QUOTE) &&
                !STARTS(value, "TRACE" QUOTE))
                return NULL;
        } else if (EXPECT(at, "true") || EXPECT(at, "false") || EXPECT(at, "null")) {
            if (!is_quiet_key(key, size, false) || is_level(key, size)) return NULL;
        } else if (!(at = behind_number(at)) || !is_quiet_key(key, size, true)) {
            return NULL;
        }
        if (EXPECT(at, "}")) break;
        if (!EXPECT(at, ",")) return NULL;
    }
    if (STARTS(at, "\\n")) at += 2;
    return *at == '"' ? at + 1 : NULL;
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

/* Behind a string, number or word that a value may be, else NULL. */
static Place behind_scalar(Place at, Place end)
{
    if (EXPECT(at, QUOTE)) return behind_inner(at, end);
    if (EXPECT(at, "true") || EXPECT(at, "false") || EXPECT(at, "null")) return at;
    return behind_number(at);
}

/* Behind the rest of a record, from the comma or bracket behind one of its values on: fields, which are valid and of which the
   grammar takes none. Else NULL. */
static Place behind_rest(Place at, Place end)
{
    enum { DEEPEST = 60 };
    uint64_t arrays = 0; /* one bit a level: whether it is an array, the innermost lowest */
    int depth = 0;
    for (;;) {
        if (*at == (arrays & 1 ? ']' : '}')) {
            at++;
            if (!depth--) return at;
            arrays >>= 1;
            continue;
        }
        if (!EXPECT(at, ",")) return NULL;
        /* A value begins here, in an object behind its key, and where it is not a scalar the first one in it. */
        for (;;) {
            if (!(arrays & 1)) {
                Place key = at + sizeof QUOTE - 1;
                if (!EXPECT(at, QUOTE) || !(at = behind_inner(at, end)) || !EXPECT(at, ":")) return NULL;
                if (!depth && (STARTS(key, "status" QUOTE) || STARTS(key, "requestId" QUOTE) || STARTS(key, "errorType" QUOTE)))
                    return NULL;
            }
            if (EXPECT(at, "[]") || EXPECT(at, "{}")) break;
            if (*at != '[' && *at != '{') {
                if (!(at = behind_scalar(at, end))) return NULL;
                break;
            }
            if (depth++ == DEEPEST) return NULL;
            arrays = arrays << 1 | (*at++ == '[');
        }
    }
}

/* runtimeDone of the invocation in hand, which went well; spans and metrics follow. */
static bool ended(Place at, Place end, const struct invocation *invocation)
{
    if (memcmp(at, invocation->id, ID)) return false;
    at += ID;
    if (!EXPECT(at, QUOTE "," TEXT("status") "success" QUOTE) || !(at = behind_rest(at, end))) return false;
    return *at == '}' && at + (STARTS(at + 1, "\\n") ? 3 : 1) == end;
}

/* ---- events */

/* `{"id":"<56 digits>","timestamp":<13 digits>,"message":"` */
enum { ID_IN_EVENT = 7, TIME_IN_EVENT = ID_IN_EVENT + EVENT_ID + 14, TEXT_IN_EVENT = TIME_IN_EVENT + 13 + 12 };
#define PLATFORM_ESCAPED QUOTE "," TEXT("type") "platform."
#define RECORD QUOTE "," KEY("record") "{" TEXT("requestId")

/* The number that eight digits make. */
static uint64_t eight(Place digits)
{
    uint64_t value = word(digits) & 0x0F0F0F0F0F0F0F0Fu;
    value = (value * 2561 >> 8) & 0x00FF00FF00FF00FFu;
    value = (value * 6553601 >> 16) & 0x0000FFFF0000FFFFu;
    return value * 42949672960001u >> 32;
}

/* How often an event came whose id has 56 digits, this time included. */
int64_t count_event(const struct ids *fresh, const struct ids *old, Place digits)
{
    uint64_t number[7], id[EVENT_WORDS];
    for (int i = 0; i < 7; i++) number[i] = eight(digits + 8 * i);
    /* Nineteen digits fit into a word: two times eight, and three of the last eight. */
    id[0] = number[0] * 100000000 + number[1];
    id[1] = number[2] * 100000000 + number[3];
    id[2] = number[4] * 100000000 + number[5];
    id[0] += number[6] / 100000 * 10000000000000000;
    id[1] += number[6] % 100000 / 1000 * 10000000000000000;
    id[2] += number[6] % 1000 * 10000000000000000;
    return (int64_t)count_again(fresh, old, id, EVENT_WORDS);
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

static bool is_platform(Place text)
{
    return STARTS(text, "{\\\"time\\\":\\\"") && is_time(text + 12) && STARTS(text + 36, PLATFORM_ESCAPED);
}

/* Events one after the other, from number `*count` on, as APPLICATION where they say nothing, else as DOUBTFUL; false where one
   is not as usual or has no end. */
static bool read_events(Place buffer, Place *at, Place stop, const struct events *events, int64_t *count)
{
    for (Place place = *at;; place++) {
        Place event = place, text = place + TEXT_IN_EVENT;
        if (stop - place < TEXT_IN_EVENT || !STARTS(place, "{\"id\":\"") ||
            !digits_only(place + ID_IN_EVENT, EVENT_ID) || !STARTS(place + TIME_IN_EVENT - 14, "\",\"timestamp\":") ||
            !digits_only(place + TIME_IN_EVENT, 13) || place[TIME_IN_EVENT] == '0' ||
            !STARTS(text - 12, ",\"message\":\""))
            return false;
        int64_t time = 0;
        for (int i = 0; i < 13; i++) time = time * 10 + place[TIME_IN_EVENT + i] - '0';
        Place quiet = is_platform(text) ? NULL : behind_quiet_record(text, stop);
        place = quiet ? quiet : behind_text(text, stop);
        if (!place || stop - place < 2 || *place++ != '}') return false;
        events->place[*count] = event - buffer;
        events->time[*count] = time * 1000;
        events->kind[*count] = quiet ? APPLICATION : DOUBTFUL;
        ++*count;
        *at = place;
        if (*place == ']') return true;
        if (*place != ',') return false;
    }
}

/* An object with events of a function, from number `*count` on. */
static bool read_object(Place buffer, Place *at, Place stop, const struct events *events, int64_t *count,
                        struct stream *stream)
{
    Place place = *at;
    int64_t owner, size;
    if (!EXPECT(place, "{\"messageType\":\"DATA_MESSAGE\",\"owner\":\"") || !text(buffer, &place, stop, &owner, &size))
        return false;
    if (!EXPECT(place, ",\"logGroup\":\"") || !text(buffer, &place, stop, &stream->group, &stream->group_size))
        return false;
    if (!EXPECT(place, ",\"logStream\":\"") || !text(buffer, &place, stop, &stream->name, &stream->name_size))
        return false;
    if (!EXPECT(place, ",\"subscriptionFilters\":[")) return false;
    while (EXPECT(place, "\""))
        if (!text(buffer, &place, stop, &owner, &size) || (*place != ']' && !EXPECT(place, ","))) return false;
    if (!EXPECT(place, "],\"logEvents\":[") || !read_events(buffer, &place, stop, events, count)) return false;
    if (!EXPECT(place, "]}")) return false;
    *at = place;
    return true;
}

/* The number of a stream, which may be a new one; -1 where there is no room for it. */
static int64_t number_of(Place buffer, struct stream stream, struct delivered *out)
{
    for (int64_t i = 0; i < out->stream_count; i++) {
        const struct stream *known = out->streams + i;
        if (known->name_size == stream.name_size && known->group_size == stream.group_size &&
            !memcmp(buffer + known->name, buffer + stream.name, (size_t)stream.name_size) &&
            !memcmp(buffer + known->group, buffer + stream.group, (size_t)stream.group_size))
            return i;
    }
    if (out->stream_count == out->most_streams) return -1;
    out->streams[out->stream_count] = stream;
    return out->stream_count++;
}

/* Whether no other stream in the scan names a request that this event names; false also where that cannot be told. */
static bool names_own(Place text, Place end, struct requests *requests, uint64_t stream)
{
    for (Place at = text; (at = memchr(at, 'u', (size_t)(end - at))); at++) {
        if (at[-1] == '\\') return false; /* whatever it spells */
        if (!STARTS(at - 3, "RequestId") && !STARTS(at - 3, "requestId")) continue;
        Place id = at + sizeof "uestId" - 1;
        uint64_t words[REQUEST_WORDS];
        for (int i = 0; i < 6 && (*id == '\\' || *id == '"' || *id == ':' || *id == ' '); i++) id++;
        if (!requests->room || !uuid_of(id, words)) return false;
        uint64_t *slot = slot_of(&requests->ids, words, REQUEST_WORDS);
        if (slot[REQUEST_WORDS] && slot[REQUEST_WORDS] != stream + 1) return false;
        requests->room -= !slot[REQUEST_WORDS];
        memcpy(slot, words, sizeof words);
        slot[REQUEST_WORDS] = stream + 1;
    }
    return true;
}

/* Behind an event and what follows it, a comma or a bracket. */
static Place event_end(Place buffer, const struct object *object, const struct events *events, int64_t number)
{
    return buffer + (number + 1 < object->behind ? events->place[number + 1] : object->end - 1);
}

/* The same of all events of an object that say anything. */
static bool object_names_own(Place buffer, const struct object *object, const struct events *events,
                             struct requests *requests)
{
    for (int64_t number = object->first; number < object->behind; number++) {
        Place text = buffer + events->place[number] + TEXT_IN_EVENT, end = event_end(buffer, object, events, number) - 3;
        if (events->kind[number] != APPLICATION && !names_own(text, end, requests, (uint64_t)object->stream))
            return false;
    }
    return true;
}

/* Find whole objects between `begin` and `end`, and their events. Gives the place behind the last of them.

   Attempts count in the order of the lines, which gathering changes between streams: this ends before an object that may name a
   request of another stream. `requests` is any table; what it holds is forgotten. */
int64_t find_objects(Place buffer, int64_t begin, int64_t end, const struct events *events, struct delivered *out,
                     const struct ids *requests)
{
    Place at = buffer + begin, stop = buffer + end;
    struct requests named = {*requests, requests->size / 2};
    memset(requests->slots, 0, sizeof *requests->slots * (size_t)(requests->size * (REQUEST_WORDS + 1)));
    out->stream_count = out->object_count = out->event_count = 0;
    out->other = -1;
    for (bool own = true; own && out->object_count < out->most_objects;) {
        while (at < stop && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) at++;
        Place place = at;
        struct object object = {at - buffer, 0, 0, out->event_count, out->event_count, -1};
        struct stream stream;
        if (!read_object(buffer, &place, stop, events, &object.behind, &stream)) {
            /* Its events, whatever they are, come before those that follow, also where one is delivered twice. Where it is
               followed by anything else its end may be no end. */
            if (at < stop && *at == '{' && (place = behind_object(at, stop)) && (*place == '{' || *place == '\n')) {
                out->other = object.begin;
                at = place;
            }
            break;
        }
        object.end = place - buffer;
        object.stream = number_of(buffer, stream, out);
        if (object.stream < 0) break;
        own = object_names_own(buffer, &object, events, &named);
        if (!own && out->object_count) break;
        out->objects[out->object_count++] = object;
        out->event_count = object.behind;
        at = place;
    }
    return at - buffer;
}

/* ---- what was found, stream by stream */

static enum kind kind_of(Place text, Place end, struct invocation *invocation, const struct segments *segments)
{
    if (!is_platform(text)) return DOUBTFUL;
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

/* One more event of a stream, which ends before `end`: its kind, and what it means for the segments. */
static void take_event(const struct events *events, int64_t number, Place text, Place end, struct invocation *invocation,
                       const struct segments *segments, struct counts *counts)
{
    struct invocation before = *invocation;
    invocation->now = events->time[number];
    if (events->kind[number] == DOUBTFUL) events->kind[number] = (uint8_t)kind_of(text, end, invocation, segments);
    enum kind kind = events->kind[number];
    if (kind == START) {
        if (before.id && before.state == REPORTED) {
            int64_t row = before.row;
            segments->plain[row] = true;
            segments->traced[row] = before.trace != NULL;
            if (before.trace) memcpy(segments->traces + TRACE * counts->traces++, before.trace, TRACE);
        }
        invocation->row = counts->starts++;
        segments->first[invocation->row] = number;
        segments->plain[invocation->row] = segments->traced[invocation->row] = false;
        memcpy(segments->ids + ID * invocation->row, invocation->id, ID);
    } else if (kind == END) {
        invocation->state = invocation->state == SERVED ? ENDED : SPOILT;
    } else if (kind == REPORT) {
        invocation->state = invocation->state == SERVED || invocation->state == ENDED ? REPORTED : SPOILT;
        segments->report[invocation->row] = events->place[number];
    } else if (invocation->state != SERVED) {
        invocation->state = SPOILT;
    }
}

/* Copy the events that were found to `bytes`, those of each stream in their order and each with a comma behind it, without
   those that were delivered before; and find the segments in them. The last START of each stream begins none, as its end is
   not in sight. */
void gather_events(Place buffer, const struct events *found, uint8_t *bytes, const struct events *events,
                   const struct segments *segments, struct counts *counts, const struct delivered *out,
                   const struct ids *fresh, const struct ids *old)
{
    for (int64_t i = 0; i < out->event_count; i++)
        if (count_event(fresh, old, buffer + found->place[i] + ID_IN_EVENT) > 1) found->kind[i] = DUPLICATE;
    *counts = (struct counts){0};
    uint8_t *to = bytes + MARGIN;
    for (int64_t stream = 0; stream < out->stream_count; stream++) {
        struct invocation invocation = {.id = NULL};
        out->streams[stream].begin = to - bytes;
        for (struct object *object = out->objects; object < out->objects + out->object_count; object++) {
            for (int64_t i = object->first; object->stream == stream && i < object->behind; i++) {
                if (found->kind[i] == DUPLICATE) continue;
                Place event = buffer + found->place[i];
                int64_t size = event_end(buffer, object, found, i) - event, number = counts->events++;
                if (object->place < 0) object->place = to - bytes;
                memcpy(to, event, (size_t)size);
                to[size - 1] = ',';
                events->place[number] = to - bytes;
                events->time[number] = found->time[i];
                events->kind[number] = found->kind[i];
                take_event(events, number, to + TEXT_IN_EVENT, to + size - 3, &invocation, segments, counts);
                to += size;
            }
        }
        out->streams[stream].end = to - bytes;
    }
    memset(to, 0, MARGIN);
}
