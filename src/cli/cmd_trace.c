/*
 * kurier trace WHAT: one delivery from step 1 to 6, read like parcel tracking.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"
#include "cli/delivery_view.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/trace_with.h"

#include "base/banned.h"

/* The delivery whose rows are being read: how it stands is said after its last row. */
struct tracer {
    bool is_json;
    bool is_open;
    bool is_stopped; /* the newest one, which comes first */
    size_t count;
    bool is_confirmed;
    bool has_certificate;
    char state[IPC_NAME_MAX + 1];
    unsigned step;
    uint32_t code;
    json_t *deliveries;
    json_t *current;         /* borrowed from deliveries */
    struct trace_with *with; /* NULL: the ledger alone */
};

static void
end_delivery(struct tracer *tracer)
{
    const char *arrival = cli_arrival(tracer->state, tracer->has_certificate, tracer->is_confirmed);
    if (tracer->is_open && !tracer->is_json) {
        cli_trace_standing(tracer->state, tracer->step, tracer->code, arrival);
    } else if (tracer->is_open) {
        (void)json_object_set_new(
            tracer->current, "arrival", arrival == NULL ? json_null() : json_string(arrival));
    }
    tracer->is_open = false;
}

static void
begin_delivery(struct tracer *tracer, const struct ipc_delivery *row)
{
    end_delivery(tracer);
    (void)cli_clean(row->state, tracer->state, sizeof(tracer->state));
    tracer->is_confirmed = false;
    tracer->has_certificate = row->serial.len > 0;
    tracer->step = row->step;
    tracer->code = row->code;
    tracer->is_stopped = tracer->count == 0 ? row->code != 0 : tracer->is_stopped;
    tracer->is_open = true;
    tracer->count++;
    if (tracer->with != NULL && tracer->count == 1) {
        trace_with_delivery(tracer->with, row);
    }
    if (tracer->is_json) {
        tracer->current = cli_delivery_json(row);
        (void)json_object_set_new(tracer->current, "events", json_array());
        (void)json_object_set_new(tracer->current, "contacts", json_array());
        (void)json_object_set_new(tracer->current, "outbox", json_array());
        (void)json_array_append_new(tracer->deliveries, tracer->current);
        return;
    }
    if (tracer->count > 1) {
        (void)printf("\n");
    }
    cli_trace_head(row);
}

static void
take_event(struct tracer *tracer, const struct ipc_event *row)
{
    tracer->is_confirmed = tracer->is_confirmed || bytes_equal_text(row->event, "confirmed");
    if (tracer->with != NULL && tracer->count == 1) {
        trace_with_event(tracer->with, row);
    }
    if (tracer->is_json) {
        (void)json_array_append_new(
            json_object_get(tracer->current, "events"), cli_event_json(row));
    } else {
        cli_trace_event(row);
    }
}

static void
take_contact(struct tracer *tracer, const struct ipc_contact_row *row)
{
    if (tracer->with != NULL && tracer->count == 1) {
        trace_with_contact(tracer->with, row);
    }
    if (tracer->is_json) {
        (void)json_array_append_new(
            json_object_get(tracer->current, "contacts"), cli_contact_json(row));
    } else {
        cli_trace_contact(row);
    }
}

static void
take_notice(struct tracer *tracer, const struct ipc_outbox_row *row)
{
    if (tracer->is_json) {
        (void)json_array_append_new(
            json_object_get(tracer->current, "outbox"), cli_notice_json(row));
    } else {
        cli_trace_notice(row);
    }
}

static void
take_certificate(struct tracer *tracer, const struct ipc_cert_row *row)
{
    if (tracer->is_json) {
        (void)json_object_set_new(tracer->current, "certificate", cli_cert_json(row));
    } else {
        cli_trace_certificate(row);
    }
}

static enum base_code
take_row(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    struct tracer *tracer = arg;
    uint16_t type = ipc_frame_type(frame);
    if (type == IPC_TYPE_DELIVERY) {
        struct ipc_delivery row;
        TRY(ipc_decode(&ipc_delivery_spec, frame, &row, err));
        begin_delivery(tracer, &row);
        return BASE_OK;
    }
    if (!tracer->is_open) {
        return base_fail(err, E_IPC_FIELD, "a row before its delivery");
    }
    if (type == IPC_TYPE_EVENT) {
        struct ipc_event row;
        TRY(ipc_decode(&ipc_event_spec, frame, &row, err));
        take_event(tracer, &row);
    } else if (type == IPC_TYPE_CONTACT_ROW) {
        struct ipc_contact_row row;
        TRY(ipc_decode(&ipc_contact_row_spec, frame, &row, err));
        take_contact(tracer, &row);
    } else if (type == IPC_TYPE_OUTBOX_ROW) {
        struct ipc_outbox_row row;
        TRY(ipc_decode(&ipc_outbox_row_spec, frame, &row, err));
        take_notice(tracer, &row);
    } else {
        struct ipc_cert_row row;
        TRY(ipc_decode(&ipc_cert_row_spec, frame, &row, err));
        take_certificate(tracer, &row);
    }
    return BASE_OK;
}

static int
finish(struct tracer *tracer, const char *what, enum base_code code, const struct base_error *err)
{
    if (code != BASE_OK) {
        json_decref(tracer->deliveries);
        return cli_report(err);
    }
    end_delivery(tracer);
    if (tracer->is_json) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "what", cli_json_text(bytes_from_text(what)));
        (void)json_object_set_new(object, "deliveries", tracer->deliveries);
        if (tracer->with != NULL) {
            (void)json_object_set_new(object, "with", trace_with_json(tracer->with));
        }
        cli_json_print_pretty(object);
    } else if (tracer->with != NULL) {
        trace_with_print(tracer->with);
    }
    bool has_stopped =
        tracer->is_stopped || (tracer->with != NULL && trace_with_has_stopped(tracer->with));
    return has_stopped ? CLI_NO : CLI_OK;
}

int
cli_trace(int argc, char **argv)
{
    struct cli_place place = {NULL, NULL};
    struct tracer tracer = {.is_json = false};
    struct cli_list logs = {.count = 0};
    const struct cli_option table[] = {
        {"with", "FILE", "logs of the device (or of anybody else): one time line of both", NULL,
            NULL, &logs},
        {"json", NULL, "one JSON object", &tracer.is_json, NULL, NULL},
        CLI_PLACE_OPTIONS(place),
    };
    const struct cli_usage usage = {"trace WHAT",
        "Shows a delivery from step 1 to 6: when, what, and when it stopped, why and what to do.\n"
        "WHAT: device name, subject, transactionID, serial, thumbprint, challenge id or delivery "
        "number.\n"
        "Exit status 1 when the newest delivery found has stopped.",
        table, sizeof(table) / sizeof(table[0]), 1, 1};
    struct cli_list words;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    struct base_error err;
    struct cli_session session;
    OWN_STRUCT(trace_with) with = NULL;
    if ((logs.count > 0 && trace_with_new(&with, &err) != BASE_OK) ||
        cli_session_open(&place, &session, &err) != BASE_OK) {
        return cli_report(&err);
    }
    tracer.with = with;
    tracer.deliveries = tracer.is_json ? json_array() : NULL;
    struct ipc_trace question = {bytes_from_text(words.item[0])};
    struct cli_page page;
    enum base_code code =
        cli_ask(&session, &ipc_trace_spec, &question, take_row, &tracer, &page, &err);
    cli_session_close(&session);
    for (size_t i = 0; code == BASE_OK && i < logs.count; i++) {
        code = trace_with_read(with, logs.item[i], &err);
    }
    return finish(&tracer, words.item[0], code, &err);
}
