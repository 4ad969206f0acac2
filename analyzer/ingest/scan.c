/* Finds the unremarkable invocations in the bytes of S3 exports and reads them into columns.

   An export is a sequence of segments, each from one START to the next. A segment is plain when it holds START, lines of
   the application, END and REPORT of one request, all in the shape that Lambda writes today, and nothing behind them. Of a
   plain segment the line-by-line path would make one invocation that is complete and ok, and a row for each line of the
   application that it finds remarkable, of which lines.c reads the usual ones. Whatever is not certain is not plain: the
   line-by-line path is the meaning, and this file only ever says that it need not be asked.

   Nothing here allocates, and nothing is written but the columns. What is scanned lies a MARGIN or more away from both
   ends of its buffer, and no read reaches further beyond an event than that. kernel.py is the only caller. */

#include <math.h>

#include "native.h"

static bool is_wordlike(uint8_t byte)
{
    return is_digit(byte) || (uint8_t)((byte | 0x20) - 'a') < 26 || byte == '_' || byte == '-';
}

/* ---- times */

/* Days since 1970 of a date that exists, else -1. After Howard Hinnant's days_from_civil. */
static int64_t days(int year, int month, int day)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || year < 1970) return -1;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day < 1 || day > lengths[month - 1] + (month == 2 && leap)) return -1;
    int shifted = month > 2 ? year : year - 1;
    int era = shifted / 400, of_era = shifted % 400;
    int of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* The date that was read last: most events are of the day of the one before. */
struct date {
    uint64_t year_and_month;
    uint16_t day_of_month;
    int64_t days;
};

/* Microseconds since 1970, or -1 where no event begins. */
static int64_t event_time(Place at, struct date *date)
{
    if (at[TIME] != ' ' || !is_time(at)) return -1;
    uint16_t day_of_month;
    memcpy(&day_of_month, at + 8, sizeof day_of_month);
    if (word(at) != date->year_and_month || day_of_month != date->day_of_month) {
        date->year_and_month = word(at);
        date->day_of_month = day_of_month;
        date->days = days(two(at) * 100 + two(at + 2), two(at + 5), two(at + 8));
    }
    int hour = two(at + 11), minute = two(at + 14), second = two(at + 17);
    if (date->days < 0 || hour > 23 || minute > 59 || second > 59) return -1;
    int64_t seconds = ((date->days * 24 + hour) * 60 + minute) * 60 + second;
    return (seconds * 1000 + (at[20] - '0') * 100 + two(at + 21)) * 1000;
}

/* ---- kinds of events */

/* "2026-03-17T08:12:05.123Z\t<id>\tINFO": a line of Node.js or .NET that names the request in hand and no level that matters. */
static bool is_quiet_node(Place text, Place own_id)
{
    if (!own_id || !is_time(text)) return false;
    if ((text[TIME] != '\t' && text[TIME] != ' ') || memcmp(text + TIME + 1, own_id, ID)) return false;
    Place level = text + TIME + 1 + ID;
    if (*level != '\t' && *level != ' ') return false;
    static const char grave[][5] = {"warn", "erro", "fail", "fata", "crit", "seve", "pani", "task"};
    char lower[4];
    for (int i = 0; i < 4; i++) lower[i] = (char)(level[1 + i] | 0x20);
    for (unsigned i = 0; i < sizeof grave / sizeof *grave; i++)
        if (memcmp(lower, grave[i], 4) == 0) return false;
    return true;
}

/* Messages that begin with a digit: the time of Node.js and .NET, 2026/03/17 of Go, or just a number. */
static bool is_quiet_number(Place text, Place own_id)
{
    if (text[2] == ':') return false; /* 08:12:05 WARN */
    for (int i = 1; i < 4; i++) {
        if (text[i] >= 0x80) return false;
        if (!is_digit(text[i])) return true;
    }
    if (text[4] == '-') return is_quiet_node(text, own_id);
    if (text[4] != '/') return true;
    /* Behind the time of Go's logger stands a level, a record, or what somebody wrote. */
    uint64_t high = (word(text) | word(text + 8) | word(text + 16)) & 0x8080808080808080u;
    return !high && text[20] != '{' && (uint8_t)(text[20] - 'A') > 25;
}

/* SEVERE: text, ERROR:shop.prices:text, "E, [2026-03-17T...", level=error, and a request id in front of a level. */
static bool may_name_level(Place text)
{
    if (STARTS(text + 1, ", [") || (text[8] == '-' && text[13] == '-')) return true;
    if (STARTS(text, "time=") || STARTS(text, "ts=") || STARTS(text, "level=")) return true;
    int length = 0;
    while (length < 12 && (uint8_t)((text[length] | 0x20) - 'a') < 26) length++;
    return length && text[length] == ':';
}

