#include "ledger/facts.h"

#include <string.h>

#include "base/secret.h"
#include "ledger/batch.h"
#include "ledger/challenge.h"
#include "ledger/identity.h"
#include "ledger/limits.h"
#include "pki/name.h"
#include "pki/sid.h"

#include "base/banned.h"

#define ANCESTORS_MAX                                                                              \
    64 /* how far back a renewed certificate's line is followed for a spent challenge */

void
ledger_case_init(struct ledger_case *it, const struct ipc_request *request)
{
    *it = (struct ledger_case){.request = request};
    store_row_init(&it->challenge_row);
    store_row_init(&it->signer_row);
    store_row_init(&it->signer_delivery_row);
    arena_init(&it->signer_memory, (size_t)64 * 1024);
    ledger_bound_case_init(&it->bound);
}

void
ledger_case_clear(struct ledger_case *it)
{
    store_row_clear(&it->challenge_row);
    store_row_clear(&it->signer_row);
    store_row_clear(&it->signer_delivery_row);
    arena_clear(&it->signer_memory);
    ledger_bound_case_clear(&it->bound);
}

enum base_code
ledger_case_open(struct ledger *ledger, struct ledger_case *it, struct base_error *err)
{
    const struct ipc_request *request = it->request;
    uint8_t digest[PKI_DIGEST_MAX];
    it->endpoint = ledger_settings_find_endpoint(ledger->settings, request->endpoint);
    it->profile = it->endpoint == NULL ? NULL
                                       : ledger_settings_find_profile(
                                             ledger->settings, it->endpoint, request->profile);
    if (it->profile == NULL) {
        return base_fail(err, E_PROFILE_UNKNOWN, "'%.*s'", (int)request->profile.len,
            (const char *)request->profile.ptr);
    }
    it->ca = ledger_authorities_find(&ledger->authorities, it->endpoint->ca);
    if (it->ca == NULL) {
        return base_fail(err, E_SIGNER_GONE, "the signer has not described its CA yet");
    }
    TRY(pki_digest(PKI_SHA256, request->spki, digest, err));
    memcpy(it->key_sha256, digest, sizeof(it->key_sha256));
    return ledger_transaction_key(request->endpoint, BYTES_ARRAY(it->key_sha256),
        request->transaction_id, it->transaction_key, err);
}

/* ---- the signer
 * -------------------------------------------------------------------------------------------------
 */

static void
judge_signer(
    const struct ledger *ledger, struct ledger_case *it, const struct pki_certificate *certificate)
{
    struct policy_facts *facts = &it->facts;
    int64_t now_s = base_clock_now_s(&ledger->clock);
    facts->signer = POLICY_SIGNER_OURS;
    facts->is_signer_revoked = it->signer.status == STORE_REVOKED;
    facts->is_signer_valid_now =
        now_s >= it->signer.not_before_s && now_s <= it->signer.not_after_s;
    facts->is_signer_in_window = it->profile->renew_before_s == 0 ||
                                 now_s >= it->signer.not_after_s - it->profile->renew_before_s;
    facts->has_signer_names = pki_name_equal(certificate->subject, it->request->subject) &&
                              pki_sans_equal(certificate->sans, it->request->sans);
    facts->has_signer_profile = bytes_equal(it->signer.profile, it->profile->name) &&
                                bytes_equal(it->signer.endpoint, it->request->endpoint);
}

/* A device may renew a moment after it got its certificate, while the signature still waits for a
 * commit that nobody waited for: then it is committed now. */
static enum base_code
find_signed(struct ledger *ledger, struct ledger_case *it, struct bytes serial, bool *out_is_found,
    struct base_error *err)
{
    TRY(store_find_certificate(
        ledger->store, serial, &it->signer_row, &it->signer, out_is_found, err));
    if (!*out_is_found || it->signer.certificate.len > 0 || ledger_batch_is_empty(ledger->batch)) {
        return BASE_OK;
    }
    TRY(ledger_batch_commit(ledger, err));
    store_row_clear(&it->signer_row);
    store_row_init(&it->signer_row);
    return store_find_certificate(
        ledger->store, serial, &it->signer_row, &it->signer, out_is_found, err);
}

