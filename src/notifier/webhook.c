#include "notifier/webhook.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "notifier/json.h"
#include "pki/algorithm.h"

#include "base/banned.h"

#define HEADER_LEN 256

/* A list of lines as an array of texts. */
static json_t *
lines_of(struct bytes text)
{
    OWN(json_t) list = json_array();
    while (text.len > 0) {
        const uint8_t *end = memchr(text.ptr, '\n', text.len);
        struct bytes line = {text.ptr, end == NULL ? text.len : (size_t)(end - text.ptr)};
        if (json_array_append_new(list, notifier_json_from(line)) != 0) {
            return NULL;
        }
        text = bytes_skip(text, line.len + 1);
    }
    return MOVE(list);
}

enum base_code
notifier_webhook_question(
    const struct ipc_verify *verify, struct buffer *out, struct base_error *err)
{
    char id[24] = "";
    char renews[2 * IPC_SERIAL_MAX + 1] = "";
    OWN(json_t) question = json_object();
    (void)snprintf(id, sizeof(id), "%" PRIu64, verify->request_id);
    base_hex(verify->renews, renews);
    bool is_made = notifier_json_set(question, "schema", BYTES_LITERAL("kurier.verify.v1")) &&
                   notifier_json_set(question, "request_id", bytes_from_text(id)) &&
                   notifier_json_set(question, "endpoint", verify->endpoint) &&
                   notifier_json_set(question, "profile", verify->profile) &&
                   notifier_json_set(question, "device", verify->device) &&
                   notifier_json_set(question, "transaction_id", verify->transaction_id) &&
                   notifier_json_set(question, "source", verify->source) &&
                   notifier_json_set(question, "subject", verify->subject) &&
                   json_object_set_new(question, "sans", lines_of(verify->sans)) == 0 &&
                   notifier_json_set(question, "challenge", verify->challenge) &&
                   notifier_json_set_base64(question, "csr", verify->csr) &&
                   notifier_json_set(question, "renews", bytes_from_text(renews));
    return is_made ? notifier_json_write(question, out, err)
                   : base_fail(err, E_NO_MEMORY, "JSON of a question");
}

enum base_code
notifier_webhook_sign(struct bytes key, int64_t at_s, struct bytes body,
    char out[NOTIFIER_SIGNATURE_LEN], struct base_error *err)
{
    char time[32] = "";
    uint8_t mac[32] = {0};
    char hex[65] = "";
    (void)snprintf(time, sizeof(time), "%" PRId64 ".", at_s);
    const struct bytes parts[] = {bytes_from_text(time), body};
    TRY(pki_hmac_sha256(key, parts, 2, mac, err));
    base_hex(BYTES_ARRAY(mac), hex);
    (void)snprintf(out, NOTIFIER_SIGNATURE_LEN, "t=%" PRId64 ",v1=%s", at_s, hex);
    return BASE_OK;
}

/* The verdict of a well-formed answer. */
static void
judge_object(const char *name, const json_t *object, const struct notifier_answer *answer,
    struct notifier_verdict *out)
{
    struct bytes reason = BYTES_LITERAL("refused");
    struct bytes detail = BYTES_NONE;
    const json_t *allow = json_object_get(object, "allow");
    if (!json_is_boolean(allow)) {
        char start[100] = "";
        notifier_verdict_later(out, E_SERVICE_ANSWER, "no-verdict",
            "%s: want {\"allow\": true or false}, found '%s'", name,
            base_escape(answer->body, start, sizeof(start)));
        return;
    }
    *out = (struct notifier_verdict){.outcome = NOTIFIER_YES};
    if (json_is_true(allow)) {
        return;
    }
    out->outcome = NOTIFIER_NO;
    out->code = E_WEBHOOK_REFUSED;
    (void)notifier_json_text(object, "reason", &reason);
    (void)notifier_json_text(object, "detail", &detail);
    (void)notifier_clean(reason, out->reason, sizeof(out->reason));
    (void)notifier_clean(detail, out->detail, sizeof(out->detail));
}

