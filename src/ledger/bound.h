/*
 * bound.h - bound challenges: a statement about one certificate, sealed with a key that is shared
 * with a management system (docs/challenges.md).
 *
 * The text is "KB1." and base64 of: key id (8 octets), nonce (12), ciphertext, tag (16).
 * AES-256-GCM with the associated data "kurier-bound-challenge-v1" and the key id. What is sealed
 * is a JSON object, in which nothing unknown, doubled or out of its bounds may stand. Nothing is
 * looked up to open one but its key; that it was used is remembered by its key and its id.
 */
#ifndef LEDGER_BOUND_H
#define LEDGER_BOUND_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/random.h"

#define LEDGER_BOUND_PREFIX "KB1."
#define LEDGER_BOUND_TEXT_MAX 8192 /* characters of the whole */
#define LEDGER_BOUND_JSON_MAX 6100 /* octets of a statement: what fits into that text */
#define LEDGER_BOUND_KEY_ID_LEN 8
#define LEDGER_BOUND_ID_MAX 64
#define LEDGER_BOUND_SANS_MAX 100
#define LEDGER_BOUND_EKUS_MAX 12
#define LEDGER_BOUND_LIFE_MAX_S ((int64_t)31 * 86400) /* from iat to exp */
#define LEDGER_BOUND_TOLERANCE_S 120                  /* that two clocks may differ by */

/* Does it claim to be one? */
bool ledger_bound_is(struct bytes text);

/* The parts of one, borrowed from @octets, which the text was decoded into. */
struct ledger_bound_parts {
    struct bytes key_id;
    struct bytes nonce;
    struct bytes sealed;
};
/* Errors: E_CHALLENGE_SEAL (not in this form, or too long). */
MUST_CHECK enum base_code ledger_bound_read(struct bytes text, struct buffer *octets,
    struct ledger_bound_parts *out, struct base_error *err);
/* The statement's JSON, appended. Errors: E_CHALLENGE_SEAL. */
MUST_CHECK enum base_code ledger_bound_open(const struct ledger_bound_parts *parts,
    struct bytes key, struct buffer *out_json, struct base_error *err);
/* And back. @out_text has room for LEDGER_BOUND_TEXT_MAX. */
MUST_CHECK enum base_code ledger_bound_seal(struct bytes key_id, struct bytes key,
    struct bytes json, const struct base_random *random, struct buffer *out_text,
    struct base_error *err);

/* What a statement says. Slices into an arena. */
struct ledger_statement {
    struct bytes id;
    struct bytes profile;
    struct bytes device;
    struct bytes subject; /* DER Name; empty: any */
    bool is_san_bound;
    struct bytes sans; /* DER GeneralNames, which must be met exactly when is_san_bound */
    int64_t iat_s;
    int64_t exp_s;
    uint8_t key_usage; /* 0: the profile's */
    struct bytes ekus; /* dotted OIDs, newline-separated; empty: the profile's */
    int64_t valid_s;   /* 0: the profile's */
};
/* Errors: E_CHALLENGE_STATEMENT with the member's name; of memory: E_NO_MEMORY. */
MUST_CHECK enum base_code ledger_statement_read(
    struct bytes json, struct arena *arena, struct ledger_statement *out, struct base_error *err);

/* Is what it wants for the certificate within the profile? */
bool ledger_statement_fits(const struct ledger_statement *statement, uint8_t key_usage,
    struct bytes ekus, int64_t valid_s);
/* Does a list of lines have this one? */
bool ledger_lines_have(struct bytes lines, struct bytes wanted);

/* A statement to be made here, from texts. */
struct ledger_statement_spec {
    struct bytes id;
    struct bytes profile;
    struct bytes device;
    struct bytes subject; /* RFC 4514 text; empty: any */
    bool is_san_bound;
    struct bytes sans; /* lines "DNS:a.example" */
    int64_t iat_s;
    int64_t exp_s;
};
MUST_CHECK enum base_code ledger_statement_write(
    const struct ledger_statement_spec *spec, struct buffer *out_json, struct base_error *err);

#endif
