#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "diagnose/catalogue.h"
#include "diagnose/probe_internal.h"
#include "diagnose/scan.h"
#include "pki/csr.h"
#include "pki/name.h"
#include "scep/client.h"

#include "base/banned.h"

#define DAY_S ((int64_t)86400)
#define SUBJECT_MAX 4096
#define TRANSACTION_ID_LEN 32

/* One request of ours, as long as its answer is waited for. */
struct attempt {
    struct pki_private_key *key;
    struct buffer subject; /* Name, DER */
    uint8_t nonce[SCEP_NONCE_LEN];
    char transaction_id[TRANSACTION_ID_LEN + 1];
};

/* ---- a refusal
 * ---------------------------------------------------------------------------------------- */

static bool
has_sha256(const struct probe *probe)
{
    return probe->capabilities.has_sha256 || probe->capabilities.has_standard;
}

static bool
has_aes(const struct probe *probe)
{
    return probe->capabilities.has_aes || probe->capabilities.has_standard;
}

/* As a client makes it that goes by the capabilities. */
static enum base_code
make_request(struct probe *probe, struct attempt *attempt, struct bytes challenge, bool is_invalid,
    struct buffer *out, struct base_error *err)
{
    BUFFER_LOCAL(signer, 8192);
    BUFFER_LOCAL(csr, 16384);
    const struct probe_options *options = probe->options;
    const char *subject = options->subject == NULL ? "CN=kurier check" : options->subject;
    const struct pki_certificate *to = probe_recipient(probe);
    TRY(pki_private_key_generate(BYTES_LITERAL("rsa:2048"), &attempt->key, err));
    TRY(pki_name_from_text(bytes_from_text(subject), &attempt->subject, err));
    struct bytes name = buffer_bytes(&attempt->subject);
    TRY(scep_client_self_signed(
        attempt->key, name, base_clock_now_s(&options->clock), &options->random, &signer, err));
    enum pki_digest digest = has_sha256(probe) ? PKI_SHA256 : PKI_SHA1;
    TRY(pki_csr_build(attempt->key, name, BYTES_NONE, challenge, digest, &csr, err));
    if (is_invalid) {
        csr.ptr[csr.len - 1] ^= 1; /* its signature: nobody may certify that */
    }
    TRY(base_random_fill(&options->random, attempt->nonce, sizeof(attempt->nonce), err));
    uint8_t id[TRANSACTION_ID_LEN / 2];
    TRY(base_random_fill(&options->random, id, sizeof(id), err));
    base_hex(BYTES_ARRAY(id), attempt->transaction_id);
    const struct scep_client_request request = {.type = SCEP_PKCS_REQ,
        .signer_key = attempt->key,
        .signer_certificate = buffer_bytes(&signer),
        .payload = buffer_bytes(&csr),
        .transaction_id = bytes_from_text(attempt->transaction_id),
        .sender_nonce = BYTES_ARRAY(attempt->nonce),
        .recipient = to == NULL ? &probe->certificates[0] : to,
        .cipher = has_aes(probe) ? PKI_AES_128_CBC : PKI_DES_EDE3_CBC,
        .digest = digest,
        .random = &options->random};
    return scep_client_request_build(&request, out, err);
}

static enum base_code
escape_base64(struct bytes octets, struct buffer *out, struct base_error *err)
{
    BUFFER_LOCAL(text, 2 * SCEP_MESSAGE_MAX);
    TRY(base_base64(octets, &text, err));
    for (size_t i = 0; i < text.len; i++) {
        const char *escaped = text.ptr[i] == '+'   ? "%2B"
                              : text.ptr[i] == '/' ? "%2F"
                              : text.ptr[i] == '=' ? "%3D"
                                                   : NULL;
        TRY(escaped == NULL ? buffer_append_octet(out, text.ptr[i], err)
                            : buffer_append_text(out, escaped, err));
    }
    return BASE_OK;
}

/* By POST where that is announced, else by GET. */
static enum base_code
send_request(struct probe *probe, struct bytes message, struct base_error *err)
{
    BUFFER_LOCAL(text, 4 * SCEP_MESSAGE_MAX);
    if (probe->capabilities.has_post || probe->capabilities.has_standard) {
        return probe_ask(probe, "PKIOperation", BYTES_NONE, &message, err);
    }
    TRY(escape_base64(message, &text, err));
    return probe_ask(probe, "PKIOperation", buffer_bytes(&text), NULL, err);
}

