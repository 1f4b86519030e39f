#include "front/own_tls.h"

#include <stdlib.h>
#include <string.h>

#include "front/front.h"
#include "pki/certificate.h"

#include "base/banned.h"

#define KEY_PEM_MAX 1024
#define PEM_MAX ((size_t)64 * 1024)
#define LIFE_S ((int64_t)90 * 86400) /* as the signer gives */
/* After a refusal: a reload may not have reached the signer yet. Where a certificate is there, and
 * good for 30 days more, the wait doubles with each refusal up to RENEW_RETRY_MAX_MS. */
#define RETRY_MS 500
#define RENEW_RETRY_MAX_MS ((int64_t)3600 * 1000)

/* One certificate, by what it is for. */
struct own {
    char ca[IPC_NAME_MAX + 1];
    char names[IPC_TEXT_MAX + 1];
    struct front_tls *tls; /* owned; NULL: not yet */
    uint64_t asked_id;     /* 0: nothing is asked */
    int64_t retry_at_ms;   /* monotonic; 0: at once */
    int64_t wait_ms;       /* after the last refusal; 0: none since the last certificate */
    struct base_error refusal;
    struct buffer key_pem; /* of what is asked */
};

struct front_own_tls {
    struct front *front;
    uint64_t last_id;
    struct own list[FRONT_LISTENERS_MAX];
    size_t count;
};

struct front_own_tls *
front_own_tls_new(struct front *front)
{
    struct front_own_tls *own = calloc(1, sizeof(*own));
    if (own != NULL) {
        own->front = front;
        own->last_id = (uint64_t)base_clock_now_ms(&front->clock) << 16;
    }
    return own;
}

static void
clear(struct own *one)
{
    buffer_clear(&one->key_pem);
    front_tls_free(one->tls);
    memset(one, 0, sizeof(*one));
}

void
front_own_tls_free(struct front_own_tls *own)
{
    if (own != NULL) {
        for (size_t i = 0; i < own->count; i++) {
            clear(&own->list[i]);
        }
        free(own);
    }
}

static bool
is_for(const struct own *one, const struct front_tls_setting *setting)
{
    return strcmp(one->ca, setting->ca) == 0 && strcmp(one->names, setting->names) == 0;
}

static struct own *
find(struct front_own_tls *own, const struct front_tls_setting *setting)
{
    for (size_t i = 0; i < own->count; i++) {
        if (is_for(&own->list[i], setting)) {
            return &own->list[i];
        }
    }
    return NULL;
}

static bool
is_wanted(const struct front_own_tls *own, const struct own *one)
{
    const struct front_tls_settings *settings = front_settings_tls(own->front->settings);
    for (size_t i = 0; i < front_tls_settings_count(settings); i++) {
        const struct front_tls_setting *setting = front_tls_settings_peek(settings, i);
        if (setting->kind == IPC_TLS_OWN && is_for(one, setting)) {
            return true;
        }
    }
    return false;
}

/* What the settings want no more is forgotten when room is needed: an undone reload gets it back.
 */
static struct own *
add(struct front_own_tls *own, const struct front_tls_setting *setting)
{
    struct own *one = own->count < FRONT_LISTENERS_MAX ? &own->list[own->count] : NULL;
    for (size_t i = 0; one == NULL && i < own->count; i++) {
        one = is_wanted(own, &own->list[i]) ? NULL : &own->list[i];
    }
    if (one == NULL) {
        return NULL;
    }
    if (one == &own->list[own->count]) {
        own->count++;
    }
    clear(one);
    memcpy(one->ca, setting->ca, sizeof(one->ca));
    memcpy(one->names, setting->names, sizeof(one->names));
    buffer_init(&one->key_pem, KEY_PEM_MAX);
    return one;
}

/* A certificate that lasts as long as its CA is not renewed: the next one would end with it. */
static bool
is_ending(const struct front_own_tls *own, const struct own *one)
{
    const struct front_ca *ca =
        front_authorities_find(own->front->authorities, bytes_from_text(one->ca));
    int64_t end_s = front_tls_not_after_s(one->tls);
    int64_t left_s = end_s - base_clock_now_s(&own->front->clock);
    return left_s < LIFE_S / 3 && (ca == NULL || end_s < ca->certificate.not_after_s);
}

MUST_CHECK static enum base_code
ask(struct front_own_tls *own, struct own *one, struct base_error *err)
{
    BUFFER_LOCAL(spki, IPC_SPKI_MAX);
    buffer_clear(&one->key_pem);
    TRY(front_tls_make_key(&one->key_pem, &spki, err));
    const struct ipc_sign_tls question = {.request_id = ++own->last_id,
        .ca = bytes_from_text(one->ca),
        .names = bytes_from_text(one->names),
        .spki = buffer_bytes(&spki)};
    TRY(front_peer_ask(own->front->signer, &ipc_sign_tls_spec, &question, err));
    one->asked_id = question.request_id;
    return BASE_OK;
}

static void
refuse(struct front_own_tls *own, struct own *one, const struct base_error *why)
{
    bool is_renewal = one->tls != NULL;
    one->refusal = *why;
    one->wait_ms = is_renewal && one->wait_ms != 0 ? 2 * one->wait_ms : RETRY_MS;
    if (one->wait_ms > RENEW_RETRY_MAX_MS) {
        one->wait_ms = RENEW_RETRY_MAX_MS;
    }
    one->retry_at_ms = base_clock_mono_ms(&own->front->clock) + one->wait_ms;
    base_log_error(own->front->log, BASE_LOG_WARN, "tls_certificate_missing", why);
}

