/*
 * issue.h - a certificate's serial number and body: everything in it comes from profile, challenge
 * and CA; of the request only names that were judged, and the key.
 */
#ifndef LEDGER_ISSUE_H
#define LEDGER_ISSUE_H

#include "base/clock.h"
#include "base/random.h"
#include "ledger/authorities.h"
#include "ledger/bound.h"
#include "ledger/settings.h"

#define LEDGER_SERIAL_LEN 18

/* 48-bit milliseconds, never below the last one's, and 96 random bits. */
struct ledger_serials {
    uint64_t last_ms;
};
/* Where the clock must not fall behind. */
void ledger_serials_take(struct ledger_serials *serials, struct bytes serial);
/* Errors: E_CLOCK_BACK when the clock is more than five minutes behind the last serial. */
MUST_CHECK enum base_code ledger_serial_make(struct ledger_serials *serials,
    const struct base_clock *clock, const struct base_random *random,
    uint8_t out[LEDGER_SERIAL_LEN], struct base_error *err);

struct ledger_body_spec {
    const struct ledger_profile *profile;
    const struct ledger_ca *ca;
    struct bytes public_url;
    struct bytes serial;
    struct bytes subject_der;
    struct bytes sans_der;
    struct bytes spki_der;
    const struct ledger_statement *narrowing; /* of usages and validity; NULL: none */
    struct bytes sid;                         /* value of a SID extension; empty: none */
    int64_t now_s;
};
/* Validity is cut to the CA's end. Errors: E_CA_ENDING, E_DER_*. */
MUST_CHECK enum base_code ledger_body_build(const struct ledger_body_spec *spec, struct buffer *out,
    int64_t *out_not_before_s, int64_t *out_not_after_s, struct base_error *err);

#endif
