#include "cli/delivery_view.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/output.h"

#include "base/banned.h"

const char *
cli_step_name(unsigned step)
{
    static const char *const names[] = {
        "servers", "profile", "request", "policy", "issue", "delivery", "report"};
    return step < sizeof(names) / sizeof(names[0]) ? names[step] : "unknown";
}

const char *
cli_event_words(struct bytes event, char *storage, size_t storage_size)
{
    static const struct {
        const char *event;
        const char *words;
    } table[] = {
        {"challenge_made", "challenge made for the device"},
        {"foreign_challenge", "profile and challenge are of a policy outside"},
        {"request_received", "request received"},
        {"retry_served", "the same request again: the same certificate"},
        {"poll", "the device asks whether it is ready"},
        {"authorised", "authorised"},
        {"refused", "refused"},
        {"waiting", "waits for approval"},
        {"approved", "approved"},
        {"denied", "denied"},
        {"reserved", "certificate reserved"},
        {"signed", "certificate signed"},
        {"answered", "answer sent, and taken in full by the device"},
        {"confirmed", "installation confirmed"},
        {"answer_not_taken", "answer sent, but the device left before it had it in full"},
        {"challenge_reused",
            "SECURITY: a used challenge was presented again for another key or name"},
        {"challenge_mismatch", "challenge and request do not belong together"},
        {"revoked", "certificate revoked"},
        {"policy_unavailable", "a policy outside gave no answer; nothing was spent"},
        {"reported", "reported, and taken"},
        {"report_waits", "not reported yet: it was not taken, and is tried again"},
        {"report_dead", "never reported: given up"},
        {"withheld_too_long",
            "the certificate was withheld until its notice is taken, for too long"},
        {"confirmed", "the device has it installed"},
        {"fault", "a fault of the server; nothing was spent"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (bytes_equal_text(event, table[i].event)) {
            return table[i].words;
        }
    }
    (void)cli_clean(event, storage, storage_size);
    for (char *c = storage; *c != '\0'; c++) {
        if (*c == '_') {
            *c = ' ';
        }
    }
    return storage;
}

const char *
cli_reason_name(unsigned reason)
{
    static const char *const names[] = {"unspecified", "keyCompromise", "cACompromise",
        "affiliationChanged", "superseded", "cessationOfOperation", "certificateHold", "unknown",
        "removeFromCRL", "privilegeWithdrawn", "aACompromise"};
    return reason < sizeof(names) / sizeof(names[0]) ? names[reason] : "unknown";
}

static const char *
operation_name(uint8_t operation)
{
    return operation == IPC_GET_CA_CAPS ? "GetCACaps" : "GetCACert";
}

void
cli_delivery_heading(void)
{
    (void)printf("%-16s  %-19s  %-10s  %-11s  %-16s  %s\n", "DELIVERY", "UPDATED", "STEP", "STATE",
        "DEVICE", "SUBJECT");
}

void
cli_delivery_line(const struct ipc_delivery *row)
{
    char time_text[CLI_TIME_LEN] = "";
    char state[64] = "";
    char device[128] = "";
    char subject[512] = "";
    char step[32] = "";
    (void)snprintf(step, sizeof(step), "%u %s", (unsigned)row->step, cli_step_name(row->step));
    (void)printf("%-16llu  %-19s  %-10s  %-11s  %-16s  %s\n", (unsigned long long)row->delivery_id,
        cli_time(row->updated_ms, time_text), step, cli_clean(row->state, state, sizeof(state)),
        row->device.len == 0 ? "-" : cli_clean(row->device, device, sizeof(device)),
        row->subject.len == 0 ? "-" : cli_clean(row->subject, subject, sizeof(subject)));
}

json_t *
cli_delivery_json(const struct ipc_delivery *row)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "delivery", json_integer((json_int_t)row->delivery_id));
    (void)json_object_set_new(object, "state", cli_json_text(row->state));
    (void)json_object_set_new(object, "step", json_integer(row->step));
    (void)json_object_set_new(object, "step_name", json_string(cli_step_name(row->step)));
    (void)json_object_set_new(object, "device", cli_json_text(row->device));
    (void)json_object_set_new(object, "subject", cli_json_text(row->subject));
    (void)json_object_set_new(object, "endpoint", cli_json_text(row->endpoint));
    (void)json_object_set_new(object, "profile", cli_json_text(row->profile));
    (void)json_object_set_new(object, "ca", cli_json_text(row->ca));
    (void)json_object_set_new(object, "transaction_id", cli_json_text(row->transaction_id));
    (void)json_object_set_new(object, "challenge_id", cli_json_text(row->challenge_id));
    (void)json_object_set_new(object, "serial", cli_json_hex(row->serial));
    (void)json_object_set_new(object, "key_sha256", cli_json_hex(row->key_sha256));
    (void)json_object_set_new(object, "source", cli_json_text(row->source));
    (void)json_object_set_new(object, "code", cli_json_code(row->code));
    (void)json_object_set_new(object, "detail", cli_json_text(row->detail));
    (void)json_object_set_new(object, "created", cli_json_time_ms(row->created_ms));
    (void)json_object_set_new(object, "updated", cli_json_time_ms(row->updated_ms));
    if (row->code != 0) {
        const struct base_error_entry *entry = base_error_find((enum base_code)row->code);
        (void)json_object_set_new(object, "why", json_string(entry->why));
        (void)json_object_set_new(object, "remedy", json_string(entry->remedy));
    }
    return object;
}

