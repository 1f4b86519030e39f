/*
 * trace_with.h - kurier trace --with: what the ledger knows of one delivery and what logs say of
 * it, on one time line.
 */
#ifndef CLI_TRACE_WITH_H
#define CLI_TRACE_WITH_H

#include <jansson.h>

#include "base/own.h"
#include "ipc/control.h"

struct trace_with;

MUST_CHECK enum base_code trace_with_new(struct trace_with **out, struct base_error *err);
void trace_with_free(struct trace_with *with);
OWNER_STRUCT(trace_with)

/* The rows of the delivery, as they come; then the logs. */
void trace_with_delivery(struct trace_with *with, const struct ipc_delivery *row);
void trace_with_event(struct trace_with *with, const struct ipc_event *row);
void trace_with_contact(struct trace_with *with, const struct ipc_contact_row *row);
/* Errors: as diagnosis_read(). */
MUST_CHECK enum base_code trace_with_read(
    struct trace_with *with, const char *path, struct base_error *err);

/* The time line and what both together mean. */
void trace_with_print(struct trace_with *with);
json_t *trace_with_json(struct trace_with *with);
bool trace_with_has_stopped(struct trace_with *with);

#endif