static void
judge_refusal(struct probe *probe)
{
    struct scep_signed answer = {.has_transaction_id = false};
    BUFFER_LOCAL(storage, 4 * SCEP_MESSAGE_MAX);
    const struct bytes body = buffer_bytes(&probe->answer.body);
    if (probe->answer.status != 200) {
        probe_say(probe, PROBE_WARNING, "refusal", "http-500",
            "Answer refusals with a signed CertRep FAILURE and status 200.",
            "an invalid request gets HTTP %ld: devices then show no reason", probe->answer.status);
        return;
    }
    (void)(scep_signed_read(body, &storage, &answer, NULL) == BASE_OK);
    if (!answer.has_pki_status) {
        probe_say(probe, PROBE_FAILURE, "refusal", "ios-invalid-pki-response",
            "Look at what stands at this URL.", "the answer to a request is no CertRep");
    } else if (answer.pki_status == SCEP_SUCCESS) {
        probe_say(probe, PROBE_FAILURE, "refusal", NULL,
            "Do not use this server: it certifies keys that nobody proved to have.",
            "a request with a broken signature got SUCCESS");
    } else if (answer.pki_status == SCEP_FAILURE && answer.has_recipient_nonce) {
        probe_say(probe, PROBE_OK, "refusal", NULL, "",
            "an invalid request gets a signed FAILURE, failInfo %u",
            answer.has_fail_info ? answer.fail_info : 99);
    } else {
        probe_say(probe, PROBE_WARNING, "refusal", NULL,
            "Complete the attributes of FAILURE answers.", "an invalid request gets pkiStatus %u%s",
            answer.pki_status, answer.has_recipient_nonce ? "" : ", without recipientNonce");
    }
}

static void
attempt_clear(struct attempt *attempt)
{
    pki_private_key_free(attempt->key);
    buffer_clear(&attempt->subject);
}

static enum base_code
run_refusal(struct probe *probe, struct attempt *attempt, struct base_error *err)
{
    BUFFER_LOCAL(message, SCEP_MESSAGE_MAX);
    if (make_request(probe, attempt, BYTES_LITERAL("KURIER-CHECK"), true, &message, err) !=
        BASE_OK) {
        probe_say(probe, PROBE_FAILURE, "refusal", "ra-cert-key-usage-missing",
            "Return an RA certificate with an RSA key.", "no request can be made: %s", err->detail);
        return BASE_OK;
    }
    TRY(send_request(probe, buffer_bytes(&message), err));
    if (probe->answer.failure != PROBE_ANSWERED) {
        probe_say(probe, PROBE_FAILURE, "refusal", "request-sent-no-response",
            "Look at the server's log of this moment.", "no answer to a request (%s)",
            probe->answer.failure_text);
        return BASE_OK;
    }
    judge_refusal(probe);
    return BASE_OK;
}

enum base_code
probe_check_refusal(struct probe *probe, struct base_error *err)
{
    struct attempt attempt = {.key = NULL};
    buffer_init(&attempt.subject, SUBJECT_MAX);
    enum base_code code = run_refusal(probe, &attempt, err);
    attempt_clear(&attempt);
    return code;
}

/* ---- a real enrolment
 * ---------------------------------------------------------------------------------------- */

static void
judge_certificate(struct probe *probe, const struct attempt *attempt, struct bytes der)
{
    char subject[300];
    char issuer[300];
    struct pki_certificate it;
    bool is_chained = false;
    int64_t now_s = base_clock_now_s(&probe->options->clock);
    if (pki_certificate_read(der, &it, NULL) != BASE_OK) {
        probe_say(probe, PROBE_FAILURE, "issued", "ios-invalid-pki-response",
            "Look at the CA's template.", "the certificate cannot be read");
        return;
    }
    probe_name_text(it.subject, subject, sizeof(subject));
    probe_name_text(it.issuer, issuer, sizeof(issuer));
    for (size_t i = 0; i < probe->count; i++) {
        is_chained = is_chained ||
                     pki_certificate_check_issuer(&it, &probe->certificates[i], NULL) == BASE_OK;
    }
    if (!is_chained) {
        probe_say(probe, PROBE_FAILURE, "issued", "chain-incomplete",
            "Return the issuing CA's certificate with GetCACert.",
            "the certificate for %s is issued by %s, which GetCACert does not give", subject,
            issuer);
    } else if (it.not_before_s > now_s || it.not_after_s < now_s) {
        probe_say(probe, PROBE_FAILURE, "issued", "scep-fail-badtime", "Set the clocks.",
            "the certificate for %s is not valid at this machine's time", subject);
    } else if (!pki_name_equal(it.subject, buffer_bytes(&attempt->subject))) {
        probe_say(probe, PROBE_WARNING, "issued", NULL,
            "Compare the template of the CA with the profile.",
            "the certificate is for %s, which is not the subject that was asked for", subject);
    } else {
        probe_say(probe, PROBE_OK, "issued", NULL, "", "for %s, by %s, %lld days", subject, issuer,
            (long long)((it.not_after_s - now_s) / DAY_S));
    }
}

