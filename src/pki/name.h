/*
 * name.h - distinguished names and subject alternative names (RFC 5280, sections 4.1.2.4
 * and 4.2.1.6; RFC 4514).
 *
 * Names travel as DER; these functions check, compare and show them. A name never becomes a file
 * name or SQL text.
 */
#ifndef PKI_NAME_H
#define PKI_NAME_H

#include "base/bytes.h"
#include "der/reader.h"

#define PKI_RDN_MAX 100
#define PKI_SAN_MAX 100
#define PKI_VALUE_MAX 1024 /* octets of one attribute value or one alternative name */

/* GeneralName tags (RFC 5280) of what may be issued; a UPN is an otherName
 * of 1.3.6.1.4.1.311.20.2.3. */
enum pki_san_type {
    PKI_SAN_OTHER = 0,
    PKI_SAN_EMAIL = 1,
    PKI_SAN_DNS = 2,
    PKI_SAN_URI = 6,
    PKI_SAN_IP = 7
};

/*
 * A well-formed Name: 0 to PKI_RDN_MAX RDNs, each with at least one attribute; values are
 * DirectoryStrings (or IA5String for emailAddress and domainComponent) that decode, without NUL and
 * control characters, 1 to PKI_VALUE_MAX octets; countryName two letters. Errors: E_NAME_FORMAT.
 */
MUST_CHECK enum base_code pki_name_check(struct bytes name_der, struct base_error *err);
bool pki_name_is_empty(struct bytes name_der);
/*
 * The same RDNs with the same values, whatever string type and order of RDNs (tools write RFC 4514
 * order or its reverse). Values compare exactly as UTF-8; emailAddress, domainComponent and
 * countryName without case.
 */
bool pki_name_equal(struct bytes a_der, struct bytes b_der);
/* "CN=laptop-7,O=Example" in the order of the DER's end to its beginning (RFC 4514), escaped;
 * appended, no NUL. */
MUST_CHECK enum base_code pki_name_text(
    struct bytes name_der, struct buffer *out, struct base_error *err);
/* A value as it stands in such a text, escaped; appended. */
MUST_CHECK enum base_code pki_name_escape(
    struct bytes value, struct buffer *out, struct base_error *err);
/*
 * Call for each attribute of a name, in the order of the DER: @rdn counts RDNs, @type is the short
 * name that pki_name_from_text() knows or NULL, @dotted the OID, @value UTF-8. All borrowed for the
 * call.
 */
typedef enum base_code (*pki_on_attribute)(void *arg, size_t rdn, const char *type,
    const char *dotted, struct bytes value, struct base_error *err);
MUST_CHECK enum base_code pki_name_each(
    struct bytes name_der, pki_on_attribute callback, void *arg, struct base_error *err);
/* RFC 4514 text (also with "/CN=a/O=b" as OpenSSL writes it) to DER: known short names CN C L ST O
 * OU DC UID SN serialNumber emailAddress title givenName street, or dotted OIDs; UTF8String or
 * PrintableString as RFC 5280 wants. Errors: E_NAME_FORMAT. */
MUST_CHECK enum base_code pki_name_from_text(
    struct bytes text, struct buffer *out_der, struct base_error *err);

/*
 * A well-formed GeneralNames SEQUENCE of 1 to PKI_SAN_MAX names, each of a type in @allowed_types
 * (1 << tag). DNS: letters, digits,
 * '-', '_', '.', a leading "*."; email and URI: printable ASCII with an '@' or a ':'; UPN: clean
 * UTF-8. Errors: E_SAN_FORMAT, E_SAN_TYPE.
 */
MUST_CHECK enum base_code pki_sans_check(
    struct bytes sans_der, uint32_t allowed_types, struct base_error *err);
/* The same set of names, in any order; DNS without case. Empty equals empty. */
bool pki_sans_equal(struct bytes a_der, struct bytes b_der);
/* "DNS:a.example\nemail:b@example" ... one a line; other types as "tag 4". */
MUST_CHECK enum base_code pki_sans_text(
    struct bytes sans_der, struct buffer *out, struct base_error *err);
/* Lines of "DNS:", "email:", "URI:", "UPN:", "IP:" to GeneralNames DER; empty text gives no octets.
 * Errors: E_SAN_FORMAT. */
MUST_CHECK enum base_code pki_sans_from_text(
    struct bytes text, struct buffer *out_der, struct base_error *err);

#endif
