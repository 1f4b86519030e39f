/* CAs and RAs as they are made, with OpenSSL as the second reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "fixture.h"

#include "base/banned.h"

OWNER(X509, X509_free)
OWNER(X509_STORE, X509_STORE_free)
OWNER(X509_STORE_CTX, X509_STORE_CTX_free)
OWNER(EVP_PKEY, EVP_PKEY_free)
OWNER(FILE, fclose)

static X509 *
read_x509(const struct signer_certificate *certificate)
{
    const unsigned char *at = certificate->read.whole.ptr;
    X509 *read = d2i_X509(NULL, &at, (long)certificate->read.whole.len);
    assert_non_null(read);
    return read;
}

/* OpenSSL verifies the RA's chain up to the root at the fixture's time. */
static void
verify_ra(const struct signer_authority *authority)
{
    OWN(X509) ra = read_x509(&authority->ra);
    OWN(X509_STORE) store = X509_STORE_new();
    OWN(X509_STORE_CTX) context = X509_STORE_CTX_new();
    STACK_OF(X509) *between = sk_X509_new_null();
    size_t count = authority->chain_count;
    OWN(X509) root = read_x509(count > 0 ? &authority->chain[count - 1] : &authority->ca);
    assert_int_equal(X509_STORE_add_cert(store, root), 1);
    if (count > 0) {
        assert_true(sk_X509_push(between, read_x509(&authority->ca)) > 0);
    }
    for (size_t i = 0; i + 1 < count; i++) {
        assert_true(sk_X509_push(between, read_x509(&authority->chain[i])) > 0);
    }
    assert_int_equal(X509_STORE_CTX_init(context, store, ra, between), 1);
    X509_STORE_CTX_set_time(context, 0, (time_t)FIXTURE_NOW_S);
    X509_STORE_CTX_set_flags(context, X509_V_FLAG_X509_STRICT);
    if (X509_verify_cert(context) != 1) {
        fail_msg("%s", X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
    }
    sk_X509_pop_free(between, X509_free);
}

static void
new_root_is_what_openssl_expects(void **state)
{
    (void)state;
    static const char *const specs[] = {"rsa:2048", "ec:p256", "ec:p384"};
    for (size_t i = 0; i < 3; i++) {
        OWN_STRUCT(signer_authority) authority = fixture_authority(specs[i]);
        OWN(X509) ca = read_x509(&authority->ca);
        OWN(X509) ra = read_x509(&authority->ra);
        const uint32_t ca_usage = KU_DIGITAL_SIGNATURE | KU_KEY_CERT_SIGN | KU_CRL_SIGN;
        assert_int_equal(X509_get_version(ca), X509_VERSION_3);
        assert_true(X509_check_ca(ca) == 1);
        assert_int_equal(X509_get_pathlen(ca), 0);
        assert_int_equal(X509_get_key_usage(ca), ca_usage);
        assert_int_equal(X509_get_key_usage(ra), KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
        assert_int_equal(X509_check_ca(ra), 0);
        assert_non_null(X509_get0_subject_key_id(ca));
        assert_int_equal(
            ASN1_OCTET_STRING_cmp(X509_get0_subject_key_id(ca), X509_get0_authority_key_id(ra)), 0);
        verify_ra(authority);
    }
}

static void
ra_has_the_usage_that_windows_looks_for(void **state)
{
    (void)state;
    OWN_STRUCT(signer_authority) authority = fixture_authority("ec:p256");
    OWN(X509) ra = read_x509(&authority->ra);
    EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(ra, NID_ext_key_usage, NULL, NULL);
    assert_non_null(usages);
    assert_int_equal(sk_ASN1_OBJECT_num(usages), 1);
    char text[64] = "";
    (void)OBJ_obj2txt(text, sizeof(text), sk_ASN1_OBJECT_value(usages, 0), 1);
    assert_string_equal(text, "1.3.6.1.4.1.311.20.2.1");
    sk_ASN1_OBJECT_pop_free(usages, ASN1_OBJECT_free);
    assert_int_equal(pki_private_key_type(authority->ra_key), PKI_KEY_RSA);
    assert_int_equal(pki_private_key_bits(authority->ra_key), 2048);
}

static void
times_are_back_dated_and_the_ra_ends_with_its_ca(void **state)
{
    (void)state;
    OWN_STRUCT(signer_authority) authority = fixture_authority("ec:p256");
    const struct pki_certificate *ca = &authority->ca.read;
    const struct pki_certificate *ra = &authority->ra.read;
    assert_int_equal(ca->not_before_s, FIXTURE_NOW_S - FIXTURE_DAY_S);
    assert_int_equal(ca->not_after_s, FIXTURE_NOW_S + 3650 * FIXTURE_DAY_S);
    assert_int_equal(ra->not_before_s, ca->not_before_s);
    assert_int_equal(ra->not_after_s, ca->not_after_s);
    assert_int_equal(ca->serial.len, SIGNER_SERIAL_LEN);
    assert_int_equal(ra->serial.len, SIGNER_SERIAL_LEN);
    assert_false(bytes_equal(ca->serial, ra->serial));
}

static enum base_code
create(const char *key_spec, const char *subject, int64_t valid_s, const char *name)
{
    int64_t now_s = FIXTURE_NOW_S;
    const struct signer_maker maker = fixture_maker(&now_s);
    const struct ipc_create_ca order = {.ca = bytes_from_text(name),
        .key_spec = bytes_from_text(key_spec),
        .subject = bytes_from_text(subject),
        .valid_s = valid_s};
    struct signer_authority *authority = NULL;
    struct base_error err = {0};
    enum base_code code = signer_authority_create(&maker, &order, &authority, &err);
    signer_authority_free(authority);
    return code;
}

static void
odd_orders_are_refused(void **state)
{
    (void)state;
    assert_int_equal(create("ec:p256", "CN=a", FIXTURE_DAY_S, "default"), BASE_OK);
    assert_int_equal(create("ec:p256", "CN=a", FIXTURE_DAY_S - 1, "default"), E_CA_UNSUITABLE);
    assert_int_equal(create("ec:p256", "CN=a", SIGNER_VALID_MAX_S + 1, "default"), E_CA_UNSUITABLE);
    assert_int_equal(create("ec:p256", "", FIXTURE_DAY_S, "default"), E_CA_UNSUITABLE);
    assert_int_equal(create("ec:p256", "CN", FIXTURE_DAY_S, "default"), E_NAME_FORMAT);
    assert_int_equal(create("rsa:1024", "CN=a", FIXTURE_DAY_S, "default"), E_KEY_TYPE);
    assert_int_equal(create("ec:p256", "CN=a", FIXTURE_DAY_S, "../x"), E_SIGNER_PROFILE);
}

static void
files_are_saved_read_by_openssl_and_loaded_again(void **state)
{
    const struct fixture_place *place = *state;
    OWN_STRUCT(signer_authority) authority = fixture_authority("rsa:2048");
    OWN_STRUCT(signer_authority) again = NULL;
    struct base_error err = {0};
    static const char *const names[] = {
        "ca-default.key", "ca-default.crt", "ra-default.key", "ra-default.crt"};
    assert_int_equal(
        signer_authority_save(place->fd, authority, "ca-default.key", BYTES_NONE, &err), BASE_OK);
    for (size_t i = 0; i < 4; i++) {
        struct stat about;
        char path[160];
        assert_int_equal(fstatat(place->fd, names[i], &about, 0), 0);
        assert_int_equal(about.st_mode & 0777, 0600);
        (void)snprintf(path, sizeof(path), "%s/%s", place->path, names[i]);
        OWN(FILE) file = fopen(path, "r");
        assert_non_null(file);
        if (i % 2 == 0) {
            OWN(EVP_PKEY) key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
            assert_non_null(key);
        } else {
            OWN(X509) certificate = PEM_read_X509(file, NULL, NULL, NULL);
            assert_non_null(certificate);
        }
    }
    assert_false(signer_file_exists(place->fd, "chain-default.crt"));
    assert_int_equal(signer_authority_load(place->fd, BYTES_LITERAL("default"), "ca-default.key",
                         BYTES_NONE, &again, &err),
        BASE_OK);
    assert_true(bytes_equal(again->ca.read.whole, authority->ca.read.whole));
    assert_true(bytes_equal(again->ra.read.whole, authority->ra.read.whole));
}

static enum base_code
load(const struct fixture_place *place, const char *passphrase)
{
    struct signer_authority *authority = NULL;
    struct base_error err = {0};
    enum base_code code = signer_authority_load(place->fd, BYTES_LITERAL("default"),
        "ca-default.key", bytes_from_text(passphrase), &authority, &err);
    signer_authority_free(authority);
    return code;
}

static void
save(const struct fixture_place *place, const char *passphrase)
{
    OWN_STRUCT(signer_authority) authority = fixture_authority("ec:p256");
    struct base_error err = {0};
    assert_int_equal(signer_authority_save(
                         place->fd, authority, "ca-default.key", bytes_from_text(passphrase), &err),
        BASE_OK);
}

static void
encrypted_keys_need_their_passphrase(void **state)
{
    const struct fixture_place *place = *state;
    save(place, "correct horse");
    assert_int_equal(load(place, "correct horse"), BASE_OK);
    assert_int_equal(load(place, "wrong"), E_KEY_PASSPHRASE);
    assert_int_equal(load(place, ""), E_KEY_PASSPHRASE);
}

static void
ca_exists_when_its_last_file_does(void **state)
{
    const struct fixture_place *place = *state;
    assert_int_equal(load(place, ""), E_CA_MISSING);
    save(place, "");
    assert_int_equal(unlinkat(place->fd, "ca-default.crt", 0), 0);
    assert_int_equal(load(place, ""), E_CA_MISSING);
    save(place, ""); /* over what an interrupted attempt left */
    assert_int_equal(load(place, ""), BASE_OK);
    assert_int_equal(unlinkat(place->fd, "ra-default.key", 0), 0);
    assert_int_equal(load(place, ""), E_SIGNER_KEY_FILE);
}

static void
open_or_mixed_files_are_refused(void **state)
{
    const struct fixture_place *place = *state;
    save(place, "");
    assert_int_equal(fchmodat(place->fd, "ra-default.key", 0644, 0), 0);
    assert_int_equal(load(place, ""), E_SIGNER_KEY_FILE);
    assert_int_equal(fchmodat(place->fd, "ra-default.key", 0600, 0), 0);
    assert_int_equal(load(place, ""), BASE_OK);
    /* The key of the one CA with the certificate of another. */
    assert_int_equal(renameat(place->fd, "ca-default.key", place->fd, "old.key"), 0);
    assert_int_equal(renameat(place->fd, "ra-default.crt", place->fd, "old.crt"), 0);
    save(place, "");
    assert_int_equal(renameat(place->fd, "ca-default.key", place->fd, "new.key"), 0);
    assert_int_equal(renameat(place->fd, "old.key", place->fd, "ca-default.key"), 0);
    assert_int_equal(load(place, ""), E_CA_UNSUITABLE);
    assert_int_equal(renameat(place->fd, "new.key", place->fd, "ca-default.key"), 0);
    assert_int_equal(load(place, ""), BASE_OK);
    assert_int_equal(renameat(place->fd, "old.crt", place->fd, "ra-default.crt"), 0);
    assert_int_equal(load(place, ""), E_CA_UNSUITABLE);
}

/* A hierarchy above one's own CA, built here: root, intermediate, issuing. */
struct level {
    struct pki_private_key *key;
    struct buffer name;
    struct buffer der;
    struct buffer pem;
    struct pki_certificate read;
};

struct shape {
    uint8_t key_usage;
    bool is_ca;
    int path_len;
    int64_t not_before_s;
    int64_t not_after_s;
};

static const struct shape good_shape = {PKI_KEY_CERT_SIGN | PKI_CRL_SIGN, true, -1,
    FIXTURE_NOW_S - 100 * FIXTURE_DAY_S, FIXTURE_NOW_S + 100 * FIXTURE_DAY_S};

static void
make_level(struct level *level, const struct level *issuer, const char *name, const char *key_spec,
    const struct shape *shape)
{
    static uint8_t serial[] = {0x11, 0x22};
    struct base_error err = {0};
    BUFFER_LOCAL(body, 32768);
    memset(level, 0, sizeof(*level));
    buffer_init(&level->name, 4096);
    buffer_init(&level->der, 32768);
    buffer_init(&level->pem, 65536);
    level->key = fixture_key(key_spec);
    assert_int_equal(pki_name_from_text(bytes_from_text(name), &level->name, &err), BASE_OK);
    const struct level *by = issuer == NULL ? level : issuer;
    serial[1]++;
    const struct pki_body_spec spec = {.serial = BYTES_ARRAY(serial),
        .signature = pki_private_key_signature(by->key),
        .digest = PKI_SHA256,
        .issuer_der = buffer_bytes(&by->name),
        .not_before_s = shape->not_before_s,
        .not_after_s = shape->not_after_s,
        .subject_der = buffer_bytes(&level->name),
        .spki_der = pki_private_key_peek_spki(level->key),
        .is_ca = shape->is_ca,
        .path_len = shape->path_len,
        .key_usage = shape->key_usage,
        .authority_key_id = issuer == NULL ? BYTES_NONE : issuer->read.subject_key_id};
    assert_int_equal(pki_body_build(&spec, &body, &err), BASE_OK);
    assert_int_equal(
        pki_certificate_sign(by->key, PKI_SHA256, buffer_bytes(&body), &level->der, &err), BASE_OK);
    assert_int_equal(pki_certificate_read(buffer_bytes(&level->der), &level->read, &err), BASE_OK);
    assert_int_equal(
        pki_der_to_pem(buffer_bytes(&level->der), "CERTIFICATE", &level->pem, &err), BASE_OK);
}

static void
clear_level(struct level *level)
{
    pki_private_key_free(level->key);
    buffer_clear(&level->name);
    buffer_clear(&level->der);
    buffer_clear(&level->pem);
}

static enum base_code
import(struct bytes certificate, const struct pki_private_key *key, struct bytes chain,
    const char *passphrase, struct signer_authority **out)
{
    int64_t now_s = FIXTURE_NOW_S;
    const struct signer_maker maker = fixture_maker(&now_s);
    struct base_error err = {0};
    BUFFER_LOCAL(pem, 16384);
    assert_int_equal(pki_private_key_store(key, bytes_from_text(passphrase), &pem, &err), BASE_OK);
    const struct ipc_import_ca order = {.ca = BYTES_LITERAL("default"),
        .certificate = certificate,
        .key = buffer_bytes(&pem),
        .chain = chain};
    *out = NULL;
    return signer_authority_import(&maker, &order, bytes_from_text(passphrase), out, &err);
}

static void
issuing_ca_under_a_root_is_taken_over(void **state)
{
    const struct fixture_place *place = *state;
    struct level root;
    struct level between;
    struct level issuing;
    struct base_error err = {0};
    BUFFER_LOCAL(chain, 65536);
    make_level(&root, NULL, "CN=Root", "ec:p384", &good_shape);
    make_level(&between, &root, "CN=Between", "ec:p256", &good_shape);
    make_level(&issuing, &between, "CN=Issuing,O=Example", "rsa:2048", &good_shape);
    /* In the wrong order, with the CA itself among them. */
    assert_int_equal(buffer_append(&chain, buffer_bytes(&root.pem), &err), BASE_OK);
    assert_int_equal(buffer_append(&chain, buffer_bytes(&issuing.pem), &err), BASE_OK);
    assert_int_equal(buffer_append(&chain, buffer_bytes(&between.pem), &err), BASE_OK);
    struct signer_authority *authority = NULL;
    assert_int_equal(
        import(buffer_bytes(&issuing.pem), issuing.key, buffer_bytes(&chain), "pass", &authority),
        BASE_OK);
    assert_int_equal(authority->chain_count, 2);
    assert_true(bytes_equal(authority->chain[0].read.whole, buffer_bytes(&between.der)));
    assert_true(bytes_equal(authority->chain[1].read.whole, buffer_bytes(&root.der)));
    verify_ra(authority);
    assert_int_equal(
        signer_authority_save(place->fd, authority, "ca-default.key", BYTES_LITERAL("pass"), &err),
        BASE_OK);
    assert_int_equal(load(place, "pass"), BASE_OK);
    signer_authority_free(authority);
    /* DER instead of PEM. */
    assert_int_equal(
        import(buffer_bytes(&issuing.der), issuing.key, buffer_bytes(&chain), "", &authority),
        BASE_OK);
    signer_authority_free(authority);
    /* A certificate of the chain is missing. */
    assert_int_equal(
        import(buffer_bytes(&issuing.pem), issuing.key, buffer_bytes(&root.pem), "", &authority),
        E_CA_UNSUITABLE);
    assert_int_equal(import(buffer_bytes(&issuing.pem), issuing.key, BYTES_NONE, "", &authority),
        E_CA_UNSUITABLE);
    clear_level(&root);
    clear_level(&between);
    clear_level(&issuing);
}

static void
self_signed_ca_needs_no_chain(void **state)
{
    (void)state;
    struct level root;
    struct signer_authority *authority = NULL;
    make_level(&root, NULL, "CN=Root", "ec:p256", &good_shape);
    assert_int_equal(
        import(buffer_bytes(&root.pem), root.key, BYTES_NONE, "", &authority), BASE_OK);
    verify_ra(authority);
    signer_authority_free(authority);
    clear_level(&root);
}

static void
expect_unsuitable(const struct shape *shape, const char *key_spec)
{
    struct level root;
    struct signer_authority *authority = NULL;
    make_level(&root, NULL, "CN=Root", key_spec, shape);
    assert_int_equal(
        import(buffer_bytes(&root.pem), root.key, BYTES_NONE, "", &authority), E_CA_UNSUITABLE);
    clear_level(&root);
}

static void
unsuitable_cas_are_refused(void **state)
{
    (void)state;
    struct shape shape = good_shape;
    shape.is_ca = false;
    expect_unsuitable(&shape, "ec:p256");
    shape = good_shape;
    shape.key_usage = PKI_KEY_CERT_SIGN;
    expect_unsuitable(&shape, "ec:p256");
    shape.key_usage = PKI_CRL_SIGN;
    expect_unsuitable(&shape, "ec:p256");
    shape.key_usage = 0;
    expect_unsuitable(&shape, "ec:p256");
    shape = good_shape;
    shape.not_after_s = FIXTURE_NOW_S;
    expect_unsuitable(&shape, "ec:p256");
    shape = good_shape;
    shape.not_before_s = FIXTURE_NOW_S + 1;
    expect_unsuitable(&shape, "ec:p256");
}

static void
foreign_key_is_refused(void **state)
{
    (void)state;
    struct level root;
    struct signer_authority *authority = NULL;
    OWN_STRUCT(pki_private_key) other = fixture_key("ec:p256");
    make_level(&root, NULL, "CN=Root", "ec:p256", &good_shape);
    assert_int_equal(
        import(buffer_bytes(&root.pem), other, BYTES_NONE, "", &authority), E_CA_UNSUITABLE);
    clear_level(&root);
}

static void
path_length_of_the_root_is_kept(void **state)
{
    (void)state;
    struct level root;
    struct level issuing;
    struct signer_authority *authority = NULL;
    struct shape shape = good_shape;
    shape.path_len = 0;
    make_level(&root, NULL, "CN=Root", "ec:p256", &shape);
    make_level(&issuing, &root, "CN=Issuing", "ec:p256", &good_shape);
    assert_int_equal(
        import(buffer_bytes(&issuing.pem), issuing.key, buffer_bytes(&root.pem), "", &authority),
        E_CA_UNSUITABLE);
    clear_level(&root);
    clear_level(&issuing);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make_place, fixture_remove_place)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_root_is_what_openssl_expects),
        cmocka_unit_test(ra_has_the_usage_that_windows_looks_for),
        cmocka_unit_test(times_are_back_dated_and_the_ra_ends_with_its_ca),
        cmocka_unit_test(odd_orders_are_refused),
        TEST(files_are_saved_read_by_openssl_and_loaded_again),
        TEST(encrypted_keys_need_their_passphrase),
        TEST(ca_exists_when_its_last_file_does),
        TEST(open_or_mixed_files_are_refused),
        TEST(issuing_ca_under_a_root_is_taken_over),
        cmocka_unit_test(self_signed_ca_needs_no_chain),
        cmocka_unit_test(unsuitable_cas_are_refused),
        cmocka_unit_test(foreign_key_is_refused),
        cmocka_unit_test(path_length_of_the_root_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
