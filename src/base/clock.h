/*
 * clock.h - the one way to know what time it is, and how time is written.
 *
 * Instants are int64_t milliseconds or seconds since 1970 UTC (the name says which); intervals are
 * measured on the monotonic clock. A clock is handed in, never called behind a caller's back, so
 * that a test can be in any year.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

struct base_clock {
    int64_t (*wall_ms)(void *arg); /* milliseconds since 1970 UTC */
    int64_t (*mono_ms)(void *arg); /* milliseconds of the monotonic clock */
    void *arg;
};

/*
 * The system's clock. A test build (KURIER_TEST_HOOKS) adds KURIER_CLOCK_OFFSET_S seconds of the
 * environment to the wall clock; a release build has no such thing.
 */
struct base_clock base_clock_system(void);
int64_t base_clock_now_ms(const struct base_clock *clock);
int64_t base_clock_now_s(const struct base_clock *clock);
int64_t base_clock_mono_ms(const struct base_clock *clock);

/* "2026-11-24T09:03:02Z"; years 1970 to 9999. */
#define BASE_TIME_TEXT_LEN 32
void base_time_text(int64_t at_s, char out[BASE_TIME_TEXT_LEN]);
/* "2026-11-24T09:03:02.123Z" */
void base_time_text_ms(int64_t at_ms, char out[BASE_TIME_TEXT_LEN]);

/* A civil UTC time as in DER; month 1..12. */
struct base_civil_time {
    int year;
    int month;
    int day;
    int hour;
    int minute;
    int second;
};
void base_time_to_civil(int64_t at_s, struct base_civil_time *out);
/* Errors: E_TEXT_FORMAT when a field is out of its range (month 13, 30 February, second 60). */
MUST_CHECK enum base_code base_time_from_civil(
    const struct base_civil_time *civil, int64_t *out_at_s, struct base_error *err);

/* "90s", "60m", "24h", "30d", "1y" (365 days) or bare seconds. Errors: E_TEXT_FORMAT. */
MUST_CHECK enum base_code base_duration_parse(
    struct bytes text, int64_t *out_s, struct base_error *err);

#endif