/* What a bound challenge stated of it holds for what renews it. */
static enum base_code
gather_signer_warrant(struct ledger *ledger, struct ledger_case *it, struct base_error *err)
{
    struct store_delivery delivery;
    bool is_found = false;
    TRY(store_find_delivery(ledger->store, it->signer.delivery_id, &it->signer_delivery_row,
        &delivery, &is_found, err));
    if (is_found) {
        it->signer_device = delivery.device;
        TRY(ledger_warrant_read(delivery.authority, &it->signer_warrant, err));
    }
    return ledger_warrant_statement(
        &it->signer_warrant, &it->signer_memory, &it->signer_statement, err);
}

/* Found by serial, and then by its whole: a clone of another CA's with our issuer and serial is
 * none of ours. */
static enum base_code
gather_signer(struct ledger *ledger, struct ledger_case *it, struct base_error *err)
{
    uint8_t digest[PKI_DIGEST_MAX];
    struct pki_certificate certificate;
    bool is_found = false;
    it->facts.signer =
        it->request->signer_sha256.len == 0 ? POLICY_SIGNER_SELF : POLICY_SIGNER_FOREIGN;
    if (it->facts.signer == POLICY_SIGNER_SELF) {
        return BASE_OK;
    }
    struct bytes serial = it->request->signer_serial;
    if (serial.len > 1 && serial.ptr[0] == 0) {
        serial = bytes_skip(serial, 1);
    }
    TRY(find_signed(ledger, it, serial, &is_found, err));
    if (!is_found || it->signer.certificate.len == 0) {
        return BASE_OK;
    }
    TRY(pki_digest(PKI_SHA256, it->signer.certificate, digest, err));
    if (!bytes_equal((struct bytes){digest, 32}, it->request->signer_sha256) ||
        pki_certificate_read(it->signer.certificate, &certificate, NULL) != BASE_OK) {
        return BASE_OK;
    }
    it->has_signer = true;
    it->signer_sid = certificate.has_sid ? certificate.sid : BYTES_NONE;
    judge_signer(ledger, it, &certificate);
    return gather_signer_warrant(ledger, it, err);
}

/* ---- the challenge
 * ---------------------------------------------------------------------------------------------- */

/* Did the certificate that signed, or one that it renewed, spend this challenge? */
static enum base_code
is_spent_by_ancestor(struct ledger *ledger, const struct ledger_case *it, uint64_t challenge_id,
    bool *out, struct base_error *err)
{
    struct store_row row;
    struct store_certificate at = it->signer;
    uint8_t serial[20];
    enum base_code code = BASE_OK;
    *out = false;
    store_row_init(&row);
    for (int i = 0; code == BASE_OK && i < ANCESTORS_MAX; i++) {
        bool is_found = false;
        if (at.challenge_id == challenge_id) {
            *out = true;
            break;
        }
        size_t len = at.renews.len;
        if (len == 0 || len > sizeof(serial)) {
            break;
        }
        memcpy(serial, at.renews.ptr, len);
        code = store_find_certificate(
            ledger->store, (struct bytes){serial, len}, &row, &at, &is_found, err);
        if (!is_found) {
            break;
        }
    }
    store_row_clear(&row);
    return code;
}

static void
judge_challenge(const struct ledger *ledger, struct ledger_case *it)
{
    const struct store_challenge *challenge = &it->challenge;
    struct policy_facts *facts = &it->facts;
    int64_t first_contact_ms = it->request->received_ms;
    facts->challenge = POLICY_CHALLENGE_FOUND;
    facts->challenge_state = challenge->state == STORE_CHALLENGE_NEW     ? POLICY_NEW
                             : challenge->state == STORE_CHALLENGE_HELD  ? POLICY_HELD_BY_OTHER
                             : challenge->state == STORE_CHALLENGE_SPENT ? POLICY_SPENT
                                                                         : POLICY_DEAD;
    facts->is_challenge_expired = challenge->expires_ms < first_contact_ms;
    facts->has_challenge_profile = bytes_equal(challenge->profile, it->profile->name);
    facts->has_challenge_subject =
        challenge->subject.len == 0 || pki_name_equal(challenge->subject, it->request->subject);
    facts->has_challenge_sans =
        !challenge->is_san_bound || pki_sans_equal(challenge->sans, it->request->sans);
    (void)ledger;
}

