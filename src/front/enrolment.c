#include "front/enrolment.h"

#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/own.h"
#include "base/text.h"
#include "front/enrolment_internal.h"
#include "front/route.h"
#include "ipc/to_ledger.h"
#include "ipc/to_signer.h"
#include "pki/name.h"

#include "base/banned.h"

#define DEADLINE_MS 25000 /* the answer must begin within 30 s of the request */
#define SENT_BACK_MAX 8   /* verdicts that another request made void; then a fault */
#define ASKED_AGAIN_MAX 1 /* deaths of a peer over one request; then it may be the reason */
#define TABLE_LEN 1024    /* buckets of the table of request ids; a power of two */
#define REPLY_MAX ((size_t)512 * 1024)

LIST_HEAD(bucket, front_enrolment);

struct front_enrolments {
    struct front *front;
    uint64_t last_id;
    struct bucket table[TABLE_LEN];
};

struct front_enrolments *
front_enrolments_new(struct front *front)
{
    struct front_enrolments *enrolments = calloc(1, sizeof(*enrolments));
    if (enrolments != NULL) {
        enrolments->front = front;
        /* Ids of an earlier front must not meet ours: what it asked may still be answered. */
        enrolments->last_id = (uint64_t)base_clock_now_ms(&front->clock) << 20;
    }
    return enrolments;
}

static void
enrolment_free(struct front_enrolment *e)
{
    if (e->deadline != NULL) {
        event_free(e->deadline);
    }
    scep_request_clear(&e->request);
    scep_cert_rep_clear(&e->rep);
    buffer_clear(&e->octets);
    buffer_clear(&e->certificate);
    free(e);
}

void
front_enrolments_free(struct front_enrolments *enrolments)
{
    if (enrolments == NULL) {
        return;
    }
    for (size_t i = 0; i < TABLE_LEN; i++) {
        while (!LIST_EMPTY(&enrolments->table[i])) {
            struct front_enrolment *e = LIST_FIRST(&enrolments->table[i]);
            LIST_REMOVE(e, in_bucket);
            front_http_answer_status(e->http, 503, FRONT_RETRY_AFTER_S);
            enrolment_free(e);
        }
    }
    free(enrolments);
}

static struct front_enrolment *
find(const struct front_enrolments *enrolments, uint64_t id)
{
    struct front_enrolment *e = NULL;
    LIST_FOREACH(e, &enrolments->table[id % TABLE_LEN], in_bucket)
    {
        if (e->id == id) {
            return e;
        }
    }
    return NULL; /* its client was answered already, or an earlier front asked */
}

/* The peer that an enrolment's question is with has one place less taken. */
static void
settle_question(struct front_enrolment *e)
{
    front_peer_answered(e->stage == FRONT_STAGE_JUDGING ? e->front->ledger : e->front->signer);
}

void
front_enrolment_end(struct front_enrolment *e)
{
    LIST_REMOVE(e, in_bucket);
    enrolment_free(e);
}

struct scep_capabilities
front_endpoint_capabilities(const struct front_endpoint *endpoint)
{
    return (struct scep_capabilities){.has_aes = true,
        .has_des3 = endpoint->allow_3des,
        .has_post = true,
        .has_renewal = true,
        .has_sha1 = endpoint->allow_sha1,
        .has_sha256 = true,
        .has_sha384 = true,
        .has_sha512 = true,
        .has_standard = true};
}

/* ---- asking
 * -----------------------------------------------------------------------------------------------------
 */

