#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"

#include "base/banned.h"

static int64_t
read_clock_ms(clockid_t which)
{
    struct timespec at = {0, 0};
    (void)clock_gettime(which, &at);
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static int64_t
system_wall_ms(void *arg)
{
    (void)arg;
    int64_t offset_ms = 0;
#ifdef KURIER_TEST_HOOKS
    const char *offset = getenv("KURIER_CLOCK_OFFSET_S");
    offset_ms = offset == NULL ? 0 : strtoll(offset, NULL, 10) * 1000;
#endif
    return read_clock_ms(CLOCK_REALTIME) + offset_ms;
}

static int64_t
system_mono_ms(void *arg)
{
    (void)arg;
    return read_clock_ms(CLOCK_MONOTONIC);
}

struct base_clock
base_clock_system(void)
{
    return (struct base_clock){system_wall_ms, system_mono_ms, NULL};
}

int64_t
base_clock_now_ms(const struct base_clock *clock)
{
    return clock->wall_ms(clock->arg);
}

int64_t
base_clock_now_s(const struct base_clock *clock)
{
    return clock->wall_ms(clock->arg) / 1000;
}

int64_t
base_clock_mono_ms(const struct base_clock *clock)
{
    return clock->mono_ms(clock->arg);
}

void
base_time_to_civil(int64_t at_s, struct base_civil_time *out)
{
    struct tm tm = {0};
    time_t at = (time_t)at_s;
    (void)gmtime_r(&at, &tm);
    *out = (struct base_civil_time){
        tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec};
}

void
base_time_text(int64_t at_s, char out[BASE_TIME_TEXT_LEN])
{
    struct base_civil_time t = {0};
    base_time_to_civil(at_s, &t);
    (void)snprintf(out, BASE_TIME_TEXT_LEN, "%04d-%02d-%02dT%02d:%02d:%02dZ", t.year % 10000,
        t.month % 100, t.day % 100, t.hour % 100, t.minute % 100, t.second % 100);
}

void
base_time_text_ms(int64_t at_ms, char out[BASE_TIME_TEXT_LEN])
{
    struct base_civil_time t = {0};
    base_time_to_civil(at_ms / 1000, &t);
    (void)snprintf(out, BASE_TIME_TEXT_LEN, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.year % 10000,
        t.month % 100, t.day % 100, t.hour % 100, t.minute % 100, t.second % 100,
        (int)(at_ms % 1000));
}

enum base_code
base_time_from_civil(const struct base_civil_time *civil, int64_t *out_at_s, struct base_error *err)
{
    struct tm tm = {.tm_year = civil->year - 1900,
        .tm_mon = civil->month - 1,
        .tm_mday = civil->day,
        .tm_hour = civil->hour,
        .tm_min = civil->minute,
        .tm_sec = civil->second};
    struct tm normal = tm;
    int64_t at_s = (int64_t)timegm(&normal); /* turns 30 February into 2 March: compare to see it */
    if (normal.tm_year != tm.tm_year || normal.tm_mon != tm.tm_mon ||
        normal.tm_mday != tm.tm_mday || normal.tm_hour != tm.tm_hour ||
        normal.tm_min != tm.tm_min || normal.tm_sec != tm.tm_sec) {
        return base_fail(err, E_TEXT_FORMAT, "no such time: %d-%d-%d %d:%d:%d", civil->year,
            civil->month, civil->day, civil->hour, civil->minute, civil->second);
    }
    *out_at_s = at_s;
    return BASE_OK;
}

enum base_code
base_duration_parse(struct bytes text, int64_t *out_s, struct base_error *err)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}, {'y', 31536000}};
    int64_t unit = 1;
    struct bytes digits = text;
    for (size_t i = 0; text.len > 0 && i < sizeof(units) / sizeof(units[0]); i++) {
        if (text.ptr[text.len - 1] == (uint8_t)units[i].letter) {
            unit = units[i].seconds;
            digits.len = text.len - 1;
        }
    }
    uint64_t number = 0;
    if (base_parse_number(digits, 100000000, &number, NULL) != BASE_OK) {
        return base_fail(err, E_TEXT_FORMAT,
            "a duration is a number and one of s, m, h, d, w, y: '%.*s'",
            base_size_to_int(text.len < 32 ? text.len : 32), (const char *)text.ptr);
    }
    *out_s = (int64_t)number * unit;
    return BASE_OK;
}