/* Whether a message begins in a way in which nothing does that the grammars of the platform, of exceptions or of JSON claim. */
static bool is_quiet(Place text, Place own_id)
{
    if (may_name_level(text)) return false;
    switch (*text) {
    case '[': /* Behind "[INFO]\t" only Python's own line can follow, and none of its levels below WARNING matters. */
        return STARTS(text, "[INFO]\t") || STARTS(text, "[DEBUG]\t");
    case '{': case '"': return false;
    case 'S': return !STARTS(text, "START");
    case 'E':
        return !STARTS(text, "END") && !STARTS(text, "EXTENSION") && !STARTS(text, "Error raised from ");
    case 'R': return !STARTS(text, "REPORT") && !STARTS(text, "RESTORE") && !STARTS(text, "RequestId:");
    case 'I': return !STARTS(text, "INIT_") && !STARTS(text, "IMAGE");
    case 'L': return !STARTS(text, "LOGS");
    case 'T': return !STARTS(text, "TELEMETRY");
    case 'C': return !STARTS(text, "Critical exception");
    case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        return is_quiet_number(text, own_id);
    default: /* White space and digits of other scripts may stand before much. */
        return *text > ' ' && *text < 0x7F;
    }
}

static enum kind kind_of(Place text, Place own_id)
{
    /* A segment is over where the grammar sees a START and nowhere else. */
    if (STARTS(text, "START RequestId")) return STARTS(text + 15, ": ") && is_wordlike(text[17]) ? START : DOUBTFUL;
    if (STARTS(text, "END RequestId: ")) return END;
    if (STARTS(text, "REPORT RequestI")) return REPORT;
    return is_quiet(text, own_id) ? APPLICATION : DOUBTFUL;
}

/* ---- plain segments */

static bool whole(Place *at, int64_t *value)
{
    int64_t number = 0;
    int length = 0;
    for (; is_digit((*at)[length]); length++) {
        if (length == LONGEST_NUMBER) return false;
        number = number * 10 + (*at)[length] - '0';
    }
    *at += length;
    *value = number;
    return length > 0;
}

/* A number with two decimals, as hundredths. */
static bool decimal(Place *at, int64_t *value)
{
    if (!whole(at, value) || **at != '.' || !is_digit((*at)[1]) || !is_digit((*at)[2])) return false;
    *value = *value * 100 + two(*at + 1);
    *at += 3;
    return true;
}

/* What may stand between the figures of REPORT and the event that follows: the id of a trace, or nothing. */
static bool ending(Place at, Place next, Place *trace)
{
    *trace = NULL;
    if (next - at == 2) return STARTS(at, "\n\n");
    if (!EXPECT(at, "\nXRAY TraceId: ") || !is_trace(at)) return false;
    *trace = at;
    at += TRACE;
    if (!EXPECT(at, "\tSegmentId: ") || !is_hexadecimal(at, SEGMENT)) return false;
    at += SEGMENT;
    return (EXPECT(at, "\tSampled: true\t\n\n") || EXPECT(at, "\t\n\n")) && at == next;
}

static uint64_t version_of(Place at, Place next)
{
    int64_t length = next - at - (int64_t)(sizeof " Version: \n\n" - 1);
    if (length < 1 || length > LONGEST_VERSION || !EXPECT(at, " Version: ") || at[length] != '\n') return 0;
    bool number = true;
    for (int i = 0; i < length; i++) number &= is_digit(at[i]);
    if (!number && !(length == 7 && STARTS(at, "$LATEST"))) return 0;
    return word(at) & (~(uint64_t)0 >> (64 - 8 * length));
}

/* The segment of the events `first` to before `next`, into row `row` where it is plain. */
static bool read_segment(Place buffer, const struct events *events, int64_t first, int64_t next,
                         const struct segments *out, int64_t row, struct counts *counts)
{
    out->traced[row] = false;
    if (next - first < 3 || events->kind[next - 1] != REPORT || events->kind[next - 2] != END) return false;
    for (int64_t i = first + 1; i < next - 2; i++)
        if (events->kind[i] == END || events->kind[i] == REPORT) return false;

    Place start = buffer + events->place[first] + TIME + 1, end = buffer + events->place[next - 2] + TIME + 1;
    Place report = buffer + events->place[next - 1], following = buffer + events->place[next];
    Place id = out->ids + ID * row;
    if (!*id || memcmp(end + sizeof "END RequestId: " - 1, id, ID)) return false;
    end += sizeof "END RequestId: " - 1 + ID;
    if (!STARTS(end, "\n\n") || end + 2 != report) return false;
    uint64_t version = version_of(start + sizeof "START RequestId: " - 1 + ID, buffer + events->place[first + 1]);
    if (!version) return false;

    Place at = report + TIME + 1, trace;
    int64_t duration, billed, memory, used, initial = -1;
    if (!EXPECT(at, "REPORT RequestId: ") || memcmp(at, id, ID)) return false;
    at += ID;
    if (!EXPECT(at, "\tDuration: ") || !decimal(&at, &duration)) return false;
    if (!EXPECT(at, " ms\tBilled Duration: ") || !whole(&at, &billed)) return false;
    if (!EXPECT(at, " ms\tMemory Size: ") || !whole(&at, &memory)) return false;
    if (!EXPECT(at, " MB\tMax Memory Used: ") || !whole(&at, &used)) return false;
    if (!EXPECT(at, " MB\t")) return false;
    if (EXPECT(at, "Init Duration: ") && (!decimal(&at, &initial) || !EXPECT(at, " ms\t"))) return false;
    if (!ending(at, following, &trace)) return false;

    out->version[row] = version;
    out->report[row] = report - buffer;
    out->end_time[row] = events->time[next - 1];
    /* The START line may come long before the work: an environment can be started ahead of its first request. */
    out->start_time[row] = events->time[next - 1] - duration * 10;
    out->duration[row] = (double)duration / 100;
    out->billed[row] = (double)billed;
    out->memory[row] = (int32_t)memory;
    out->used[row] = (int32_t)used;
    out->initial[row] = initial < 0 ? NAN : (double)initial / 100;
    out->traced[row] = trace != NULL;
    if (trace) memcpy(out->traces + TRACE * counts->traces++, trace, TRACE);
    return true;
}