static void
ask_key(struct front_enrolment *e)
{
    const struct scep_recipient *recipient = e->request.recipient;
    struct ipc_open_envelope question = {.request_id = e->id,
        .ca = {e->ca_name, e->ca_name_len},
        .ra = (uint8_t)e->request.recipient_index,
        .transport = (uint8_t)recipient->transport,
        .key_len = (uint8_t)pki_cipher_key_len(e->request.envelope.cipher),
        .encrypted_key = recipient->encrypted_key};
    struct base_error err;
    e->stage = FRONT_STAGE_OPENING;
    if (recipient->encrypted_key.len > IPC_SIGNATURE_MAX) {
        (void)base_fail(
            &err, E_TOO_LARGE, "an encrypted key of %zu octets", recipient->encrypted_key.len);
        front_enrolment_refuse(e, &err);
    } else if (front_peer_ask(e->front->signer, &ipc_open_envelope_spec, &question, &err) !=
               BASE_OK) {
        front_enrolment_fault(e, &err);
    }
}

/* One that is too long is no SID, and stays none when it is cut. An empty one is not lost either.
 */
static struct bytes
cut_sid(struct bytes sid)
{
    static const uint8_t nothing[] = {0};
    if (sid.len == 0) {
        return BYTES_ARRAY(nothing);
    }
    return (struct bytes){sid.ptr, sid.len < IPC_SID_MAX ? sid.len : IPC_SID_MAX};
}

void
front_enrolment_ask_signature(struct front_enrolment *e)
{
    struct ipc_sign_cert_rep question = {.request_id = e->id,
        .ca = {e->ca_name, e->ca_name_len},
        .ra = (uint8_t)e->request.recipient_index,
        .digest = (uint8_t)e->rep.digest,
        .attributes = buffer_bytes(&e->rep.attributes)};
    struct base_error err;
    e->stage = FRONT_STAGE_SIGNING;
    if (front_peer_ask(e->front->signer, &ipc_sign_cert_rep_spec, &question, &err) != BASE_OK) {
        front_enrolment_fault(e, &err);
    }
}

/* What the ledger is asked; the certificate that signed the message is named when it is not the
 * request's own key. */
static enum base_code
make_question(struct front_enrolment *e, uint8_t signer_sha256[PKI_DIGEST_MAX],
    char tolerances[SCEP_TOLERANCE_WORDS_LEN], struct ipc_request *out, struct base_error *err)
{
    const struct scep_signed *message = &e->request.message;
    const struct pki_csr *csr = &e->request.csr;
    bool is_poll = message->message_type == SCEP_CERT_POLL;
    bool is_self_signed = bytes_equal(message->signer.issuer, message->signer.subject);
    *out = (struct ipc_request){.request_id = e->id,
        .received_ms = e->received_ms,
        .endpoint = {e->endpoint_name, e->endpoint_name_len},
        .profile = {e->profile, e->profile_len},
        .message_type = (uint8_t)message->message_type,
        .transaction_id = message->transaction_id,
        .source = bytes_from_text(e->source),
        .is_source_exempt = e->is_source_exempt,
        .is_signer_key = is_poll || e->request.is_signer_key_csr_key,
        .spki = is_poll ? message->signer.spki : csr->spki,
        .subject = is_poll ? BYTES_NONE : csr->subject,
        .sans = is_poll ? BYTES_NONE : csr->sans,
        .has_challenge = !is_poll && csr->has_challenge,
        .challenge = is_poll ? BYTES_NONE : csr->challenge,
        .sid = is_poll || !csr->has_sid ? BYTES_NONE : cut_sid(csr->sid),
        .tolerances = bytes_from_text(scep_tolerance_words(message->tolerances, tolerances)),
        .cipher = bytes_from_text(pki_cipher_name(e->request.envelope.cipher)),
        .digest = bytes_from_text(pki_digest_name(message->digest)),
        .csr = !is_poll && e->rules.has_remote_policies ? csr->whole : BYTES_NONE};
    if (!is_self_signed) {
        TRY(pki_digest(PKI_SHA256, message->signer.whole, signer_sha256, err));
        out->signer_serial = message->signer.serial;
        out->signer_sha256 = (struct bytes){signer_sha256, 32};
    }
    if (!is_poll) {
        TRY(pki_name_check(csr->subject, err));
    }
    if (!is_poll && csr->sans.len > 0) {
        TRY(pki_sans_check(csr->sans, UINT32_MAX, err));
    }
    if (out->spki.len > IPC_SPKI_MAX || out->subject.len > IPC_SUBJECT_MAX ||
        out->sans.len > IPC_SANS_MAX || out->challenge.len > IPC_CHALLENGE_MAX ||
        out->signer_serial.len > IPC_SERIAL_MAX || out->csr.len > IPC_CSR_MAX) {
        return base_fail(err, E_TOO_LARGE, "key, names or challenge of the request");
    }
    return BASE_OK;
}

