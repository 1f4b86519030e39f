#include "signer/authority.h"

#include <stdio.h>
#include <string.h>

#include "pki/name.h"

#include "base/banned.h"

/* Content octets: Certificate Request Agent 1.3.6.1.4.1.311.20.2.1, id-kp-serverAuth. */
static const uint8_t eku_request_agent[] = {
    0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x01};
static const uint8_t eku_server_auth[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};

#define RSA_BITS_MIN 2048U
#define RSA_BITS_MAX 8192U /* IPC_SIGNATURE_MAX octets */

static void
certificate_clear(struct signer_certificate *certificate)
{
    pki_public_key_free(certificate->key);
    free(certificate->der);
    memset(certificate, 0, sizeof(*certificate));
}

enum base_code
signer_certificate_set(struct signer_certificate *out, struct bytes der, struct base_error *err)
{
    certificate_clear(out);
    if (der.len > IPC_CERTIFICATE_MAX) {
        return base_fail(err, E_TOO_LARGE, "a certificate of %zu octets", der.len);
    }
    OWN_MEMORY uint8_t *copy = bytes_copy(der);
    OWN_STRUCT(pki_public_key) key = NULL;
    struct pki_certificate read;
    if (copy == NULL) {
        return base_fail(err, E_NO_MEMORY, "certificate");
    }
    TRY(pki_certificate_read((struct bytes){copy, der.len}, &read, err));
    TRY(pki_public_key_read(read.spki, &key, err));
    out->read = read;
    out->der = MOVE(copy);
    out->key = MOVE(key);
    return BASE_OK;
}

enum base_code
signer_authority_new(struct bytes name, struct signer_authority **out, struct base_error *err)
{
    if (!signer_name_is_valid(name) || name.len > IPC_NAME_MAX) {
        return base_fail(err, E_SIGNER_PROFILE, "a CA's name has a-z, 0-9 and '-' only");
    }
    OWN_STRUCT(signer_authority) authority = calloc(1, sizeof(*authority));
    if (authority == NULL) {
        return base_fail(err, E_NO_MEMORY, "CA");
    }
    memcpy(authority->name, name.ptr, name.len);
    TRY(journal_ca_id(name, authority->id, err));
    *out = MOVE(authority);
    return BASE_OK;
}

void
signer_authority_free(struct signer_authority *authority)
{
    if (authority == NULL) {
        return;
    }
    pki_private_key_free(authority->key);
    pki_private_key_free(authority->ra_key);
    certificate_clear(&authority->ca);
    certificate_clear(&authority->ra);
    for (size_t i = 0; i < SIGNER_CHAIN_MAX; i++) {
        certificate_clear(&authority->chain[i]);
    }
    free(authority);
}

/* Is this RSA of a size that we take, or P-256 or P-384? */
MUST_CHECK static enum base_code
check_key(enum pki_key_type type, unsigned bits, const char *whose, struct base_error *err)
{
    bool is_rsa = type == PKI_KEY_RSA && bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
    if (!is_rsa && type != PKI_KEY_EC_P256 && type != PKI_KEY_EC_P384) {
        return base_fail(err, E_CA_UNSUITABLE,
            "the key of the %s has %u bits; RSA of %u to %u bits, P-256 and P-384 are taken", whose,
            bits, RSA_BITS_MIN, RSA_BITS_MAX);
    }
    return BASE_OK;
}

enum base_code
signer_authority_set_key(
    struct signer_authority *authority, struct pki_private_key *take_key, struct base_error *err)
{
    pki_private_key_free(authority->key);
    authority->key = take_key;
    enum pki_key_type type = pki_private_key_type(take_key);
    TRY(check_key(type, pki_private_key_bits(take_key), "CA", err));
    authority->signature = pki_private_key_signature(take_key);
    authority->digest = type == PKI_KEY_EC_P384 ? PKI_SHA384 : PKI_SHA256;
    BUFFER_LOCAL(der, sizeof(authority->algorithm_der));
    struct der_writer writer;
    der_writer_init(&writer, &der);
    pki_write_signature_algorithm(&writer, authority->signature, authority->digest);
    TRY(der_writer_finish(&writer, err));
    memcpy(authority->algorithm_der, der.ptr, der.len);
    authority->algorithm_len = der.len;
    return BASE_OK;
}

