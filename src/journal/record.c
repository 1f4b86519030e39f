#include "journal/record.h"

#include <inttypes.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/own.h"

#include "base/banned.h"

#define VERSION 1

/* Where each part of a record lies. */
enum {
    AT_VERSION = 2,
    AT_KIND = 3,
    AT_EPOCH = 4,
    AT_SEQ = 8,
    AT_TIME = 16,
    AT_CA = 24,
    AT_SERIAL_LEN = 32,
    AT_SERIAL = 33,
    AT_ZEROS = 53,
    AT_SHA256 = 64,
    AT_CHAIN = 96,
};
_Static_assert(AT_CA + JOURNAL_CA_LEN == AT_SERIAL_LEN, "the CA fits");
_Static_assert(AT_SERIAL + JOURNAL_SERIAL_MAX == AT_ZEROS, "the serial fits");
_Static_assert(AT_SHA256 + JOURNAL_HASH_LEN == AT_CHAIN, "the hash fits");
_Static_assert(AT_CHAIN + JOURNAL_HASH_LEN == JOURNAL_RECORD_LEN, "a record is full");

OWNER(EVP_MD_CTX, EVP_MD_CTX_free)

MUST_CHECK static enum base_code
hash_two(struct bytes a, struct bytes b, uint8_t out[JOURNAL_HASH_LEN], struct base_error *err)
{
    unsigned len = 0;
    OWN(EVP_MD_CTX) context = EVP_MD_CTX_new();
    if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(context, a.ptr, a.len) != 1 ||
        EVP_DigestUpdate(context, b.ptr, b.len) != 1 ||
        EVP_DigestFinal_ex(context, out, &len) != 1 || len != JOURNAL_HASH_LEN) {
        ERR_clear_error();
        return base_fail(err, E_INTERNAL, "SHA-256 failed");
    }
    return BASE_OK;
}

enum base_code
journal_sha256(struct bytes data, uint8_t out[JOURNAL_HASH_LEN], struct base_error *err)
{
    return hash_two(data, BYTES_NONE, out, err);
}

enum base_code
journal_ca_id(struct bytes ca_name, uint8_t out[JOURNAL_CA_LEN], struct base_error *err)
{
    uint8_t hash[JOURNAL_HASH_LEN];
    TRY(journal_sha256(ca_name, hash, err));
    memcpy(out, hash, JOURNAL_CA_LEN);
    return BASE_OK;
}

static void
put_number(uint8_t *out, size_t len, uint64_t value)
{
    for (size_t i = len; i-- > 0; value >>= 8) {
        out[i] = (uint8_t)(value & 0xff);
    }
}

static uint64_t
get_number(const uint8_t *in, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value = (value << 8) | in[i];
    }
    return value;
}

enum base_code
journal_record_encode(struct journal_record *record, const uint8_t previous[JOURNAL_HASH_LEN],
    uint8_t out[JOURNAL_RECORD_LEN], struct base_error *err)
{
    uint8_t octets[JOURNAL_RECORD_LEN] = {'K', 'J', VERSION};
    if (record->serial_len == 0 || record->serial_len > JOURNAL_SERIAL_MAX || record->at_ms < 0) {
        return base_fail(err, E_INTERNAL, "a journal record with a serial of %d octets",
            (int)record->serial_len);
    }
    octets[AT_KIND] = (uint8_t)record->kind;
    put_number(octets + AT_EPOCH, 4, record->epoch);
    put_number(octets + AT_SEQ, 8, record->seq);
    put_number(octets + AT_TIME, 8, (uint64_t)record->at_ms);
    memcpy(octets + AT_CA, record->ca, JOURNAL_CA_LEN);
    octets[AT_SERIAL_LEN] = record->serial_len;
    memcpy(octets + AT_SERIAL, record->serial, record->serial_len);
    memcpy(octets + AT_SHA256, record->sha256, JOURNAL_HASH_LEN);
    TRY(hash_two((struct bytes){previous, JOURNAL_HASH_LEN}, (struct bytes){octets, AT_CHAIN},
        octets + AT_CHAIN, err));
    memcpy(record->chain, octets + AT_CHAIN, JOURNAL_HASH_LEN);
    memcpy(out, octets, JOURNAL_RECORD_LEN);
    return BASE_OK;
}