static void
ask_ledger(struct front_enrolment *e)
{
    uint8_t signer_sha256[PKI_DIGEST_MAX];
    char tolerances[SCEP_TOLERANCE_WORDS_LEN];
    struct ipc_request question;
    struct base_error err;
    e->stage = FRONT_STAGE_JUDGING;
    if (make_question(e, signer_sha256, tolerances, &question, &err) != BASE_OK) {
        front_enrolment_refuse(e, &err);
        return;
    }
    front_contacts_tell(e->front->contacts);
    if (front_peer_ask(e->front->ledger, &ipc_request_spec, &question, &err) != BASE_OK) {
        front_enrolment_fault(e, &err);
    }
}

/* ---- beginning
 * --------------------------------------------------------------------------------------------------
 */

static void
deadline_passed(evutil_socket_t fd, short what, void *arg)
{
    struct front_enrolment *e = arg;
    struct base_error err;
    (void)fd;
    (void)what;
    (void)base_fail(&err, E_PEER_BUSY, "no answer within %d ms", DEADLINE_MS);
    settle_question(e);
    front_enrolment_fault(e, &err);
}

static enum base_code
make(struct front *front, struct front_http_request *http, const struct front_endpoint *endpoint,
    struct bytes profile, struct bytes message, struct front_enrolment **out,
    struct base_error *err)
{
    struct front_enrolment *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        return base_fail(err, E_NO_MEMORY, "enrolment");
    }
    struct timeval wait = {DEADLINE_MS / 1000, 0};
    e->front = front;
    e->http = http;
    e->received_ms = http->begun_at_ms;
    e->endpoint_name_len = endpoint->name.len;
    e->ca_name_len = endpoint->ca.len;
    e->profile_len = profile.len;
    memcpy(e->endpoint_name, endpoint->name.ptr, endpoint->name.len);
    memcpy(e->ca_name, endpoint->ca.ptr, endpoint->ca.len);
    if (profile.len > 0) {
        memcpy(e->profile, profile.ptr, profile.len);
    }
    e->rules = *endpoint;
    buffer_init(&e->octets, SCEP_MESSAGE_MAX);
    buffer_init(&e->certificate, IPC_CERTIFICATE_MAX);
    scep_request_init(&e->request);
    scep_cert_rep_init(&e->rep);
    front_route_source(front, http, e->source, &e->is_source_exempt);
    e->deadline = event_new(front->base, -1, 0, deadline_passed, e);
    enum base_code code = buffer_append(&e->octets, message, err);
    if (e->deadline == NULL || event_add(e->deadline, &wait) != 0) {
        code = base_fail(err, E_NO_MEMORY, "enrolment");
    }
    if (code != BASE_OK) {
        enrolment_free(e);
        return code;
    }
    e->id = ++front->enrolments->last_id;
    LIST_INSERT_HEAD(&front->enrolments->table[e->id % TABLE_LEN], e, in_bucket);
    http->context = e;
    *out = e;
    return BASE_OK;
}