static void
want(struct front_own_tls *own, const struct front_tls_setting *setting)
{
    struct own *one = find(own, setting);
    struct base_error err;
    one = one == NULL ? add(own, setting) : one;
    int64_t now_ms = base_clock_mono_ms(&own->front->clock);
    if (one == NULL || one->asked_id != 0 || now_ms < one->retry_at_ms ||
        (one->tls != NULL && !is_ending(own, one))) {
        return;
    }
    if (ask(own, one, &err) != BASE_OK) {
        refuse(own, one, &err);
    }
}

void
front_own_tls_want(struct front_own_tls *own)
{
    struct front *front = own->front;
    if (front->settings == NULL || !front_peer_is_connected(front->signer) ||
        front_authorities_count(front->authorities) == 0) {
        return;
    }
    const struct front_tls_settings *settings = front_settings_tls(front->settings);
    for (size_t i = 0; i < front_tls_settings_count(settings); i++) {
        const struct front_tls_setting *setting = front_tls_settings_peek(settings, i);
        if (setting->kind == IPC_TLS_OWN) {
            want(own, setting);
        }
    }
}

bool
front_own_tls_is_ready(struct front_own_tls *own, struct base_error *out_why)
{
    const struct front_tls_settings *settings = front_settings_tls(own->front->settings);
    for (size_t i = 0; i < front_tls_settings_count(settings); i++) {
        const struct front_tls_setting *setting = front_tls_settings_peek(settings, i);
        const struct own *one = setting->kind == IPC_TLS_OWN ? find(own, setting) : NULL;
        if (setting->kind == IPC_TLS_OWN && (one == NULL || one->tls == NULL)) {
            *out_why = one == NULL ? (struct base_error){.code = BASE_OK} : one->refusal;
            return false;
        }
    }
    return true;
}

struct front_tls *
front_own_tls_find(struct front_own_tls *own, const struct front_tls_setting *setting)
{
    const struct own *one = find(own, setting);
    return one == NULL ? NULL : one->tls;
}

/* The CA and those above it, up to the root, which clients have or do not believe. */
MUST_CHECK static enum base_code
append_chain(const struct front_ca *ca, struct buffer *out_pem, struct base_error *err)
{
    if (bytes_equal(ca->certificate.issuer, ca->certificate.subject)) {
        return BASE_OK;
    }
    TRY(pki_der_to_pem(ca->certificate.whole, "CERTIFICATE", out_pem, err));
    for (size_t i = 0; i < ca->chain_count; i++) {
        struct pki_certificate above;
        TRY(pki_certificate_read(ca->chain[i], &above, err));
        if (!bytes_equal(above.issuer, above.subject)) {
            TRY(pki_der_to_pem(ca->chain[i], "CERTIFICATE", out_pem, err));
        }
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
install(struct front_own_tls *own, struct own *one, const struct ipc_tls_signed *answer,
    struct base_error *err)
{
    struct front *front = own->front;
    struct front_tls *tls = NULL;
    BUFFER_LOCAL(pem, PEM_MAX);
    const struct front_ca *ca =
        front_authorities_find(front->authorities, bytes_from_text(one->ca));
    if (answer->code != 0 || ca == NULL) {
        return base_fail(err, answer->code == 0 ? E_CA_MISSING : (enum base_code)answer->code,
            "a certificate for TLS: the signer refused");
    }
    TRY(pki_der_to_pem(answer->certificate, "CERTIFICATE", &pem, err));
    TRY(append_chain(ca, &pem, err));
    TRY(front_tls_new(buffer_bytes(&pem), buffer_bytes(&one->key_pem), &tls, err));
    front_tls_free(one->tls);
    one->tls = tls;
    one->wait_ms = 0;
    one->refusal = (struct base_error){.code = BASE_OK};
    return BASE_OK;
}

static void
log_installed(const struct front_own_tls *own, const struct own *one)
{
    char end[BASE_TIME_TEXT_LEN] = "";
    struct base_log_record record;
    base_time_text(front_tls_not_after_s(one->tls), end);
    base_log_begin(&record, own->front->log, BASE_LOG_INFO, "tls_certificate", BYTES_NONE);
    base_log_word(&record, "names", one->names);
    base_log_word(&record, "not_after", end);
    base_log_hex(&record, "sha256", front_tls_peek_sha256(one->tls));
    base_log_end(&record);
}

void
front_own_tls_take(struct front_own_tls *own, const struct ipc_frame *frame)
{
    struct ipc_tls_signed answer;
    struct base_error err;
    if (ipc_decode(&ipc_tls_signed_spec, frame, &answer, &err) != BASE_OK) {
        return;
    }
    front_peer_answered(own->front->signer);
    for (size_t i = 0; i < own->count; i++) {
        struct own *one = &own->list[i];
        if (one->asked_id == 0 || one->asked_id != answer.request_id) {
            continue;
        }
        one->asked_id = 0;
        if (install(own, one, &answer, &err) == BASE_OK) {
            log_installed(own, one);
        } else {
            refuse(own, one, &err);
        }
        buffer_clear(&one->key_pem);
    }
}

void
front_own_tls_ask_again(struct front_own_tls *own)
{
    for (size_t i = 0; i < own->count; i++) {
        own->list[i].asked_id = 0;
    }
    front_own_tls_want(own);
}
