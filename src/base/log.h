/*
 * log.h - one event, one line, key=value: an interface, not prose.
 *
 *   event=request_received transaction_id=8F.. time=2026-11-24T09:03:02.123Z level=info role=front
 * source=127.0.0.1 code=KUR-1302
 *
 * `event` comes first (a stable name, listed in docs/operations.md), then `transaction_id` when
 * there is one, then time, level and role, then facts, then `code`. Peer text is escaped and cut. A
 * record leaves in one write(2) of less than PIPE_BUF octets, so that several roles may share one
 * descriptor.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"

enum base_log_level { BASE_LOG_ERROR, BASE_LOG_WARN, BASE_LOG_INFO, BASE_LOG_DEBUG };

/* Where records go. Copied freely; the descriptor is borrowed. */
struct base_log {
    int fd;                    /* the supervisor's descriptor; -1: nowhere */
    enum base_log_level level; /* records above it are not written */
    const char *role;          /* static text: "front", "ledger", ... */
    struct base_clock clock;
};

#define BASE_LOG_RECORD_MAX 3072
#define BASE_LOG_VALUE_MAX 256 /* an untrusted value is cut to this many characters */

/* A record being built; lives on the stack from begin to end. */
struct base_log_record {
    const struct base_log *log;
    bool is_wanted;
    size_t len;
    char text[BASE_LOG_RECORD_MAX];
};

/* From now on, while other threads write through @log. */
void base_log_set_level(struct base_log *log, enum base_log_level level);

/* @event static; @transaction_id may be empty, and is escaped. */
void base_log_begin(struct base_log_record *record, const struct base_log *log,
    enum base_log_level level, const char *event, struct bytes transaction_id);
void base_log_text(
    struct base_log_record *record, const char *key, struct bytes value); /* escaped and cut */
void base_log_word(
    struct base_log_record *record, const char *key, const char *value); /* escaped and cut */
void base_log_number(struct base_log_record *record, const char *key, int64_t value);
void base_log_hex(struct base_log_record *record, const char *key, struct bytes value);
/* detail="..." and code=KUR-..; goes last. */
void base_log_code(struct base_log_record *record, const struct base_error *err);
void base_log_end(struct base_log_record *record);

/* An event with an error and nothing else. */
void base_log_error(const struct base_log *log, enum base_log_level level, const char *event,
    const struct base_error *err);

#endif
