#include "ledger/control_profile.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "ipc/control.h"

#include "base/banned.h"

/* The first line of a newline-separated list. */
static struct bytes
first_line(struct bytes list)
{
    const uint8_t *end = list.len == 0 ? NULL : memchr(list.ptr, '\n', list.len);
    return (struct bytes){list.ptr, end == NULL ? list.len : (size_t)(end - list.ptr)};
}

/* The endpoint's path for a profile: its default one needs no name behind it. */
static enum base_code
profile_path(const struct ledger_endpoint *endpoint, struct bytes paths, struct bytes profile,
    struct buffer *out, struct base_error *err)
{
    struct bytes path = first_line(paths);
    if (path.len == 0) {
        return BASE_OK;
    }
    TRY(buffer_append(out, path, err));
    if (!bytes_equal(first_line(endpoint->profiles), profile)) {
        TRY(buffer_append_octet(out, '/', err));
        TRY(buffer_append(out, profile, err));
    }
    return BASE_OK;
}

static enum base_code
send_profile(
    struct ledger *ledger, int fd, const struct ledger_profile *profile, struct base_error *err)
{
    const struct ledger_settings *settings = ledger->settings;
    const struct ledger_endpoint *endpoint = NULL;
    BUFFER_LOCAL(path, IPC_TEXT_MAX);
    BUFFER_LOCAL(ndes_path, IPC_TEXT_MAX);
    for (size_t i = 0; endpoint == NULL && i < settings->endpoint_count; i++) {
        bool is_served = ledger_list_has(settings->endpoints[i].profiles, profile->name);
        endpoint = is_served ? &settings->endpoints[i] : NULL;
    }
    struct ipc_profile_row row = {.name = profile->name,
        .public_url = settings->public_url,
        .listener_url = settings->listener_url,
        .valid_s = profile->valid_s,
        .renew_before_s = profile->renew_before_s,
        .challenge_ttl_s = profile->challenge_ttl_s,
        .key_usage = profile->key_usage,
        .ekus = profile->ekus,
        .san_types = profile->san_types,
        .allow_empty_subject = profile->allow_empty_subject,
        .needs_approval = profile->needs_approval,
        .has_static_challenge = profile->static_challenge.len > 0,
        .allow_rsa = profile->allow_rsa,
        .allow_ec = profile->allow_ec,
        .min_rsa_bits = profile->min_rsa_bits,
        .max_rsa_bits = profile->max_rsa_bits};
    if (endpoint != NULL) {
        TRY(profile_path(endpoint, endpoint->paths, profile->name, &path, err));
        TRY(profile_path(endpoint, endpoint->ndes_paths, profile->name, &ndes_path, err));
        row.endpoint = endpoint->name;
        row.ca = endpoint->ca;
        row.takes_challenge =
            ledger_list_has(endpoint->policies, bytes_from_text(IPC_POLICY_CHALLENGE)) ? 1 : 0;
    }
    row.path = buffer_bytes(&path);
    row.ndes_path = buffer_bytes(&ndes_path);
    return ipc_send(fd, &ipc_profile_row_spec, &row, -1, err);
}

enum base_code
ledger_profile_list(struct ledger *ledger, int fd, const struct ipc_frame *frame, bool *out_is_more,
    char out_cursor[65], struct base_error *err)
{
    struct ipc_profile_list question;
    const struct ledger_settings *settings = ledger->settings;
    uint64_t from = 0;
    TRY(ipc_decode(&ipc_profile_list_spec, frame, &question, err));
    if (question.name.len > 0) {
        const struct ledger_profile *profile =
            ledger_settings_find_profile(settings, NULL, question.name);
        return profile != NULL
                   ? send_profile(ledger, fd, profile, err)
                   : base_fail(err, E_PROFILE_UNKNOWN, "'%.*s'",
                         base_size_to_int(question.name.len), (const char *)question.name.ptr);
    }
    if (question.cursor.len > 0) {
        TRY(base_parse_number(question.cursor, settings->profile_count, &from, err));
    }
    size_t end = (size_t)from + IPC_PAGE_MAX;
    end = end < settings->profile_count ? end : settings->profile_count;
    for (size_t i = (size_t)from; i < end; i++) {
        TRY(send_profile(ledger, fd, &settings->profiles[i], err));
    }
    *out_is_more = end < settings->profile_count;
    (void)snprintf(out_cursor, 65, "%zu", end);
    return BASE_OK;
}

enum base_code
ledger_profile_sign(
    struct ledger *ledger, int fd, const struct ipc_frame *frame, struct base_error *err)
{
    struct ipc_profile_sign question;
    struct ipc_profile_signature signature;
    struct ipc_frame from_signer = {.fd = -1};
    TRY(ipc_decode(&ipc_profile_sign_spec, frame, &question, err));
    if (!ledger_authorities_has_ra(&ledger->authorities, question.ca, 0)) {
        return base_fail(err, E_NOT_FOUND, "no such CA");
    }
    const struct ipc_sign_profile ask = {.request_id = ledger_next_request_id(ledger),
        .ca = question.ca,
        .digest = IPC_SHA256,
        .attributes = question.attributes};
    ledger_send(ledger, &ledger->signer_fd, &ipc_sign_profile_spec, &ask, -1);
    TRY(ledger_wait_signer(ledger, IPC_TYPE_PROFILE_SIGNATURE, &from_signer, err));
    TRY(ipc_decode(&ipc_profile_signature_spec, &from_signer, &signature, err));
    if (signature.code != 0) {
        return base_fail(err, (enum base_code)signature.code, "%.*s",
            base_size_to_int(signature.detail.len), (const char *)signature.detail.ptr);
    }
    const struct ipc_profile_signed row = {.signature = signature.signature};
    return ipc_send(fd, &ipc_profile_signed_spec, &row, -1, err);
}