void
notifier_webhook_judge_question(
    const char *name, const struct notifier_answer *answer, struct notifier_verdict *out)
{
    struct base_error err = {0};
    OWN(json_t) object = NULL;
    if (answer->failure != NOTIFIER_ANSWERED || answer->status != 200) {
        notifier_verdict_of_answer(out, name, answer);
    } else if (notifier_json_parse(answer->body, &object, &err) != BASE_OK) {
        notifier_verdict_later(out, err.code, "no-verdict", "%s: %s", name, err.detail);
    } else {
        judge_object(name, object, answer, out);
    }
}

void
notifier_webhook_judge_notice(
    const char *name, const struct notifier_answer *answer, struct notifier_verdict *out)
{
    long status = answer->status;
    if (answer->failure == NOTIFIER_ANSWERED && status >= 200 && status <= 299) {
        *out = (struct notifier_verdict){.outcome = NOTIFIER_YES};
        return;
    }
    notifier_verdict_of_answer(out, name, answer);
    /* The service has understood and does not want it. 408, 425 and 429 speak of the moment. */
    if (answer->failure == NOTIFIER_ANSWERED && status >= 400 && status <= 499 && status != 408 &&
        status != 425 && status != 429) {
        out->outcome = NOTIFIER_NO;
        out->code = E_NOTICE_REFUSED;
        out->retry_after_s = 0;
    }
}

static void
on_answer(void *arg, const struct notifier_answer *answer)
{
    struct notifier_job *job = arg;
    struct notifier_verdict verdict;
    job->call = NULL;
    if (job->kind == NOTIFIER_VERIFY) {
        notifier_webhook_judge_question(job->policy->name, answer, &verdict);
    } else {
        notifier_webhook_judge_notice(job->policy->name, answer, &verdict);
    }
    notifier_finish(job, &verdict);
}

MUST_CHECK static enum base_code
post(struct notifier_job *job, struct bytes body, struct base_error *err)
{
    const struct notifier_policy *policy = job->policy;
    bool is_verify = job->kind == NOTIFIER_VERIFY;
    char signature[NOTIFIER_SIGNATURE_LEN] = "";
    char signed_header[HEADER_LEN] = "";
    char event_header[HEADER_LEN] = "";
    char id_header[HEADER_LEN] = "";
    char event[64] = "";
    int64_t left_ms = job->deadline_mono_ms - notifier_now_ms(job->notifier);
    TRY(notifier_webhook_sign(secret_peek(&policy->secret), base_clock_now_s(&job->notifier->clock),
        body, signature, err));
    (void)base_escape(
        is_verify ? BYTES_LITERAL("verify") : job->notify.event, event, sizeof(event));
    (void)snprintf(signed_header, HEADER_LEN, "X-Kurier-Signature: %s", signature);
    (void)snprintf(event_header, HEADER_LEN, "X-Kurier-Event: %s", event);
    (void)snprintf(id_header, HEADER_LEN, "X-Kurier-Delivery: %" PRIu64,
        is_verify ? job->verify.request_id : job->notify.outbox_id);
    const char *const headers[] = {"Content-Type: application/json", "Accept: application/json",
        signed_header, event_header, id_header, NULL};
    const struct notifier_request request = {.url = policy->url,
        .headers = headers,
        .body = body,
        .is_post = true,
        .ca_file = policy->ca_file,
        .proxy = policy->proxy,
        .timeout_ms = left_ms < policy->timeout_ms ? left_ms : policy->timeout_ms};
    return notifier_http_start(job->notifier->http, &request, on_answer, job, &job->call, err);
}

void
notifier_webhook_begin(struct notifier_job *job)
{
    struct base_error err = {0};
    BUFFER_LOCAL(question, NOTIFIER_BODY_MAX);
    enum base_code code = BASE_OK;
    if (job->kind == NOTIFIER_VERIFY) {
        code = notifier_webhook_question(&job->verify, &question, &err);
    }
    if (code == BASE_OK) {
        code = post(
            job, job->kind == NOTIFIER_VERIFY ? buffer_bytes(&question) : job->notify.body, &err);
    }
    if (code != BASE_OK) {
        struct notifier_verdict verdict;
        notifier_verdict_of_error(&verdict, &err);
        notifier_finish(job, &verdict);
    }
}
