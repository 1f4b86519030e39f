/* What a client is told: CertRep, refusal or fault; and whether it has taken it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/text.h"
#include "front/api.h"
#include "front/enrolment_internal.h"
#include "ipc/to_ledger.h"
#include "pki/name.h"

#include "base/banned.h"

/* What the ledger is told when the answer is through; outlives the enrolment. */
struct answered {
    struct front *front;
    uint64_t delivery_id;
    enum ipc_outcome outcome;
};

static void
answer_done(void *arg, bool is_taken)
{
    OWN_MEMORY struct answered *answered = arg;
    struct ipc_answered message = {.delivery_id = answered->delivery_id,
        .outcome = (uint8_t)answered->outcome,
        .is_taken = is_taken,
        .at_ms = base_clock_now_ms(&answered->front->clock)};
    struct base_error err;
    if (front_peer_tell(answered->front->ledger, &ipc_answered_spec, &message, &err) != BASE_OK) {
        base_log_error(answered->front->log, BASE_LOG_WARN, "answered_not_told", &err);
    }
}

static void
log_end(const struct front_enrolment *e, const char *event, enum base_log_level level,
    const struct base_error *err)
{
    struct base_log_record record;
    char words[SCEP_TOLERANCE_WORDS_LEN];
    base_log_begin(&record, e->front->log, level, event, e->request.message.transaction_id);
    base_log_word(&record, "source", e->source);
    base_log_word(&record, "type", scep_message_type_name(e->request.message.message_type));
    if (e->delivery_id != 0) {
        base_log_number(&record, "delivery", (int64_t)e->delivery_id);
    }
    if (e->request.message.tolerances != 0) {
        base_log_word(
            &record, "tolerances", scep_tolerance_words(e->request.message.tolerances, words));
    }
    if (err != NULL) {
        base_log_code(&record, err);
    }
    base_log_end(&record);
}

/* A fault of our own: nothing was spent, the client may come again. */
void
front_enrolment_fault(struct front_enrolment *e, const struct base_error *err)
{
    log_end(e, "fault", BASE_LOG_ERROR, err);
    front_http_answer_status(
        e->http, 503, e->retry_after_s != 0 ? e->retry_after_s : FRONT_RETRY_AFTER_S);
    front_enrolment_end(e);
}

void
front_enrolment_answer(struct front_enrolment *e, struct bytes rep)
{
    static const char *const events[] = {"", "issued", "pending", "refused", ""};
    struct answered *answered = NULL;
    if (e->delivery_id != 0 && (answered = malloc(sizeof(*answered))) != NULL) {
        *answered = (struct answered){e->front, e->delivery_id, e->outcome};
    }
    struct base_error why;
    bool is_refused = e->outcome == IPC_REFUSED;
    if (is_refused) {
        (void)base_fail(&why, e->code, "%s", base_error_find(e->code)->why);
    }
    log_end(e, events[e->outcome], BASE_LOG_INFO, is_refused ? &why : NULL);
    char confirm[FRONT_API_CONFIRM_PATH_LEN] = "";
    front_api_confirm_path_text(e->delivery_id, confirm);
    struct front_http_answer answer = {.status = 200,
        .content_type = "application/x-pki-message",
        .body = rep,
        .confirm = e->outcome == IPC_ISSUED && e->delivery_id != 0 ? confirm : NULL,
        .done = answered == NULL ? NULL : answer_done,
        .arg = answered};
    front_http_answer(e->http, &answer);
    front_enrolment_end(e);
}

/* failInfoText: short, for people, ending in the stable code. */
static struct bytes
fail_text(enum base_code code, char out[SCEP_FAIL_INFO_TEXT_MAX + 1])
{
    char code_text[BASE_CODE_TEXT_LEN] = "";
    const struct base_error_entry *entry = base_error_find(code);
    base_code_text(code, code_text);
    (void)snprintf(out, SCEP_FAIL_INFO_TEXT_MAX + 1, "%.220s [%s]", entry->why, code_text);
    return bytes_from_text(out);
}

