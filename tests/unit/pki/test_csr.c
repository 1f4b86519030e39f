/* Requests put together by hand around one good one: each with one thing that does not belong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "der/writer.h"
#include "pki/csr.h"
#include "pki/name.h"

#include "fixture.h"

#include "base/banned.h"

#define CHALLENGE "1.2.840.113549.1.9.7"
#define EXTENSION_REQUEST "1.2.840.113549.1.9.14"
#define SAN "2.5.29.17"
#define SID "1.3.6.1.4.1.311.25.2"

/* A request whose attributes @write writes; the signature is 256 octets of anything. */
static enum base_code
read_with(void (*write)(struct der_writer *writer), struct pki_csr *out, struct buffer *der)
{
    static const uint8_t signature[256] = {1};
    struct der_writer writer;
    BUFFER_LOCAL(name, 256);
    assert_int_equal(pki_name_from_text(BYTES_LITERAL("CN=a"), &name, NULL), BASE_OK);
    der_writer_init(&writer, der);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_begin(&writer, DER_SEQUENCE);
    der_write_uint(&writer, 0);
    der_write_raw(&writer, buffer_bytes(&name));
    der_write_raw(&writer, pki_private_key_peek_spki(key));
    if (write != NULL) {
        der_write_begin(&writer, DER_CONTEXT_CONSTRUCTED(0));
        write(&writer);
        der_write_end(&writer);
    }
    der_write_end(&writer);
    pki_write_signature_algorithm(&writer, PKI_RSA_PKCS1, PKI_SHA256);
    der_write_bit_octets(&writer, BYTES_ARRAY(signature));
    der_write_end(&writer);
    assert_int_equal(der_writer_finish(&writer, NULL), BASE_OK);
    return pki_csr_read(buffer_bytes(der), out, NULL);
}

static void
write_attribute(struct der_writer *writer, const char *oid, unsigned tag, struct bytes value)
{
    der_write_begin(writer, DER_SEQUENCE);
    der_write_oid_text(writer, oid);
    der_write_begin(writer, DER_SET);
    der_write(writer, (uint8_t)tag, value);
    der_write_end(writer);
    der_write_end(writer);
}

static void
write_extension(struct der_writer *writer, const char *oid, bool is_critical)
{
    der_write_begin(writer, DER_SEQUENCE);
    der_write_oid_text(writer, oid);
    if (is_critical) {
        der_write(writer, DER_BOOLEAN, BYTES_LITERAL("\xff"));
    }
    der_write(writer, DER_OCTET_STRING, BYTES_LITERAL("\x30\x03\x82\x01\x61"));
    der_write_end(writer);
}

static void
begin_extensions(struct der_writer *writer)
{
    der_write_begin(writer, DER_SEQUENCE);
    der_write_oid_text(writer, EXTENSION_REQUEST);
    der_write_begin(writer, DER_SET);
    der_write_begin(writer, DER_SEQUENCE);
}

static void
end_extensions(struct der_writer *writer)
{
    der_write_end(writer);
    der_write_end(writer);
    der_write_end(writer);
}

static void
one_of_each(struct der_writer *writer)
{
    write_attribute(writer, CHALLENGE, DER_BMP_STRING, BYTES_LITERAL("\0p\0w"));
    write_attribute(writer, "1.2.3.4", DER_UTF8_STRING, BYTES_LITERAL("unknown"));
    begin_extensions(writer);
    write_extension(writer, SAN, true);
    write_extension(writer, SID, false);
    write_extension(writer, "1.2.3.5", false);
    end_extensions(writer);
}

static void
two_challenges(struct der_writer *writer)
{
    write_attribute(writer, CHALLENGE, DER_PRINTABLE_STRING, BYTES_NONE);
    write_attribute(writer, CHALLENGE, DER_PRINTABLE_STRING, BYTES_LITERAL("a"));
}

static void
challenge_that_is_no_text(struct der_writer *writer)
{
    write_attribute(writer, CHALLENGE, DER_OCTET_STRING, BYTES_LITERAL("a"));
}

static void
challenge_of_half_characters(struct der_writer *writer)
{
    write_attribute(writer, CHALLENGE, DER_BMP_STRING, BYTES_LITERAL("\0a\0"));
}

