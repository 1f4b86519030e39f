/*
 * names.h - subjects and subject alternative names in the notations of management systems.
 */
#ifndef PROFILE_NAMES_H
#define PROFILE_NAMES_H

#include "pki/name.h"

/*
 * "CN=laptop-7,O=Example": an X.500 string as Windows reads it (CertStrToName), the last RDN
 * first. A value with blanks at its edges or one of , = + ; < > # " is quoted, a quote doubled.
 */
MUST_CHECK enum base_code profile_name_x500(
    struct bytes name_der, struct buffer *out, struct base_error *err);

/* Call for each name. @value is borrowed. Errors: E_PROFILE_UNFIT for a type that is none of
 * email, DNS, URI, UPN. */
typedef enum base_code (*profile_on_san)(
    void *arg, enum pki_san_type type, struct bytes value, struct base_error *err);
MUST_CHECK enum base_code profile_sans_each(
    struct bytes sans_der, profile_on_san callback, void *arg, struct base_error *err);
/* The number of a type in Windows' XCN_CERT_ALT_NAME enumeration: 2, 3, 7, 11. */
unsigned profile_san_number(enum pki_san_type type);
/* "11+user@example;3+host.example". Errors: E_PROFILE_UNFIT for a value with ';'. */
MUST_CHECK enum base_code profile_sans_windows(
    struct bytes sans_der, struct buffer *out, struct base_error *err);

/* SHA-1 of a certificate as upper-case hexadecimal. */
#define PROFILE_THUMBPRINT_LEN 41
MUST_CHECK enum base_code profile_thumbprint(
    struct bytes der, char out[PROFILE_THUMBPRINT_LEN], struct base_error *err);
/* A random UUID (RFC 4122, version 4) in upper case. */
#define PROFILE_UUID_LEN 37
struct base_random;
MUST_CHECK enum base_code profile_uuid(
    const struct base_random *random, char out[PROFILE_UUID_LEN], struct base_error *err);
/* The same for the same profile, names and CA: sixteen hexadecimal digits that a second export has
 * again, so that the device replaces what it has. */
#define PROFILE_ID_LEN 17
struct profile_spec;
MUST_CHECK enum base_code profile_id(
    const struct profile_spec *spec, char out[PROFILE_ID_LEN], struct base_error *err);

#endif
