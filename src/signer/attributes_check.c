#include "signer/attributes_check.h"

#include "signer/limits.h"

#include "base/banned.h"

#define ATTRIBUTE_MAX 24
#define TRANSACTION_ID_MAX 255
#define NONCE_MAX 64

/* Content octets: PKCS#9 attributes are 2a 86 48 86 f7 0d 01 09 x, SCEP's 60 86 48 01 86 f8 45 01
 * 09 x. */
#define PKCS9(x)                                                                                   \
    {                                                                                              \
        0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, (x)                                        \
    }
#define SCEP(x)                                                                                    \
    {                                                                                              \
        0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x45, 0x01, 0x09, (x)                                  \
    }
static const uint8_t content_type[] = PKCS9(3);
static const uint8_t message_digest[] = PKCS9(4);
static const uint8_t signing_time[] = PKCS9(5);
static const uint8_t message_type[] = SCEP(2);
static const uint8_t pki_status[] = SCEP(3);
static const uint8_t fail_info[] = SCEP(4);
static const uint8_t sender_nonce[] = SCEP(5);
static const uint8_t recipient_nonce[] = SCEP(6);
static const uint8_t transaction_id[] = SCEP(7);
static const uint8_t content_data[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01};

enum attribute {
    CONTENT_TYPE,
    MESSAGE_DIGEST,
    MESSAGE_TYPE,
    PKI_STATUS,
    FAIL_INFO,
    SENDER_NONCE,
    RECIPIENT_NONCE,
    TRANSACTION_ID,
    ATTRIBUTE_COUNT
};

/* What each value must be: its tag and how many octets. */
static const struct rule {
    const char *name;
    struct bytes oid;
    uint8_t tag;
    size_t min_len;
    size_t max_len;
} rules[ATTRIBUTE_COUNT] = {
    [CONTENT_TYPE] = {"contentType", {content_type, sizeof(content_type)}, DER_OID, 1, 64},
    [MESSAGE_DIGEST] = {"messageDigest", {message_digest, sizeof(message_digest)}, DER_OCTET_STRING,
        20, 64},
    [MESSAGE_TYPE] = {"messageType", {message_type, sizeof(message_type)}, DER_PRINTABLE_STRING, 1,
        1},
    [PKI_STATUS] = {"pkiStatus", {pki_status, sizeof(pki_status)}, DER_PRINTABLE_STRING, 1, 1},
    [FAIL_INFO] = {"failInfo", {fail_info, sizeof(fail_info)}, DER_PRINTABLE_STRING, 1, 1},
    [SENDER_NONCE] = {"senderNonce", {sender_nonce, sizeof(sender_nonce)}, DER_OCTET_STRING, 1,
        NONCE_MAX},
    [RECIPIENT_NONCE] = {"recipientNonce", {recipient_nonce, sizeof(recipient_nonce)},
        DER_OCTET_STRING, 1, NONCE_MAX},
    [TRANSACTION_ID] = {"transactionID", {transaction_id, sizeof(transaction_id)},
        DER_PRINTABLE_STRING, 1, TRANSACTION_ID_MAX},
};

struct found {
    struct bytes values[ATTRIBUTE_COUNT]; /* contents; empty: not there */
    struct bytes signing_time;            /* the whole element; empty: not there */
    struct bytes oids[ATTRIBUTE_MAX];     /* of all */
    size_t count;
};

MUST_CHECK static enum base_code
note_type(struct found *found, struct bytes oid, struct base_error *err)
{
    if (found->count == ATTRIBUTE_MAX) {
        return base_fail(err, E_SIGNER_ATTRIBUTES, "more than %d attributes", ATTRIBUTE_MAX);
    }
    for (size_t i = 0; i < found->count; i++) {
        if (bytes_equal(found->oids[i], oid)) {
            return base_fail(err, E_SIGNER_ATTRIBUTES, "an attribute stands there twice");
        }
    }
    found->oids[found->count++] = oid;
    return BASE_OK;
}