void
front_enrolment_begin(struct front *front, struct front_http_request *take_request,
    const struct front_endpoint *endpoint, struct bytes profile, bool is_ndes, struct bytes message,
    bool is_decoded_twice)
{
    struct front_enrolment *e = NULL;
    struct base_error err;
    const struct front_ca *ca = front_authorities_find(front->authorities, endpoint->ca);
    if (ca == NULL || endpoint->name.len > IPC_NAME_MAX || profile.len > IPC_NAME_MAX ||
        make(front, take_request, endpoint, profile, message, &e, &err) != BASE_OK || e == NULL) {
        front_http_answer_status(take_request, 503, FRONT_RETRY_AFTER_S);
        return;
    }
    e->is_ndes = is_ndes;
    const struct scep_request_rules rules = {.allow_3des = endpoint->allow_3des,
        .allow_sha1 = endpoint->allow_sha1,
        .allow_attributes_as_sent = endpoint->attributes_as_sent,
        .recipients = ca->ras,
        .recipient_count = ca->ra_count};
    enum base_code code = scep_request_read(&e->request, buffer_bytes(&e->octets), &rules, &err);
    e->request.message.tolerances |= is_decoded_twice ? SCEP_DECODED_TWICE : 0;
    if (code != BASE_OK) {
        front_enrolment_refuse(e, &err);
        return;
    }
    base_fault_point("front_read");
    ask_key(e);
}

void
front_enrolment_client_gone(struct front *front, struct front_http_request *request)
{
    struct front_enrolment *e = request->context;
    (void)front;
    if (e != NULL) {
        e->is_client_gone = true;
    }
}

/* ---- hearing
 * ----------------------------------------------------------------------------------------------------
 */

static void
take_key(struct front *front, const struct ipc_frame *frame)
{
    struct ipc_envelope_key answer;
    struct base_error err;
    struct front_enrolment *e = NULL;
    if (ipc_decode(&ipc_envelope_key_spec, frame, &answer, &err) != BASE_OK ||
        (e = find(front->enrolments, answer.request_id)) == NULL ||
        e->stage != FRONT_STAGE_OPENING) {
        return;
    }
    settle_question(e);
    if (scep_request_open(&e->request, answer.key, &err) != BASE_OK) {
        front_enrolment_refuse(e, &err);
        return;
    }
    ask_ledger(e);
}

static void
take_signature(struct front *front, const struct ipc_frame *frame)
{
    struct ipc_cert_rep_signature answer;
    struct base_error err;
    struct front_enrolment *e = NULL;
    BUFFER_LOCAL(message, REPLY_MAX);
    if (ipc_decode(&ipc_cert_rep_signature_spec, frame, &answer, &err) != BASE_OK ||
        (e = find(front->enrolments, answer.request_id)) == NULL ||
        e->stage != FRONT_STAGE_SIGNING) {
        return;
    }
    settle_question(e);
    const struct front_ca *ca =
        front_authorities_find(front->authorities, (struct bytes){e->ca_name, e->ca_name_len});
    if (answer.code != 0 || ca == NULL || e->request.recipient_index >= ca->ra_count) {
        (void)base_fail(&err, answer.code == 0 ? E_CA_MISSING : (enum base_code)answer.code,
            "the CertRep's signature");
        front_enrolment_fault(e, &err);
    } else if (scep_cert_rep_finish(&e->rep, answer.signature,
                   ca->ras[e->request.recipient_index].whole, &message, &err) != BASE_OK) {
        front_enrolment_fault(e, &err);
    } else {
        base_fault_point("front_before_answer");
        front_enrolment_answer(e, buffer_bytes(&message));
    }
}

/* What is sent on is for the key of the request, whoever was mistaken. A poll has no key in it. */
static enum base_code
check_certificate(const struct front_enrolment *e, struct bytes der, struct base_error *err)
{
    struct pki_certificate certificate;
    TRY(pki_certificate_read(der, &certificate, err));
    if (e->request.csr.spki.len > 0 && !bytes_equal(certificate.spki, e->request.csr.spki)) {
        return base_fail(err, E_INTERNAL, "a certificate for another key");
    }
    return BASE_OK;
}

