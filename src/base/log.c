#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"

#include "base/banned.h"

static void append(struct base_log_record *record, const char *format, ...) PRINTF_LIKE(2, 3);

static void
append(struct base_log_record *record, const char *format, ...)
{
    size_t room = sizeof(record->text) - record->len;
    va_list args;
    va_start(args, format);
    int written = vsnprintf(record->text + record->len, room, format, args);
    va_end(args);
    if (written > 0) {
        record->len += (size_t)written < room ? (size_t)written : room - 1;
    }
}

void
base_log_set_level(struct base_log *log, enum base_log_level level)
{
    __atomic_store_n(&log->level, level, __ATOMIC_RELAXED);
}

void
base_log_begin(struct base_log_record *record, const struct base_log *log,
    enum base_log_level level, const char *event, struct bytes transaction_id)
{
    static const char *const level_names[] = {"error", "warn", "info", "debug"};
    record->log = log;
    record->is_wanted = log->fd >= 0 && level <= __atomic_load_n(&log->level, __ATOMIC_RELAXED);
    record->len = 0;
    if (!record->is_wanted) {
        return;
    }
    append(record, "event=%s", event);
    if (transaction_id.len > 0) {
        base_log_text(record, "transaction_id", transaction_id);
    }
    char time_text[BASE_TIME_TEXT_LEN] = "";
    base_time_text_ms(base_clock_now_ms(&log->clock), time_text);
    append(record, " time=%s level=%s role=%s", time_text, level_names[level], log->role);
}

void
base_log_text(struct base_log_record *record, const char *key, struct bytes value)
{
    if (record->is_wanted) {
        char escaped[BASE_LOG_VALUE_MAX + 1] = "";
        append(record, " %s=%s", key, base_escape(value, escaped, sizeof(escaped)));
    }
}

void
base_log_word(struct base_log_record *record, const char *key, const char *value)
{
    base_log_text(record, key, bytes_from_text(value));
}

void
base_log_number(struct base_log_record *record, const char *key, int64_t value)
{
    if (record->is_wanted) {
        append(record, " %s=%lld", key, (long long)value);
    }
}

void
base_log_hex(struct base_log_record *record, const char *key, struct bytes value)
{
    if (record->is_wanted) {
        char hex[2 * 64 + 1] = "";
        struct bytes cut = {value.ptr, value.len < 64 ? value.len : 64};
        base_hex(cut, hex);
        append(record, " %s=%s", key, hex);
    }
}

void
base_log_code(struct base_log_record *record, const struct base_error *err)
{
    if (record->is_wanted) {
        char code[BASE_CODE_TEXT_LEN] = "";
        base_code_text(err->code, code);
        base_log_word(record, "detail", err->detail);
        append(record, " code=%s", code);
    }
}

void
base_log_end(struct base_log_record *record)
{
    if (record->is_wanted) {
        record->text[record->len++] = '\n'; /* append() always leaves the octet of the NUL */
        /* A log that cannot be written must not stop a delivery; the supervisor watches the
         * descriptor. */
        ssize_t written = write(record->log->fd, record->text, record->len);
        (void)written;
    }
}

void
base_log_error(const struct base_log *log, enum base_log_level level, const char *event,
    const struct base_error *err)
{
    struct base_log_record record;
    base_log_begin(&record, log, level, event, BYTES_NONE);
    base_log_code(&record, err);
    base_log_end(&record);
}