static void
head_line(const char *name, struct bytes value)
{
    if (value.len > 0) {
        char clean[1024] = "";
        (void)printf("  %-14s %s\n", name, cli_clean(value, clean, sizeof(clean)));
    }
}

static void
head_hex(const char *name, struct bytes value)
{
    if (value.len > 0 && value.len <= 64) {
        char hex[2 * 64 + 1] = "";
        base_hex(value, hex);
        (void)printf("  %-14s %s\n", name, hex);
    }
}

void
cli_trace_head(const struct ipc_delivery *row)
{
    (void)printf(
        "%sDelivery %llu%s\n", cli_bold(), (unsigned long long)row->delivery_id, cli_plain());
    head_line("device", row->device);
    head_line("subject", row->subject);
    head_line("profile", row->profile);
    head_line("transactionID", row->transaction_id);
    head_line("challenge", row->challenge_id);
    head_hex("serial", row->serial);
    (void)printf("\n");
}

static void
step_line(unsigned step, int64_t at_ms, const char *words, const char *detail, uint32_t code)
{
    char time_text[CLI_TIME_LEN] = "";
    char code_text[BASE_CODE_TEXT_LEN] = "";
    base_code_text((enum base_code)code, code_text);
    (void)printf("  %u %-9s %s  %s%s%s%s%s%s%s\n", step, cli_step_name(step),
        cli_time(at_ms, time_text), code != 0 ? cli_red() : "", words, code != 0 ? cli_plain() : "",
        detail[0] == '\0' ? "" : ": ", detail, code != 0 ? " " : "", code != 0 ? code_text : "");
}

void
cli_trace_event(const struct ipc_event *row)
{
    char storage[128] = "";
    char detail[1024] = "";
    step_line(row->step, row->at_ms, cli_event_words(row->event, storage, sizeof(storage)),
        cli_clean(row->detail, detail, sizeof(detail)), row->code);
}

void
cli_trace_contact(const struct ipc_contact_row *row)
{
    char source[128] = "";
    char detail[256] = "";
    (void)snprintf(detail, sizeof(detail), "from %s, probably this device",
        cli_clean(row->source, source, sizeof(source)));
    step_line(2, row->at_ms, operation_name(row->operation), detail, 0);
}

void
cli_trace_notice(const struct ipc_outbox_row *row)
{
    char policy[IPC_NAME_MAX + 1] = "";
    char event[IPC_NAME_MAX + 1] = "";
    char detail[512] = "";
    char next[CLI_TIME_LEN] = "";
    char text[1024] = "";
    const char *words = row->is_dead   ? "dead letter for"
                        : row->is_gate ? "withheld until told:"
                                       : "to be told:";
    (void)snprintf(text, sizeof(text), "%s %s, %s%s%s%s%s", words,
        cli_clean(row->policy, policy, sizeof(policy)), cli_clean(row->event, event, sizeof(event)),
        row->attempts == 0 ? "" : ", tried and not taken",
        row->attempts == 0 || row->is_dead ? "" : ", again at ",
        row->attempts == 0 || row->is_dead ? "" : cli_time(row->next_ms, next),
        row->is_dead ? "; see kurier outbox send" : "");
    step_line(6, row->at_ms, text, cli_clean(row->detail, detail, sizeof(detail)), row->code);
}

json_t *
cli_notice_json(const struct ipc_outbox_row *row)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "notice", json_integer((json_int_t)row->notice_id));
    (void)json_object_set_new(object, "delivery", json_integer((json_int_t)row->delivery_id));
    (void)json_object_set_new(object, "policy", cli_json_text(row->policy));
    (void)json_object_set_new(object, "event", cli_json_text(row->event));
    (void)json_object_set_new(object, "at", cli_json_time_ms(row->at_ms));
    (void)json_object_set_new(object, "state", json_string(row->is_dead ? "dead" : "waiting"));
    (void)json_object_set_new(object, "is_gate", json_boolean(row->is_gate));
    (void)json_object_set_new(object, "attempts", json_integer(row->attempts));
    (void)json_object_set_new(object, "next", cli_json_time_ms(row->next_ms));
    (void)json_object_set_new(object, "code", cli_json_code(row->code));
    (void)json_object_set_new(object, "detail", cli_json_text(row->detail));
    return object;
}

