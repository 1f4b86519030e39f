#include "notifier/settings.h"

#include <stdio.h>
#include <string.h>

#include "der/reader.h"
#include "notifier/intune.h"
#include "notifier/secrets.h"
#include "pki/certificate.h"

#include "base/banned.h"

struct notifier_settings *
notifier_settings_new(void)
{
    struct notifier_settings *settings = calloc(1, sizeof(*settings));
    if (settings != NULL) {
        settings->references = 1;
    }
    return settings;
}

struct notifier_settings *
notifier_settings_share(struct notifier_settings *settings)
{
    settings->references++;
    return settings;
}

void
notifier_settings_free(struct notifier_settings *settings)
{
    if (settings == NULL || --settings->references > 0) {
        return;
    }
    for (size_t i = 0; i < settings->count; i++) {
        struct notifier_policy *policy = &settings->policies[i];
        notifier_intune_free(policy->intune);
        secret_clear(&policy->secret);
        buffer_clear(&policy->certificate);
        pki_private_key_free(policy->key);
        explicit_bzero(policy->proxy, sizeof(policy->proxy)); /* it may hold a password */
    }
    free(settings);
}

/* The codec has checked that it fits. */
static void
copy_text(char *out, struct bytes text)
{
    if (text.len > 0) {
        memcpy(out, text.ptr, text.len);
    }
    out[text.len] = '\0';
}

/* The certificate that is registered at the app, and its key. */
MUST_CHECK static enum base_code
read_assertion(struct notifier_policy *policy, const char *home,
    const struct ipc_config_policy *message, struct base_error *err)
{
    struct secret text;
    struct der_element first;
    struct pki_certificate certificate;
    BUFFER_LOCAL(ders, NOTIFIER_SECRET_MAX);
    secret_init(&text, NOTIFIER_SECRET_MAX);
    enum base_code code = notifier_secret_read(home, message->assertion_certificate, &text, err);
    if (code == BASE_OK) {
        code = pki_pem_to_ders(secret_peek(&text), &ders, err);
    }
    if (code == BASE_OK) {
        code = notifier_secret_read(home, message->assertion_key, &text, err);
    }
    if (code == BASE_OK) {
        code = pki_private_key_load(secret_peek(&text), BYTES_NONE, &policy->key, err);
    }
    secret_clear(&text);
    if (code != BASE_OK) {
        return code;
    }
    struct der_reader reader = der_reader_over(buffer_bytes(&ders));
    TRY(der_next(&reader, &first, err));
    TRY(pki_certificate_read(first.whole, &certificate, err));
    if (pki_private_key_type(policy->key) != PKI_KEY_RSA ||
        !bytes_equal(certificate.spki, pki_private_key_peek_spki(policy->key))) {
        return base_fail(err, E_POLICY_SECRET,
            "assertion_key must be the RSA key of the first certificate in assertion_certificate");
    }
    return buffer_append(&policy->certificate, first.whole, err);
}

MUST_CHECK static enum base_code
read_secrets(struct notifier_policy *policy, const char *home,
    const struct ipc_config_policy *message, struct base_error *err)
{
    if (message->secret.len > 0) {
        TRY(notifier_secret_read(home, message->secret, &policy->secret, err));
    }
    if (message->assertion_key.len > 0) {
        TRY(read_assertion(policy, home, message, err));
    }
    if (message->ca_file.len > 0) {
        TRY(notifier_secret_path(
            home, message->ca_file, policy->ca_file, sizeof(policy->ca_file), err));
    }
    return BASE_OK;
}

enum base_code
notifier_settings_add(struct notifier_settings *settings, const char *home,
    const struct ipc_config_policy *message, struct base_error *err)
{
    if (settings->count == NOTIFIER_POLICIES_MAX) {
        return base_fail(err, E_TOO_LARGE, "more than %d policies", NOTIFIER_POLICIES_MAX);
    }
    struct notifier_policy *policy = &settings->policies[settings->count++];
    secret_init(&policy->secret, NOTIFIER_SECRET_MAX);
    buffer_init(&policy->certificate, NOTIFIER_SECRET_MAX);
    copy_text(policy->name, message->name);
    policy->kind = message->kind == IPC_POLICY_INTUNE ? IPC_POLICY_INTUNE : IPC_POLICY_WEBHOOK;
    copy_text(policy->url, message->url);
    copy_text(policy->proxy, message->proxy);
    policy->timeout_ms = message->timeout_ms;
    copy_text(policy->tenant, message->tenant);
    copy_text(policy->client_id, message->client_id);
    copy_text(policy->authority, message->authority);
    copy_text(policy->graph_url, message->graph_url);
    copy_text(policy->resource_url, message->resource_url);
    copy_text(policy->app_id, message->app_id);
    policy->is_hresult_unsigned = message->is_hresult_unsigned != 0;
    policy->revocations_s = message->revocations_s;
    if (read_secrets(policy, home, message, err) != BASE_OK) {
        return base_error_add(err, "policy %s", policy->name);
    }
    return BASE_OK;
}

struct notifier_policy *
notifier_settings_find(struct notifier_settings *settings, struct bytes name)
{
    for (size_t i = 0; i < settings->count; i++) {
        if (bytes_equal_text(name, settings->policies[i].name)) {
            return &settings->policies[i];
        }
    }
    return NULL;
}