static bool
is_same_key(const struct pki_public_key *a, const struct pki_public_key *b)
{
    if (pki_public_key_type(a) != pki_public_key_type(b)) {
        return false;
    }
    if (pki_public_key_type(a) == PKI_KEY_RSA) {
        /* Whatever the exponent: the same modulus is the same secret. */
        return bytes_equal(pki_public_key_peek_modulus(a), pki_public_key_peek_modulus(b));
    }
    return bytes_equal(pki_public_key_peek_spki(a), pki_public_key_peek_spki(b));
}

enum base_code
signer_certificate_check_key(const struct signer_certificate *certificate,
    const struct pki_private_key *key, const char *whose, struct base_error *err)
{
    OWN_STRUCT(pki_public_key) public_key = NULL;
    TRY(pki_public_key_read(pki_private_key_peek_spki(key), &public_key, err));
    if (!is_same_key(public_key, certificate->key)) {
        return base_fail(err, E_CA_UNSUITABLE,
            "the key and the certificate of the %s do not belong together", whose);
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
check_is_ca(const struct pki_certificate *certificate, const char *whose, struct base_error *err)
{
    const unsigned wanted = PKI_KEY_CERT_SIGN | PKI_CRL_SIGN;
    if (!certificate->has_basic_constraints || !certificate->is_ca) {
        return base_fail(
            err, E_CA_UNSUITABLE, "the %s's certificate has no basicConstraints CA:TRUE", whose);
    }
    if (!certificate->has_key_usage || (certificate->key_usage & wanted) != wanted) {
        return base_fail(err, E_CA_UNSUITABLE,
            "the %s's certificate lacks the key usage keyCertSign or cRLSign", whose);
    }
    if (certificate->has_unknown_critical) {
        return base_fail(err, E_CA_UNSUITABLE,
            "the %s's certificate has a critical extension that Kurier does not know", whose);
    }
    return BASE_OK;
}

/* Each certificate issued by the next, the last by itself; path lengths kept. */
MUST_CHECK static enum base_code
check_chain(const struct signer_authority *authority, struct base_error *err)
{
    const struct signer_certificate *below = &authority->ca;
    struct base_error why = {0};
    for (size_t i = 0; i < authority->chain_count; i++) {
        const struct signer_certificate *above = &authority->chain[i];
        TRY(check_key(pki_public_key_type(above->key), pki_public_key_bits(above->key),
            "certificate above the CA", err));
        if (pki_certificate_check_issuer(&below->read, &above->read, &why) != BASE_OK) {
            return base_fail(
                err, E_CA_UNSUITABLE, "certificate %zu above the CA: %.180s", i + 1, why.detail);
        }
        if (above->read.path_len >= 0 && (size_t)above->read.path_len < i + 1) {
            return base_fail(err, E_CA_UNSUITABLE,
                "certificate %zu above the CA allows a path length of %d only", i + 1,
                above->read.path_len);
        }
        below = above;
    }
    if (pki_certificate_check_issuer(&below->read, &below->read, &why) != BASE_OK) {
        return base_fail(err, E_CA_UNSUITABLE,
            "the chain does not end in a self-signed root: %.180s", why.detail);
    }
    return BASE_OK;
}

static bool
has_eku(struct bytes ekus, struct bytes wanted)
{
    struct der_reader reader = der_reader_over(ekus);
    struct bytes oid = BYTES_NONE;
    struct base_error ignored = {0};
    while (!der_at_end(&reader) && der_read_oid(&reader, &oid, &ignored) == BASE_OK) {
        if (bytes_equal(oid, wanted)) {
            return true;
        }
    }
    return false;
}

/* RFC 8894, section 2.1.2; Windows also wants an extended key usage, one of these two. */
MUST_CHECK static enum base_code
check_ra(const struct signer_authority *authority, struct base_error *err)
{
    const unsigned wanted = PKI_DIGITAL_SIGNATURE | PKI_KEY_ENCIPHERMENT;
    const struct pki_certificate *ra = &authority->ra.read;
    struct base_error why = {0};
    if (pki_private_key_type(authority->ra_key) != PKI_KEY_RSA ||
        pki_private_key_bits(authority->ra_key) < RSA_BITS_MIN ||
        pki_private_key_bits(authority->ra_key) > RSA_BITS_MAX) {
        return base_fail(err, E_CA_UNSUITABLE, "the RA's key is not RSA of %u to %u bits",
            RSA_BITS_MIN, RSA_BITS_MAX);
    }
    TRY(signer_certificate_check_key(&authority->ra, authority->ra_key, "RA", err));
    if (pki_certificate_check_issuer(ra, &authority->ca.read, &why) != BASE_OK) {
        return base_fail(
            err, E_CA_UNSUITABLE, "the RA is not issued by the CA: %.180s", why.detail);
    }
    if (!ra->has_key_usage || (ra->key_usage & wanted) != wanted || ra->is_ca) {
        return base_fail(err, E_CA_UNSUITABLE,
            "the RA's certificate lacks digitalSignature or keyEncipherment, or is a CA's");
    }
    if (!has_eku(ra->ekus, BYTES_ARRAY(eku_request_agent)) &&
        !has_eku(ra->ekus, BYTES_ARRAY(eku_server_auth))) {
        return base_fail(err, E_CA_UNSUITABLE,
            "the RA's certificate has neither the usage Certificate Request Agent nor serverAuth");
    }
    return BASE_OK;
}

enum base_code
signer_authority_check(const struct signer_authority *authority, struct base_error *err)
{
    TRY(signer_certificate_check_key(&authority->ca, authority->key, "CA", err));
    TRY(check_is_ca(&authority->ca.read, "CA", err));
    if (pki_name_is_empty(authority->ca.read.subject)) {
        return base_fail(err, E_CA_UNSUITABLE, "the CA's certificate has no name");
    }
    TRY(check_chain(authority, err));
    return check_ra(authority, err);
}

/* Names of the files of @authority's name. */
struct file_names {
    char ca_crt[SIGNER_FILE_NAME_MAX];
    char chain[SIGNER_FILE_NAME_MAX];
    char ra_key[SIGNER_FILE_NAME_MAX];
    char ra_crt[SIGNER_FILE_NAME_MAX];
};

static struct file_names
name_files(const char *name)
{
    struct file_names names;
    (void)snprintf(names.ca_crt, sizeof(names.ca_crt), "ca-%s.crt", name);
    (void)snprintf(names.chain, sizeof(names.chain), "chain-%s.crt", name);
    (void)snprintf(names.ra_key, sizeof(names.ra_key), "ra-%s.key", name);
    (void)snprintf(names.ra_crt, sizeof(names.ra_crt), "ra-%s.crt", name);
    return names;
}

MUST_CHECK static enum base_code
load_key(int folder_fd, const char *file, struct bytes passphrase, struct pki_private_key **out,
    struct base_error *err)
{
    BUFFER_LOCAL(text, SIGNER_FILE_MAX);
    TRY(signer_file_read(folder_fd, file, true, &text, err));
    if (pki_private_key_load(buffer_bytes(&text), passphrase, out, err) != BASE_OK) {
        return base_error_add(err, "%s", file);
    }
    return BASE_OK;
}

/* Certificates of a file, at most @max of them. */
MUST_CHECK static enum base_code
load_certificates(int folder_fd, const char *file, struct signer_certificate *out, size_t max,
    size_t *out_count, struct base_error *err)
{
    BUFFER_LOCAL(text, SIGNER_FILE_MAX);
    BUFFER_LOCAL(ders, SIGNER_FILE_MAX);
    TRY(signer_file_read(folder_fd, file, false, &text, err));
    TRY(pki_pem_to_ders(buffer_bytes(&text), &ders, err));
    struct der_reader reader = der_reader_over(buffer_bytes(&ders));
    size_t count = 0;
    while (!der_at_end(&reader)) {
        struct der_element element;
        TRY(der_expect(&reader, DER_SEQUENCE, &element, err));
        if (count == max) {
            return base_fail(err, E_CA_UNSUITABLE, "%s has more than %zu certificates", file, max);
        }
        if (signer_certificate_set(&out[count], element.whole, err) != BASE_OK) {
            return base_error_add(err, "%s", file);
        }
        count++;
    }
    if (count == 0) {
        return base_fail(err, E_CA_UNSUITABLE, "%s has no certificate", file);
    }
    *out_count = count;
    return BASE_OK;
}

enum base_code
signer_authority_load(int folder_fd, struct bytes name, const char *key_file,
    struct bytes passphrase, struct signer_authority **out, struct base_error *err)
{
    OWN_STRUCT(signer_authority) authority = NULL;
    struct pki_private_key *key = NULL;
    size_t one = 0;
    TRY(signer_authority_new(name, &authority, err));
    struct file_names files = name_files(authority->name);
    if (!signer_file_exists(folder_fd, files.ca_crt)) {
        return base_fail(err, E_CA_MISSING, "there is no %s in the signer's folder", files.ca_crt);
    }
    TRY(load_certificates(folder_fd, files.ca_crt, &authority->ca, 1, &one, err));
    if (signer_file_exists(folder_fd, files.chain)) {
        TRY(load_certificates(folder_fd, files.chain, authority->chain, SIGNER_CHAIN_MAX,
            &authority->chain_count, err));
    }
    TRY(load_certificates(folder_fd, files.ra_crt, &authority->ra, 1, &one, err));
    TRY(load_key(folder_fd, files.ra_key, passphrase, &authority->ra_key, err));
    TRY(load_key(folder_fd, key_file, passphrase, &key, err));
    TRY(signer_authority_set_key(authority, MOVE(key), err));
    TRY(signer_authority_check(authority, err));
    *out = MOVE(authority);
    return BASE_OK;
}

MUST_CHECK static enum base_code
save_key(int folder_fd, const char *file, const struct pki_private_key *key,
    struct bytes passphrase, struct base_error *err)
{
    BUFFER_LOCAL(pem, SIGNER_FILE_MAX);
    TRY(pki_private_key_store(key, passphrase, &pem, err));
    return signer_file_write(folder_fd, file, buffer_bytes(&pem), err);
}

MUST_CHECK static enum base_code
save_certificates(int folder_fd, const char *file, const struct signer_certificate *certificates,
    size_t count, struct base_error *err)
{
    BUFFER_LOCAL(pem, SIGNER_FILE_MAX);
    for (size_t i = 0; i < count; i++) {
        TRY(pki_der_to_pem(certificates[i].read.whole, "CERTIFICATE", &pem, err));
    }
    return signer_file_write(folder_fd, file, buffer_bytes(&pem), err);
}

enum base_code
signer_authority_save(int folder_fd, const struct signer_authority *authority, const char *key_file,
    struct bytes passphrase, struct base_error *err)
{
    struct file_names files = name_files(authority->name);
    TRY(save_key(folder_fd, files.ra_key, authority->ra_key, passphrase, err));
    TRY(save_certificates(folder_fd, files.ra_crt, &authority->ra, 1, err));
    if (authority->chain_count > 0) {
        TRY(save_certificates(
            folder_fd, files.chain, authority->chain, authority->chain_count, err));
    } else {
        TRY(signer_file_remove(folder_fd, files.chain, err));
    }
    TRY(save_key(folder_fd, key_file, authority->key, passphrase, err));
    return save_certificates(folder_fd, files.ca_crt, &authority->ca, 1, err);
}

bool
signer_authority_owns_key(
    const struct signer_authority *authority, const struct pki_public_key *key)
{
    bool is_own = is_same_key(key, authority->ca.key) || is_same_key(key, authority->ra.key);
    for (size_t i = 0; i < authority->chain_count; i++) {
        is_own = is_own || is_same_key(key, authority->chain[i].key);
    }
    return is_own;
}

bool
signer_authority_owns_name(const struct signer_authority *authority, struct bytes name_der)
{
    bool is_own = pki_name_equal(name_der, authority->ca.read.subject) ||
                  pki_name_equal(name_der, authority->ra.read.subject);
    for (size_t i = 0; i < authority->chain_count; i++) {
        is_own = is_own || pki_name_equal(name_der, authority->chain[i].read.subject);
    }
    return is_own;
}