static enum base_code
compare_static_challenge(const struct ledger_case *it, bool *out_is_equal, struct base_error *err)
{
    uint8_t ours[PKI_DIGEST_MAX];
    uint8_t theirs[PKI_DIGEST_MAX];
    *out_is_equal = false;
    if (it->profile->static_challenge.len > 0) {
        TRY(pki_digest(PKI_SHA256, it->profile->static_challenge, ours, err));
        TRY(pki_digest(PKI_SHA256, it->request->challenge, theirs, err));
        *out_is_equal = base_secret_equal((struct bytes){ours, 32}, (struct bytes){theirs, 32});
    }
    return BASE_OK;
}

static enum base_code
gather_challenge(struct ledger *ledger, struct ledger_case *it, struct base_error *err)
{
    uint64_t id = 0;
    uint8_t mac[32];
    bool is_found = false;
    bool is_ancestor = false;
    bool is_static = false;
    bool is_ours = false;
    it->facts.challenge = POLICY_CHALLENGE_NONE;
    if (it->request->has_challenge == 0) {
        return BASE_OK;
    }
    if (!ledger_list_has(it->endpoint->policies, BYTES_LITERAL(IPC_POLICY_CHALLENGE))) {
        it->facts.challenge = POLICY_CHALLENGE_OF_SERVICE;
        return BASE_OK;
    }
    it->facts.challenge = POLICY_CHALLENGE_UNKNOWN;
    TRY(compare_static_challenge(it, &is_static, err));
    if (is_static) {
        it->facts.challenge = POLICY_CHALLENGE_STATIC;
        return BASE_OK;
    }
    if (ledger_bound_is(it->request->challenge)) {
        return ledger_bound_case_gather(ledger, it->request, it->profile, it->signer_warrant.key_id,
            it->signer_statement.id, &it->bound, &it->facts, err);
    }
    TRY(ledger_challenge_read(
        it->request->challenge, BYTES_ARRAY(ledger->mac_key), &is_ours, &id, mac, err));
    if (!is_ours) {
        return BASE_OK;
    }
    TRY(store_find_challenge(
        ledger->store, id, &it->challenge_row, &it->challenge, &is_found, err));
    if (!is_found || !base_secret_equal(it->challenge.mac, BYTES_ARRAY(mac))) {
        return BASE_OK;
    }
    if (it->has_signer) {
        TRY(is_spent_by_ancestor(ledger, it, id, &is_ancestor, err));
    }
    if (is_ancestor) {
        it->facts.challenge = POLICY_CHALLENGE_NONE;
        return BASE_OK;
    }
    it->has_challenge = true;
    judge_challenge(ledger, it);
    return BASE_OK;
}

/* ---- the identity
 * -----------------------------------------------------------------------------------------------
 */

/* A renewal has the SID of what it renews; any other request the one that it asks for. */
static void
gather_sid(struct ledger_case *it)
{
    struct bytes asked = it->request->sid;
    it->facts.sid_code = BASE_OK;
    it->sid = BYTES_NONE;
    if (!it->profile->allow_sid) {
        return;
    }
    if (it->authority == POLICY_BY_RENEWAL) {
        it->sid = it->signer_sid;
        it->facts.sid_code =
            asked.len == 0 || bytes_equal(asked, it->sid) ? BASE_OK : E_RENEWAL_NAMES;
    } else if (asked.len > 0) {
        it->sid = asked;
        it->facts.sid_code = pki_sid_check(asked, NULL, NULL);
    }
}