void
cli_trace_certificate(const struct ipc_cert_row *row)
{
    char from[CLI_TIME_LEN] = "";
    char until[CLI_TIME_LEN] = "";
    char status[64] = "";
    (void)printf("\n");
    head_hex("sha256", row->sha256);
    (void)printf("  %-14s %s to %s, %s\n", "valid", cli_time(row->not_before_s * 1000, from),
        cli_time(row->not_after_s * 1000, until), cli_clean(row->status, status, sizeof(status)));
}

const char *
cli_arrival(const char *state, bool has_certificate, bool is_confirmed)
{
    if (!has_certificate) {
        return NULL;
    }
    if (is_confirmed) {
        return "confirmed";
    }
    return strcmp(state, "answered") == 0 ? "delivered" : "unconfirmed";
}

void
cli_trace_standing(const char *state, unsigned step, uint32_t code, const char *arrival)
{
    (void)printf("\n");
    if (arrival != NULL) {
        (void)printf("  %-14s %s\n", "arrival", arrival);
    }
    if (code == 0) {
        bool is_done = strcmp(state, "answered") == 0;
        (void)printf("  %s%s%s: step %u, %s\n", is_done ? cli_green() : cli_bold(), state,
            cli_plain(), step, is_done ? "the device has its certificate" : cli_step_name(step));
        return;
    }
    const struct base_error_entry *entry = base_error_find((enum base_code)code);
    char code_text[BASE_CODE_TEXT_LEN] = "";
    base_code_text((enum base_code)code, code_text);
    (void)printf("  %sStopped at step %u, %s%s [%s]\n", cli_red(), step, cli_step_name(step),
        cli_plain(), code_text);
    (void)printf("  %-14s %s\n", "why", entry->why);
    (void)printf("  %-14s %s\n", "what to do", entry->remedy);
}

json_t *
cli_event_json(const struct ipc_event *row)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "at", cli_json_time_ms(row->at_ms));
    (void)json_object_set_new(object, "step", json_integer(row->step));
    (void)json_object_set_new(object, "event", cli_json_text(row->event));
    (void)json_object_set_new(object, "code", cli_json_code(row->code));
    (void)json_object_set_new(object, "detail", cli_json_text(row->detail));
    return object;
}

json_t *
cli_contact_json(const struct ipc_contact_row *row)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "at", cli_json_time_ms(row->at_ms));
    (void)json_object_set_new(object, "operation", json_string(operation_name(row->operation)));
    (void)json_object_set_new(object, "source", cli_json_text(row->source));
    (void)json_object_set_new(object, "count", json_integer((json_int_t)row->count));
    (void)json_object_set_new(object, "certainty", json_string("probable"));
    return object;
}

void
cli_cert_heading(void)
{
    (void)printf("%-36s  %-8s  %-19s  %s\n", "SERIAL", "STATUS", "NOT AFTER", "SUBJECT");
}

void
cli_cert_line(const struct ipc_cert_row *row)
{
    char serial[2 * IPC_SERIAL_MAX + 1] = "";
    char status[64] = "";
    char until[CLI_TIME_LEN] = "";
    char subject[1024] = "";
    base_hex(row->serial, serial);
    (void)printf("%-36s  %-8s  %-19s  %s\n", serial, cli_clean(row->status, status, sizeof(status)),
        cli_time(row->not_after_s * 1000, until),
        row->subject.len == 0 ? "-" : cli_clean(row->subject, subject, sizeof(subject)));
}

json_t *
cli_cert_json(const struct ipc_cert_row *row)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "serial", cli_json_hex(row->serial));
    (void)json_object_set_new(object, "sha256", cli_json_hex(row->sha256));
    (void)json_object_set_new(object, "sha1", cli_json_hex(row->sha1));
    (void)json_object_set_new(object, "subject", cli_json_text(row->subject));
    (void)json_object_set_new(object, "not_before", cli_json_time_s(row->not_before_s));
    (void)json_object_set_new(object, "not_after", cli_json_time_s(row->not_after_s));
    (void)json_object_set_new(object, "status", cli_json_text(row->status));
    (void)json_object_set_new(object, "revoked", cli_json_time_ms(row->revoked_ms));
    (void)json_object_set_new(object, "reason",
        row->revoked_ms == 0 ? json_null() : json_string(cli_reason_name(row->reason)));
    (void)json_object_set_new(object, "transaction_id", cli_json_text(row->transaction_id));
    (void)json_object_set_new(object, "endpoint", cli_json_text(row->endpoint));
    (void)json_object_set_new(object, "profile", cli_json_text(row->profile));
    (void)json_object_set_new(object, "ca", cli_json_text(row->ca));
    (void)json_object_set_new(object, "delivery", json_integer((json_int_t)row->delivery_id));
    return object;
}
