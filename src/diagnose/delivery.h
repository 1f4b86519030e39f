/*
 * delivery.h - observations of all files, put together: by ids, then by order, then by time.
 *
 * Lines without an id belong to the delivery that their file spoke of last. A delivery that shares
 * no id with any other (a server's log names clients or transactions, a device's its profile) is
 * joined with one of another file only when there is exactly one that it can be, and only one that
 * can be that.
 */
#ifndef DIAGNOSE_DELIVERY_H
#define DIAGNOSE_DELIVERY_H

#include "base/own.h"
#include "diagnose/catalogue.h"
#include "diagnose/limits.h"
#include "diagnose/observation.h"

struct diag_evidence {
    enum diag_source source;
    enum diag_mark mark;
    uint8_t step;
    const struct diag_cause *cause;
    const char *file;
    uint32_t line;
    int64_t at_ms;
    bool has_date;
    uint64_t order;
    char text[DIAG_TEXT_MAX];
};

struct diag_delivery {
    struct diag_ids ids;
    unsigned sources; /* bits by enum diag_source */
    bool has_id;      /* model, transaction, subject or serial */
    uint32_t file;    /* number of the file in which it began */
    /* the last of each mark; order 0: never */
    uint64_t reached[DIAG_SETUP_DONE + 1];
    uint64_t last_order; /* of progress */
    enum diag_mark last_mark;
    const struct diag_cause *last_cause; /* what the last progress means when nothing follows */
    uint8_t last_step;
    const char *last_file;
    char root_state[64];
    char scep_state[64];
    /* failures of the present attempt: a success behind them clears them */
    struct {
        const struct diag_cause *cause;
        uint8_t step;
        uint64_t order;
        enum diag_source source;
        const char *file;
        bool is_hint;
    } failures[8];
    size_t failure_count;
    bool is_joined;   /* into another */
    bool is_part;     /* of one that the same log tells of, and that is not known yet */
    bool is_outlived; /* its log went on to another delivery */
    uint32_t lane;    /* the thread of work that wrote of it last */
    bool has_newest;
    int64_t newest_ms; /* of what was noted, with a date */
    const char *newest_file;
    bool is_told; /* by whoever asks, who knows that it belongs to what the logs tell */
    bool has_skew;
    int64_t skew_ms; /* the server's clock before the device's, where both tell of one request */
    size_t evidence_count;
    struct diag_evidence evidence[DIAG_EVIDENCE_MAX];
};

struct diag_deliveries;

struct diag_deliveries *diag_deliveries_new(void); /* NULL without memory */
void diag_deliveries_free(struct diag_deliveries *deliveries);
OWNER_STRUCT(diag_deliveries)

/* A file begins: what it said last is forgotten. @name lives as long as the deliveries. */
void diag_deliveries_begin_file(struct diag_deliveries *deliveries);
/* It ends: what its lines left open is put to what it can only belong to. */
void diag_deliveries_end_file(struct diag_deliveries *deliveries);
void diag_deliveries_take(
    struct diag_deliveries *deliveries, const struct diag_observation *observation);
/* All files were read: join what belongs together. */
void diag_deliveries_join(struct diag_deliveries *deliveries);
/* Those that were not joined into others; NULL behind the last. */
const struct diag_delivery *diag_deliveries_at(
    const struct diag_deliveries *deliveries, size_t index);
/* Each of them, to be changed in place. */
void diag_deliveries_each(struct diag_deliveries *deliveries,
    void (*take)(void *arg, struct diag_delivery *delivery), void *arg);
/* How many were left out because there were too many. */
size_t diag_deliveries_left_out(const struct diag_deliveries *deliveries);

#endif