static enum base_code
gather_identity(struct ledger_case *it, struct base_error *err)
{
    uint8_t digest[PKI_DIGEST_MAX];
    it->authority = policy_find_authority(&it->facts);
    if (it->authority == POLICY_BY_NOTHING) {
        return BASE_OK;
    }
    gather_sid(it);
    if (it->authority == POLICY_BY_BOUND) {
        it->authority_id_len = 32;
        memcpy(it->authority_id, it->bound.authority_id, 32);
    } else if (it->authority == POLICY_BY_CHALLENGE) {
        it->authority_id_len = 8;
        for (size_t i = 0; i < 8; i++) {
            it->authority_id[i] = (uint8_t)(it->challenge.id >> (8 * (7 - i)));
        }
    } else if (it->authority == POLICY_BY_RENEWAL) {
        it->authority_id_len = 32;
        memcpy(it->authority_id, it->request->signer_sha256.ptr, 32);
    } else {
        struct bytes secret = it->authority == POLICY_BY_SERVICE ? it->request->challenge
                                                                 : it->profile->static_challenge;
        TRY(pki_digest(PKI_SHA256, secret, digest, err));
        it->authority_id_len = 32;
        memcpy(it->authority_id, digest, 32);
    }
    const struct ledger_identity_spec spec = {.endpoint = it->request->endpoint,
        .profile = it->profile->name,
        .key_sha256 = BYTES_ARRAY(it->key_sha256),
        .authority = it->authority,
        .authority_id = {it->authority_id, it->authority_id_len},
        .subject_der = it->request->subject,
        .sans_der = it->request->sans,
        .sid = it->sid};
    TRY(ledger_identity_make(&spec, it->identity, err));
    it->has_identity = true;
    return BASE_OK;
}

enum base_code
ledger_case_gather(struct ledger *ledger, struct ledger_case *it, struct base_error *err)
{
    const struct ipc_request *request = it->request;
    struct policy_facts *facts = &it->facts;
    facts->message_type = request->message_type;
    facts->is_signer_key = request->is_signer_key != 0;
    facts->is_subject_empty = pki_name_is_empty(request->subject);
    facts->allow_empty_subject = it->profile->allow_empty_subject && request->sans.len > 0;
    facts->needs_approval = it->profile->needs_approval;
    facts->renewal_by_pkcs_req = it->endpoint->renewal_by_pkcs_req;
    facts->allow_same_key_renewal = it->profile->allow_same_key_renewal;
    facts->sans_code = request->sans.len == 0
                           ? BASE_OK
                           : pki_sans_check(request->sans, it->profile->san_types, NULL);
    facts->is_source_limited =
        request->is_source_exempt == 0 &&
        ledger_limits_is_over(ledger->limits, request->source,
            ledger->settings->wrong_challenges_per_minute, base_clock_mono_ms(&ledger->clock));
    TRY(gather_signer(ledger, it, err));
    TRY(gather_challenge(ledger, it, err));
    return gather_identity(it, err);
}

struct bytes
ledger_case_device(const struct ledger_case *it)
{
    return it->has_challenge                    ? it->challenge.device
           : it->bound.is_opened                ? it->bound.statement.device
           : it->authority == POLICY_BY_RENEWAL ? it->signer_device
                                                : BYTES_NONE;
}

const struct ledger_statement *
ledger_case_narrowing_peek(const struct ledger_case *it)
{
    return it->authority == POLICY_BY_BOUND     ? &it->bound.statement
           : it->authority == POLICY_BY_RENEWAL ? &it->signer_statement
                                                : NULL;
}

enum base_code
ledger_case_warrant(
    const struct ledger_case *it, bool is_waiting, struct buffer *out, struct base_error *err)
{
    struct ledger_warrant authority = {.kind = it->authority};
    if (it->authority == POLICY_BY_BOUND) {
        authority.key_id = BYTES_ARRAY(it->bound.key_id);
        authority.statement = buffer_bytes(&it->bound.json);
    } else if (it->authority == POLICY_BY_RENEWAL) {
        authority.key_id = it->signer_warrant.key_id;
        authority.statement = it->signer_warrant.statement;
    }
    if (is_waiting) {
        authority.id = it->authority == POLICY_BY_RENEWAL
                           ? it->signer.serial
                           : (struct bytes){it->authority_id, it->authority_id_len};
        authority.sid = it->sid;
    } else if (authority.statement.len == 0) {
        return BASE_OK;
    }
    return ledger_warrant_write(&authority, out, err);
}