/* Part of a file in the buffer, from the beginning of a line on. `closed`: what is in hand at its end is over there. */
struct stretch {
    int64_t begin, end, closed;
};

/* What was found so far. */
struct state {
    Place buffer;
    const struct events *events;
    const struct segments *segments;
    const struct lines *lines;
    struct counts *counts;
    int64_t longest_event;
    Place bookkeeping;
};

/* A START of the request `id`, or without one the end of a closed stretch, which ends a segment as a START does. */
static void begin_segment(const struct state *state, Place id)
{
    struct counts *counts = state->counts;
    const struct segments *segments = state->segments;
    if (counts->starts) {
        int64_t row = counts->starts - 1;
        segments->plain[row] =
            read_segment(state->buffer, state->events, segments->first[row], counts->events, segments, row, counts);
        if (!segments->plain[row])
            while (counts->lines && state->lines->segment[counts->lines - 1] == row) counts->lines--;
    }
    int64_t row = counts->starts++;
    segments->first[row] = counts->events;
    if (!id || !uuid_of(id, segments->uuids + 2 * row)) memset(segments->ids + ID * row, 0, ID);
    else memcpy(segments->ids + ID * row, id, ID);
}

/* The last event, of which the end is in sight now, where it is no line of the platform. */
static void end_line(const struct state *state, Place end, Place own_id, bool stack)
{
    const struct events *events = state->events;
    struct counts *counts = state->counts;
    int64_t last = counts->events - 1;
    uint8_t *kind = events->kind + last;
    if (*kind != APPLICATION && *kind != DOUBTFUL) return;
    Place text = state->buffer + events->place[last] + TIME + 1;
    struct row row = {counts->starts - 1, events->place[last], events->time[last]};
    *kind = stack || end - text + TIME + 1 > state->longest_event
                ? DOUBTFUL
                : (uint8_t)read_line(text, end, own_id, *kind == APPLICATION, state->bookkeeping, row, state->lines,
                                     &counts->lines);
}

static void scan_stretch(const struct state *state, struct stretch stretch)
{
    const struct events *events = state->events;
    int64_t *count = &state->counts->events;
    int64_t before = *count;
    Place at = state->buffer + stretch.begin, stop = state->buffer + stretch.end, own_id = NULL;
    struct date date = {0, 0, -1};
    bool stack = false;
    for (;;) {
        int64_t time = stop - at > TIME ? event_time(at, &date) : -1;
        if (time < 0 && at < stop) {
            stack |= stop - at >= 4 && STARTS(at, "\tat ");
        } else {
            if (*count > before) end_line(state, at, own_id, stack);
            if (at == stop) break;
            stack = false;
            events->place[*count] = at - state->buffer;
            events->time[*count] = time;
            at += TIME + 1;
            events->kind[*count] = (uint8_t)kind_of(at, own_id);
            if (events->kind[*count] == START) {
                own_id = at + sizeof "START RequestId: " - 1;
                begin_segment(state, own_id);
            }
            ++*count;
        }
        at = at < stop ? memchr(at, '\n', (size_t)(stop - at)) : NULL;
        at = at ? at + 1 : stop;
    }
    if (stretch.closed) {
        events->place[*count] = stretch.end;
        events->time[*count] = *count ? events->time[*count - 1] : 0;
        events->kind[*count] = BORDER;
        begin_segment(state, NULL);
        ++*count;
    }
}

/* Look at the events of some stretches. The last START begins no segment, as its end is not in sight. */
void scan(Place buffer, const struct stretch *stretches, int64_t number, int64_t longest_event, Place bookkeeping,
          const struct lines *lines, const struct events *events, const struct segments *segments, struct counts *counts)
{
    struct state state = {buffer, events, segments, lines, counts, longest_event, bookkeeping};
    *counts = (struct counts){0};
    lines->text[0] = lines->field[0] = lines->name[0] = 0;
    for (int64_t i = 0; i < number; i++) scan_stretch(&state, stretches[i]);
}
