/*
 * mobileconfig_read.h - an Apple configuration profile, as a device takes it in.
 *
 * Tolerant where tools in the field differ: integers as strings of digits, several payloads, a
 * signed message around it, the SCEP payload alone. Strict where a mistake would show later: a key
 * that stands twice, a text with control characters, a fingerprint that identifies nothing.
 */
#ifndef PROFILE_MOBILECONFIG_READ_H
#define PROFILE_MOBILECONFIG_READ_H

#include "base/bytes.h"

struct profile_scep {
    struct buffer signer; /* RFC 4514 text: by whom it is signed; empty: it is not */
    struct buffer url;
    struct buffer name;      /* CA identifier; may be empty, as may all below */
    struct buffer challenge; /* a secret */
    struct buffer subject_der;
    struct buffer sans_der;
    struct buffer fingerprint; /* octets: SHA-1 or SHA-256 */
    struct buffer root;        /* DER of the only root certificate payload */
    unsigned key_bits;         /* 0: not said */
    char key_spec[16];         /* the same as "rsa:2048"; empty: not said */
    bool has_key_usage;
    unsigned key_usage;   /* 1 signing, 4 encryption */
    unsigned retries;     /* while PENDING */
    unsigned retry_delay; /* seconds; the first retry has none */
    size_t scep_count;    /* SCEP payloads in the profile */
};

void profile_scep_init(struct profile_scep *scep);
void profile_scep_clear(struct profile_scep *scep);
/*
 * @payload: which of the SCEP payloads, from 1. Errors: E_PROFILE_FORMAT, E_PROFILE_BINARY,
 * E_PROFILE_NO_SCEP, E_PROFILE_FINGERPRINT, E_PROFILE_SIGNATURE, E_NAME_FORMAT, E_SAN_FORMAT,
 * E_TOO_LARGE.
 */
MUST_CHECK enum base_code profile_mobileconfig_read(
    struct bytes file, size_t payload, struct profile_scep *out, struct base_error *err);

#endif