static void
long_challenge(struct der_writer *writer)
{
    static uint8_t octets[PKI_CHALLENGE_MAX + 1];
    memset(octets, 'a', sizeof(octets));
    write_attribute(writer, CHALLENGE, DER_PRINTABLE_STRING, BYTES_ARRAY(octets));
}

static void
longest_challenge(struct der_writer *writer)
{
    static uint8_t octets[PKI_CHALLENGE_MAX];
    memset(octets, 'a', sizeof(octets));
    write_attribute(writer, CHALLENGE, DER_PRINTABLE_STRING, BYTES_ARRAY(octets));
}

static void
two_sans(struct der_writer *writer)
{
    begin_extensions(writer);
    write_extension(writer, SAN, false);
    write_extension(writer, SAN, false);
    end_extensions(writer);
}

static void
two_sids(struct der_writer *writer)
{
    begin_extensions(writer);
    write_extension(writer, SID, false);
    write_extension(writer, SID, false);
    end_extensions(writer);
}

static void
many_extensions(struct der_writer *writer)
{
    begin_extensions(writer);
    for (int i = 0; i < 200; i++) {
        write_extension(writer, "1.2.3.5", false);
    }
    end_extensions(writer);
}

static void
many_attributes(struct der_writer *writer)
{
    for (int i = 0; i < 200; i++) {
        write_attribute(writer, "1.2.3.4", DER_UTF8_STRING, BYTES_LITERAL("x"));
    }
}

static void
what_belongs_is_read_and_the_unknown_passed_over(void **state)
{
    (void)state;
    struct pki_csr csr;
    BUFFER_LOCAL(der, 32768);
    assert_int_equal(read_with(one_of_each, &csr, &der), BASE_OK);
    assert_true(csr.has_challenge && bytes_equal_text(csr.challenge, "pw"));
    assert_true(csr.has_sid && csr.sans.len == 5 && bytes_equal(csr.sid, csr.sans));
    pki_csr_clear(&csr);
    buffer_reset(&der);
    assert_int_equal(read_with(NULL, &csr, &der), BASE_OK);
    assert_false(csr.has_challenge || csr.has_sid || csr.sans.len > 0);
    pki_csr_clear(&csr);
    buffer_reset(&der);
    assert_int_equal(read_with(longest_challenge, &csr, &der), BASE_OK);
    assert_int_equal(csr.challenge.len, PKI_CHALLENGE_MAX);
    pki_csr_clear(&csr);
}

static void
what_is_there_twice_or_too_much_is_refused(void **state)
{
    (void)state;
    static const struct {
        void (*write)(struct der_writer *writer);
        enum base_code code;
    } cases[] = {
        {two_challenges, E_CSR_FORMAT},
        {challenge_that_is_no_text, E_CSR_FORMAT},
        {challenge_of_half_characters, E_CSR_FORMAT},
        {long_challenge, E_TOO_LARGE},
        {two_sans, E_CSR_FORMAT},
        {two_sids, E_CSR_FORMAT},
        {many_extensions, E_TOO_LARGE},
        {many_attributes, E_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pki_csr csr;
        BUFFER_LOCAL(der, 65536);
        assert_int_equal(read_with(cases[i].write, &csr, &der), cases[i].code);
    }
}

static void
a_signature_of_another_is_no_proof(void **state)
{
    (void)state;
    struct pki_csr csr;
    struct pki_public_key *public_key = NULL;
    BUFFER_LOCAL(der, 8192);
    assert_int_equal(read_with(one_of_each, &csr, &der), BASE_OK);
    assert_int_equal(pki_public_key_read(csr.spki, &public_key, NULL), BASE_OK);
    assert_int_equal(pki_csr_verify(&csr, public_key, NULL), E_CSR_SIGNATURE);
    pki_public_key_free(public_key);
    pki_csr_clear(&csr);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_belongs_is_read_and_the_unknown_passed_over),
        cmocka_unit_test(what_is_there_twice_or_too_much_is_refused),
        cmocka_unit_test(a_signature_of_another_is_no_proof),
    };
    return cmocka_run_group_tests(tests, make_key, free_key);
}