/* Begin the CertRep for what was decided; the RA key's signature comes next. */
void
front_enrolment_prepare(struct front_enrolment *e)
{
    char text[SCEP_FAIL_INFO_TEXT_MAX + 1] = "";
    char hresult[16] = "";
    struct bytes certificates[2 + FRONT_CHAIN_MAX];
    struct base_error err;
    const struct front_ca *ca =
        front_authorities_find(e->front->authorities, (struct bytes){e->ca_name, e->ca_name_len});
    struct scep_cert_rep_spec spec = {.status = SCEP_PENDING,
        .is_content_absent = e->rules.is_failure_content_absent,
        .random = &e->front->random};
    if (e->outcome == IPC_REFUSED) {
        enum base_fail_info fail_info = base_error_find(e->code)->fail_info;
        spec.status = SCEP_FAILURE;
        spec.fail_info = fail_info == BASE_FAIL_NONE ? BASE_FAIL_BAD_REQUEST : fail_info;
        spec.fail_info_text = fail_text(e->code, text);
        (void)snprintf(hresult, sizeof(hresult), "%d", (int)(int32_t)e->hresult);
        spec.hresult =
            bytes_from_text(e->hresult != 0 ? hresult : scep_hresult_text(spec.fail_info));
        spec.hresult = e->is_ndes ? spec.hresult : BYTES_NONE;
    } else if (e->outcome == IPC_ISSUED) {
        spec.status = SCEP_SUCCESS;
        certificates[spec.certificate_count++] = buffer_bytes(&e->certificate);
        if (e->rules.send_ca_with_certificate && ca != NULL) {
            certificates[spec.certificate_count++] = ca->certificate.whole;
        }
        spec.certificates = certificates;
    }
    if (scep_cert_rep_prepare(&e->rep, &e->request, &spec, &err) != BASE_OK) {
        front_enrolment_fault(e, &err);
        return;
    }
    front_enrolment_ask_signature(e);
}

/* ---- refusing
 * ---------------------------------------------------------------------------------------------------
 */

static void
tell_refusal(struct front_enrolment *e, const struct base_error *err)
{
    struct base_error ignored;
    const struct scep_signed *message = &e->request.message;
    struct bytes subject = e->request.csr.subject;
    struct ipc_refusal refusal = {.received_ms = e->received_ms,
        .endpoint = {e->endpoint_name, e->endpoint_name_len},
        .profile = {e->profile, e->profile_len},
        .message_type = (uint8_t)message->message_type,
        .transaction_id = message->transaction_id,
        .source = bytes_from_text(e->source),
        .spki = message->has_signer && message->signer.spki.len <= IPC_SPKI_MAX
                    ? message->signer.spki
                    : BYTES_NONE,
        .subject = subject.len > 0 && subject.len <= IPC_SUBJECT_MAX &&
                           pki_name_check(subject, NULL) == BASE_OK
                       ? subject
                       : BYTES_NONE,
        .code = (uint32_t)err->code,
        .detail = bytes_from_text(err->detail)};
    if (front_peer_tell(e->front->ledger, &ipc_refusal_spec, &refusal, &ignored) != BASE_OK) {
        base_log_error(e->front->log, BASE_LOG_WARN, "refusal_not_told", &ignored);
    }
}

/* Refuse what the front itself found: signed, when the message can be answered; else HTTP 400. */
void
front_enrolment_refuse(struct front_enrolment *e, const struct base_error *err)
{
    const struct base_error_entry *entry = base_error_find(err->code);
    if (entry->fail_info == BASE_FAIL_NONE) {
        front_enrolment_fault(e, err);
        return;
    }
    tell_refusal(e, err);
    if (!e->request.is_answerable) {
        log_end(e, "refused", BASE_LOG_INFO, err);
        front_http_answer_status(e->http, 400, 0);
        front_enrolment_end(e);
        return;
    }
    log_end(e, "request_refused", BASE_LOG_INFO, err);
    e->outcome = IPC_REFUSED;
    e->code = err->code;
    front_enrolment_prepare(e);
}