MUST_CHECK static enum base_code
note_value(
    struct found *found, struct bytes oid, const struct der_element *value, struct base_error *err)
{
    for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
        const struct rule *rule = &rules[i];
        if (!bytes_equal(oid, rule->oid)) {
            continue;
        }
        if (value->tag != rule->tag || value->content.len < rule->min_len ||
            value->content.len > rule->max_len) {
            return base_fail(err, E_SIGNER_ATTRIBUTES, "%s has tag %02x and %zu octets", rule->name,
                (unsigned)value->tag, value->content.len);
        }
        found->values[i] = value->content;
    }
    if (bytes_equal(oid, BYTES_ARRAY(signing_time))) {
        found->signing_time = value->whole;
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
read_attribute(const struct der_reader *parent, const struct der_element *attribute,
    struct found *found, struct base_error *err)
{
    struct der_reader inside;
    struct der_reader values;
    struct der_element value;
    struct bytes oid = BYTES_NONE;
    TRY(der_enter_element(parent, attribute, &inside, err));
    TRY(der_read_oid(&inside, &oid, err));
    TRY(der_enter(&inside, DER_SET, &values, err));
    TRY(der_end(&inside, err));
    TRY(der_next(&values, &value, err));
    TRY(der_end(&values, err)); /* exactly one value */
    TRY(note_type(found, oid, err));
    return note_value(found, oid, &value, err);
}

/* The SET's elements, sorted as DER wants: the octets are what a client will verify over. */
MUST_CHECK static enum base_code
read_set(struct bytes set_der, struct found *found, struct base_error *err)
{
    struct der_reader outer = der_reader_over(set_der);
    struct der_reader set;
    struct bytes last = BYTES_NONE;
    TRY(der_enter(&outer, DER_SET, &set, err));
    TRY(der_end(&outer, err));
    while (!der_at_end(&set)) {
        struct der_element attribute;
        TRY(der_expect(&set, DER_SEQUENCE, &attribute, err));
        if (bytes_compare(last, attribute.whole) >= 0) {
            return base_fail(err, E_SIGNER_ATTRIBUTES, "the SET OF is not sorted");
        }
        last = attribute.whole;
        TRY(read_attribute(&set, &attribute, found, err));
    }
    return BASE_OK;
}

/* failInfo belongs to FAILURE (2) alone, and goes from 0 to 4. */
MUST_CHECK static enum base_code
check_status(const struct found *found, struct base_error *err)
{
    uint8_t status = found->values[PKI_STATUS].ptr[0];
    struct bytes info = found->values[FAIL_INFO];
    if (status != '0' && status != '2' && status != '3') {
        return base_fail(err, E_SIGNER_ATTRIBUTES, "pkiStatus is neither 0, 2 nor 3");
    }
    if ((status == '2') != (info.len == 1)) {
        return base_fail(err, E_SIGNER_ATTRIBUTES, "failInfo and pkiStatus contradict each other");
    }
    if (info.len == 1 && (info.ptr[0] < '0' || info.ptr[0] > '4')) {
        return base_fail(err, E_SIGNER_ATTRIBUTES, "failInfo is not 0 to 4");
    }
    if (status == '0' && found->values[RECIPIENT_NONCE].len == 0) {
        return base_fail(err, E_SIGNER_ATTRIBUTES, "SUCCESS without recipientNonce");
    }
    return BASE_OK;
}

/* What both kinds have in common: a content of type data, and its digest. */
MUST_CHECK static enum base_code
check_content(const struct found *found, enum pki_digest digest, struct base_error *err)
{
    if (!bytes_equal(found->values[CONTENT_TYPE], BYTES_ARRAY(content_data))) {
        return base_fail(err, E_SIGNER_ATTRIBUTES, "contentType is not data");
    }
    if (found->values[MESSAGE_DIGEST].len != pki_digest_len(digest)) {
        return base_fail(err, E_SIGNER_ATTRIBUTES, "messageDigest has %zu octets, want %zu",
            found->values[MESSAGE_DIGEST].len, pki_digest_len(digest));
    }
    return BASE_OK;
}

enum base_code
signer_attributes_check(struct bytes set_der, enum pki_digest digest, struct base_error *err)
{
    static const enum attribute needed[] = {
        CONTENT_TYPE, MESSAGE_DIGEST, MESSAGE_TYPE, PKI_STATUS, SENDER_NONCE, TRANSACTION_ID};
    struct found found = {.count = 0};
    TRY(read_set(set_der, &found, err));
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (found.values[needed[i]].len == 0) {
            return base_fail(err, E_SIGNER_ATTRIBUTES, "%s is missing", rules[needed[i]].name);
        }
    }
    TRY(check_content(&found, digest, err));
    if (found.values[MESSAGE_TYPE].ptr[0] != '3') {
        return base_fail(err, E_SIGNER_ATTRIBUTES, "messageType is not 3 (CertRep)");
    }
    return check_status(&found, err);
}

enum base_code
signer_attributes_check_profile(
    struct bytes set_der, enum pki_digest digest, int64_t now_s, struct base_error *err)
{
    struct found found = {.count = 0};
    int64_t at_s = 0;
    TRY(read_set(set_der, &found, err));
    if (found.count != 3 || found.values[CONTENT_TYPE].len == 0 ||
        found.values[MESSAGE_DIGEST].len == 0 || found.signing_time.len == 0) {
        return base_fail(err, E_SIGNER_ATTRIBUTES,
            "a profile has contentType, messageDigest and signingTime, and nothing else");
    }
    TRY(check_content(&found, digest, err));
    struct der_reader reader = der_reader_over(found.signing_time);
    TRY(der_read_time(&reader, &at_s, err));
    if (at_s < now_s - SIGNER_BACK_MAX_S || at_s > now_s + SIGNER_BACK_MAX_S) {
        return base_fail(err, E_SIGNER_ATTRIBUTES, "signingTime is not now");
    }
    return BASE_OK;
}
