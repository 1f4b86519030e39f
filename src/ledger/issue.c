#include "ledger/issue.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#include "base/banned.h"

#define CLOCK_TOLERANCE_MS 300000
#define SHORTEST_S 3600 /* a certificate that would live shorter than an hour helps nobody */
#define URL_MAX 1200

void
ledger_serials_take(struct ledger_serials *serials, struct bytes serial)
{
    uint64_t ms = 0;
    for (size_t i = 0; i < 6 && serial.len == LEDGER_SERIAL_LEN; i++) {
        ms = ms << 8 | serial.ptr[i];
    }
    serials->last_ms = ms > serials->last_ms ? ms : serials->last_ms;
}

enum base_code
ledger_serial_make(struct ledger_serials *serials, const struct base_clock *clock,
    const struct base_random *random, uint8_t out[LEDGER_SERIAL_LEN], struct base_error *err)
{
    uint64_t now_ms = (uint64_t)base_clock_now_ms(clock);
    if (now_ms + CLOCK_TOLERANCE_MS < serials->last_ms) {
        return base_fail(err, E_CLOCK_BACK, "%llu s behind",
            (unsigned long long)(serials->last_ms - now_ms) / 1000);
    }
    serials->last_ms = now_ms > serials->last_ms ? now_ms : serials->last_ms;
    for (size_t i = 0; i < 6; i++) {
        out[i] = (uint8_t)(serials->last_ms >> (8 * (5 - i)));
    }
    return base_random_fill(random, out + 6, LEDGER_SERIAL_LEN - 6, err);
}

static struct bytes
make_url(struct bytes public_url, const char *folder, const struct ledger_ca *ca,
    const char *suffix, char out[URL_MAX])
{
    if (public_url.len == 0) {
        return BYTES_NONE;
    }
    (void)snprintf(out, URL_MAX, "%.*s/%s/%.*s.%s", base_size_to_int(public_url.len),
        (const char *)public_url.ptr, folder, base_size_to_int(ca->name_len),
        (const char *)ca->name, suffix);
    return bytes_from_text(out);
}

enum base_code
ledger_body_build(const struct ledger_body_spec *spec, struct buffer *out,
    int64_t *out_not_before_s, int64_t *out_not_after_s, struct base_error *err)
{
    char crl_url[URL_MAX] = "";
    char ca_url[URL_MAX] = "";
    const struct pki_certificate *ca = &spec->ca->certificate;
    static const struct ledger_statement nothing = {.key_usage = 0};
    const struct ledger_statement *narrow = spec->narrowing == NULL ? &nothing : spec->narrowing;
    int64_t valid_s = spec->profile->valid_s;
    valid_s = narrow->valid_s != 0 && narrow->valid_s < valid_s ? narrow->valid_s : valid_s;
    int64_t not_before_s = spec->now_s - spec->profile->backdate_s;
    int64_t not_after_s = spec->now_s + valid_s;
    not_before_s = not_before_s < ca->not_before_s ? ca->not_before_s : not_before_s;
    not_after_s = not_after_s > ca->not_after_s ? ca->not_after_s : not_after_s;
    if (not_after_s - spec->now_s < SHORTEST_S && not_after_s == ca->not_after_s) {
        return base_fail(err, E_CA_ENDING, "in %lld s", (long long)(ca->not_after_s - spec->now_s));
    }
    const struct pki_body_spec body = {.serial = spec->serial,
        .signature = spec->ca->signature,
        .digest = spec->ca->digest,
        .issuer_der = ca->subject,
        .not_before_s = not_before_s,
        .not_after_s = not_after_s,
        .subject_der = spec->subject_der,
        .spki_der = spec->spki_der,
        .path_len = -1,
        .key_usage = narrow->key_usage != 0 ? narrow->key_usage : spec->profile->key_usage,
        .ekus_text = narrow->ekus.len > 0 ? narrow->ekus : spec->profile->ekus,
        .sid = spec->sid,
        .sans_der = spec->sans_der,
        .authority_key_id = ca->subject_key_id,
        .crl_url = make_url(spec->public_url, "crl", spec->ca, "crl", crl_url),
        .ca_issuers_url = make_url(spec->public_url, "ca", spec->ca, "crt", ca_url)};
    TRY(pki_body_build(&body, out, err));
    *out_not_before_s = not_before_s;
    *out_not_after_s = not_after_s;
    return BASE_OK;
}