/* From @from up to @end, nothing but zeros. */
static bool
is_zero(const uint8_t *octets, size_t from, size_t end)
{
    while (from < end && octets[from] == 0) {
        from++;
    }
    return from >= end;
}

enum base_code
journal_record_decode(struct bytes octets, struct journal_record *out, struct base_error *err)
{
    const uint8_t *at = octets.ptr;
    if (octets.len != JOURNAL_RECORD_LEN) {
        return base_fail(err, E_JOURNAL_BROKEN, "a record of %zu octets, want %d", octets.len,
            JOURNAL_RECORD_LEN);
    }
    if (at[0] != 'K' || at[1] != 'J' || at[AT_VERSION] != VERSION) {
        return base_fail(err, E_JOURNAL_BROKEN, "no record of version %d begins here", VERSION);
    }
    uint8_t kind = at[AT_KIND];
    uint8_t serial_len = at[AT_SERIAL_LEN];
    uint64_t at_ms = get_number(at + AT_TIME, 8);
    if (kind < JOURNAL_BODY_SIGNED || kind > JOURNAL_TLS_MADE) {
        return base_fail(err, E_JOURNAL_BROKEN, "a record of unknown kind %d", (int)kind);
    }
    if (serial_len == 0 || serial_len > JOURNAL_SERIAL_MAX || at_ms > INT64_MAX ||
        !is_zero(at, AT_SERIAL + (size_t)serial_len, AT_SHA256)) {
        return base_fail(err, E_JOURNAL_BROKEN, "a record whose serial or time is malformed");
    }
    *out = (struct journal_record){.kind = (enum journal_kind)kind,
        .epoch = (uint32_t)get_number(at + AT_EPOCH, 4),
        .seq = get_number(at + AT_SEQ, 8),
        .at_ms = (int64_t)at_ms,
        .serial_len = serial_len};
    memcpy(out->ca, at + AT_CA, JOURNAL_CA_LEN);
    memcpy(out->serial, at + AT_SERIAL, serial_len);
    memcpy(out->sha256, at + AT_SHA256, JOURNAL_HASH_LEN);
    memcpy(out->chain, at + AT_CHAIN, JOURNAL_HASH_LEN);
    return BASE_OK;
}

enum base_code
journal_chain_take(struct journal_chain *chain, struct bytes octets,
    struct journal_record *out_record, struct base_error *err)
{
    struct journal_record record;
    uint8_t hash[JOURNAL_HASH_LEN];
    struct base_error why = {0};
    if (journal_record_decode(octets, &record, &why) != BASE_OK) {
        return base_fail(err, why.code, "record %" PRIu64 ": %.200s", chain->next_seq, why.detail);
    }
    if (record.seq != chain->next_seq) {
        return base_fail(err, E_JOURNAL_BROKEN,
            "record %" PRIu64 " stands where %" PRIu64 " belongs", record.seq, chain->next_seq);
    }
    TRY(hash_two((struct bytes){chain->hash, JOURNAL_HASH_LEN},
        (struct bytes){octets.ptr, AT_CHAIN}, hash, err));
    if (memcmp(hash, record.chain, JOURNAL_HASH_LEN) != 0) {
        return base_fail(err, E_JOURNAL_BROKEN,
            "the hash of record %" PRIu64 " does not follow from it and the record before",
            record.seq);
    }
    memcpy(chain->hash, hash, JOURNAL_HASH_LEN);
    chain->next_seq++;
    if (out_record != NULL) {
        *out_record = record;
    }
    return BASE_OK;
}