static void
take_certificate(struct front_enrolment *e, uint64_t delivery_id, struct bytes certificate)
{
    struct base_error err;
    e->delivery_id = delivery_id;
    e->outcome = IPC_ISSUED;
    buffer_reset(&e->certificate);
    if (check_certificate(e, certificate, &err) != BASE_OK ||
        buffer_append(&e->certificate, certificate, &err) != BASE_OK) {
        front_enrolment_fault(e, &err);
        return;
    }
    front_enrolment_prepare(e);
}

void
front_enrolment_signer_frame(struct front *front, const struct ipc_frame *frame)
{
    uint16_t type = ipc_frame_type(frame);
    if (type == IPC_TYPE_ENVELOPE_KEY) {
        take_key(front, frame);
    } else if (type == IPC_TYPE_CERT_REP_SIGNATURE) {
        take_signature(front, frame);
    } else if (type == IPC_TYPE_CERTIFICATE) {
        struct ipc_certificate message;
        struct base_error err;
        struct front_enrolment *e = NULL;
        if (ipc_decode(&ipc_certificate_spec, frame, &message, &err) == BASE_OK &&
            (e = find(front->enrolments, message.request_id)) != NULL &&
            e->stage == FRONT_STAGE_JUDGING) {
            settle_question(e);
            take_certificate(e, message.delivery_id, message.certificate);
        }
    }
}

void
front_enrolment_ledger_frame(struct front *front, const struct ipc_frame *frame)
{
    struct ipc_verdict verdict;
    struct base_error err;
    struct front_enrolment *e = NULL;
    if (ipc_frame_type(frame) != IPC_TYPE_VERDICT ||
        ipc_decode(&ipc_verdict_spec, frame, &verdict, &err) != BASE_OK ||
        (e = find(front->enrolments, verdict.request_id)) == NULL ||
        e->stage != FRONT_STAGE_JUDGING) {
        return;
    }
    settle_question(e);
    if (verdict.outcome == IPC_AGAIN && ++e->sent_back <= SENT_BACK_MAX) {
        ask_ledger(e);
        return;
    }
    e->delivery_id = verdict.delivery_id;
    e->outcome = (enum ipc_outcome)verdict.outcome;
    e->code = (enum base_code)verdict.code;
    e->hresult = verdict.hresult;
    e->retry_after_s = verdict.retry_after_s;
    if (e->outcome == IPC_ISSUED) {
        take_certificate(e, verdict.delivery_id, verdict.certificate);
    } else if (e->outcome == IPC_PENDING || e->outcome == IPC_REFUSED) {
        front_enrolment_prepare(e);
    } else {
        (void)base_fail(&err, e->code, "the ledger could not decide");
        front_enrolment_fault(e, &err);
    }
}

static void
ask_successor(struct front_enrolment *e)
{
    struct base_error err;
    if (++e->asked_again > ASKED_AGAIN_MAX) {
        (void)base_fail(&err, E_PEER_CLOSED, "it ended twice while this request waited");
        front_enrolment_fault(e, &err);
    } else if (e->stage == FRONT_STAGE_OPENING) {
        ask_key(e);
    } else if (e->stage == FRONT_STAGE_SIGNING) {
        front_enrolment_ask_signature(e);
    } else {
        ask_ledger(e);
    }
}

/* Ask again, one by one; asking may end an enrolment, so the next is found first. */
static void
ask_again(struct front *front, bool is_signer)
{
    for (size_t i = 0; i < TABLE_LEN; i++) {
        struct front_enrolment *e = LIST_FIRST(&front->enrolments->table[i]);
        while (e != NULL) {
            struct front_enrolment *next = LIST_NEXT(e, in_bucket);
            if (is_signer != (e->stage == FRONT_STAGE_JUDGING)) {
                ask_successor(e);
            }
            e = next;
        }
    }
}

void
front_enrolment_ask_signer_again(struct front *front)
{
    ask_again(front, true);
}

void
front_enrolment_ask_ledger_again(struct front *front)
{
    ask_again(front, false);
}