static void
say_failure(struct probe *probe, const struct scep_client_answer *answer)
{
    static const char *const slugs[] = {"scep-fail-badalg", "scep-fail-badmessagecheck",
        "scep-fail-badrequest", "scep-fail-badtime", "scep-fail-badcertid"};
    char text[256] = "";
    char hresult[32] = "";
    (void)base_escape(answer->fail_info_text, text, sizeof(text));
    if (base_is_clean_utf8(answer->fail_info_text)) {
        diag_copy(text, sizeof(text), answer->fail_info_text);
    }
    diag_copy(hresult, sizeof(hresult), answer->hresult);
    const struct diag_cause *cause =
        answer->fail_info < 5 ? diag_cause_find(slugs[answer->fail_info]) : NULL;
    probe_say(probe, PROBE_FAILURE, "enrolment", cause == NULL ? NULL : cause->slug,
        cause == NULL ? "Look at the server's log of this moment." : cause->remedy[DIAG_ENGLISH],
        "refused: failInfo %u%s%s%s%s", answer->fail_info, text[0] == '\0' ? "" : ", ", text,
        hresult[0] == '\0' ? "" : ", HRESULT ", hresult);
}

static void
judge_enrolment(struct probe *probe, const struct attempt *attempt)
{
    struct scep_client_answer answer;
    struct base_error why = {BASE_OK, ""};
    const struct scep_client_expectation expected = {.trusted = probe->certificates,
        .trusted_count = probe->count,
        .transaction_id = bytes_from_text(attempt->transaction_id),
        .sender_nonce = BYTES_ARRAY(attempt->nonce),
        .recipient_key = attempt->key,
        .requested_spki = pki_private_key_peek_spki(attempt->key)};
    scep_client_answer_init(&answer);
    if (scep_client_answer_read(&answer, buffer_bytes(&probe->answer.body), &expected, &why) !=
        BASE_OK) {
        probe_say(probe, PROBE_FAILURE, "enrolment", "ios-invalid-pki-response",
            "Clients refuse this answer too: look at what the server sends.",
            "the answer is not believed: %.300s", why.detail);
    } else if (answer.status == SCEP_SUCCESS) {
        probe_say(probe, PROBE_OK, "enrolment", NULL, "", "a certificate after %.0f ms",
            probe->answer.took_s * 1000);
        judge_certificate(probe, attempt, answer.certificate);
    } else if (answer.status == SCEP_PENDING) {
        probe_say(probe, PROBE_WARNING, "enrolment", "ca-pending",
            "Approve it, or have the CA issue at once.", "the request waits for approval");
    } else {
        say_failure(probe, &answer);
    }
    scep_client_answer_clear(&answer);
}

static enum base_code
run_enrolment(struct probe *probe, struct attempt *attempt, struct base_error *err)
{
    BUFFER_LOCAL(message, SCEP_MESSAGE_MAX);
    if (!has_aes(probe) && !probe->capabilities.has_des3) {
        probe_say(probe, PROBE_FAILURE, "enrolment", "scep-fail-badalg",
            "Enable AES on the server.",
            "the server announces neither AES nor 3DES: single DES is not tried");
        return BASE_OK;
    }
    TRY(make_request(probe, attempt, probe->options->challenge, false, &message, err));
    TRY(send_request(probe, buffer_bytes(&message), err));
    if (probe->answer.failure != PROBE_ANSWERED || probe->answer.status != 200) {
        probe_say(probe, PROBE_FAILURE, "enrolment", "request-sent-no-response",
            "Look at the server's log of this moment.", "no answer: HTTP %ld %s",
            probe->answer.status, probe->answer.failure_text);
        return BASE_OK;
    }
    judge_enrolment(probe, attempt);
    return BASE_OK;
}

enum base_code
probe_check_enrolment(struct probe *probe, struct base_error *err)
{
    struct attempt attempt = {.key = NULL};
    buffer_init(&attempt.subject, SUBJECT_MAX);
    enum base_code code = run_enrolment(probe, &attempt, err);
    attempt_clear(&attempt);
    return code;
}
