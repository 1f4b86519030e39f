#include "diagnose/inspect.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "der/reader.h"
#include "diagnose/hresult.h"
#include "diagnose/scan.h"
#include "pki/csr.h"
#include "pki/name.h"
#include "scep/authorities.h"
#include "scep/signed_message.h"

#include "base/banned.h"

struct inspection *
inspection_new(void)
{
    struct inspection *inspection = calloc(1, sizeof(*inspection));
    if (inspection == NULL || (inspection->tree = calloc(1, sizeof(*inspection->tree))) == NULL) {
        free(inspection);
        return NULL;
    }
    buffer_init(&inspection->octets, INSPECT_INPUT_MAX);
    buffer_init(&inspection->content, INSPECT_INPUT_MAX);
    buffer_init(&inspection->plain, INSPECT_INPUT_MAX);
    return inspection;
}

void
inspection_free(struct inspection *it)
{
    if (it != NULL) {
        free(it->tree);
        free(it->inner);
        buffer_clear(&it->octets);
        buffer_clear(&it->content);
        buffer_clear(&it->plain);
        free(it);
    }
}

__attribute__((format(printf, 2, 3))) static void
note(struct inspection *it, const char *format, ...)
{
    va_list arguments;
    if (it->note_count == INSPECT_NOTES_MAX) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(it->notes[it->note_count++], sizeof(it->notes[0]), format, arguments);
    va_end(arguments);
}

static void
set_text(char *out, size_t size, struct bytes text)
{
    (void)base_escape(text, out, size);
    /* Escaping leaves no blank, which names and texts have. */
    if (base_is_clean_utf8(text) && text.len < size) {
        diag_copy(out, size, text);
    }
}

/* ---- what the input is
 * -------------------------------------------------------------------------------- */

static bool
is_base64(uint8_t octet)
{
    return isalnum(octet) != 0 || strchr("+/-_=", octet) != NULL;
}

/* %2B and the like to octets. */
static enum base_code
unescape(struct bytes text, struct buffer *out, struct base_error *err)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t octet = text.ptr[i];
        unsigned value = 0;
        if (octet == '%' && i + 2 < text.len && isxdigit(text.ptr[i + 1]) != 0 &&
            isxdigit(text.ptr[i + 2]) != 0) {
            for (size_t k = 1; k <= 2; k++) {
                uint8_t digit = text.ptr[i + k];
                value = value * 16 +
                        (unsigned)(isdigit(digit) != 0 ? digit - '0' : tolower(digit) - 'a' + 10);
            }
            octet = (uint8_t)value;
            i += 2;
        }
        octet = octet == ' ' ? '+' : octet; /* what a form decoder made of a plus */
        if (octet == '\r' || octet == '\n' || octet == '\t') {
            continue;
        }
        if (octet == 0 || !is_base64(octet)) {
            break; /* the end of the parameter, or debris */
        }
        TRY(buffer_append(out, (struct bytes){&octet, 1}, err));
    }
    return BASE_OK;
}

static enum base_code
take_base64(struct inspection *it, struct bytes text, struct base_error *err)
{
    BUFFER_LOCAL(clean, INSPECT_INPUT_MAX);
    TRY(unescape(text, &clean, err));
    size_t len = clean.len;
    while (len > 0 && clean.ptr[len - 1] == '=') {
        len--;
    }
    len -= len % 4 == 1 ? 1 : 0; /* cut off within a character, or debris behind the message */
    return base_base64_decode((struct bytes){clean.ptr, len}, &it->octets, err);
}

/* PEM, whose lines are base64 between BEGIN and END. */
static bool
find_pem(struct bytes input, struct bytes *out)
{
    struct bytes begin = diag_after(input, "-----BEGIN ");
    struct bytes body = diag_after(begin, "-----");
    if (body.len == 0) {
        return false;
    }
    const uint8_t *end = memmem(body.ptr, body.len, "-----END", 8);
    *out = end == NULL ? body : (struct bytes){body.ptr, (size_t)(end - body.ptr)};
    return true;
}

/* base64 of PEM has line ends that end nothing. */
static enum base_code
take_pem(struct inspection *it, struct bytes body, struct base_error *err)
{
    return base_base64_decode(body, &it->octets, err);
}

static bool
is_binary(struct bytes input)
{
    return input.len > 1 && input.ptr[0] == 0x30 &&
           (input.ptr[1] >= 0x80 || (size_t)input.ptr[1] + 2 <= input.len) &&
           isalnum(input.ptr[1]) == 0;
}

static enum base_code
take_input(struct inspection *it, struct bytes input, struct base_error *err)
{
    struct bytes pem;
    struct bytes parameter = diag_after(input, "message=");
    if (is_binary(input)) {
        return buffer_append(&it->octets, input, err);
    }
    if (find_pem(input, &pem)) {
        return take_pem(it, pem, err);
    }
    /* A line of a log may have GetCACert's message= before it. */
    struct bytes operation = diag_after(input, "operation=PKIOperation");
    struct bytes behind = diag_after(operation, "message=");
    parameter = behind.len > 0 ? behind : parameter;
    while (parameter.len == 0 && input.len > 0 && isspace(input.ptr[0]) != 0) {
        input = bytes_skip(input, 1);
    }
    return take_base64(it, parameter.len > 0 ? parameter : input, err);
}

/* ---- certificates and names
 * --------------------------------------------------------------------------- */

static void
set_name(char *out, size_t size, struct bytes name_der)
{
    BUFFER_LOCAL(text, 8192);
    if (pki_name_text(name_der, &text, NULL) == BASE_OK) {
        set_text(out, size, buffer_bytes(&text));
    } else {
        (void)snprintf(out, size, "(a name that is cut off or damaged)");
    }
}

static void
set_serial(char *out, size_t size, struct bytes content)
{
    size_t len = content.len < size / 2 - 1 ? content.len : size / 2 - 1;
    base_hex((struct bytes){content.ptr, len}, out);
}

static void
add_party(struct inspect_party *list, size_t *count, const struct asn1_tree *tree, size_t id)
{
    if (*count == INSPECT_NAMES_MAX || id >= tree->count) {
        return;
    }
    struct inspect_party *party = &list[(*count)++];
    size_t issuer = asn1_child(tree, id, 0);
    size_t serial = asn1_child(tree, id, 1);
    if (tree->nodes[id].tag != 0x30) {
        (void)snprintf(party->issuer, sizeof(party->issuer), "(by subjectKeyIdentifier)");
        set_serial(party->serial, sizeof(party->serial), asn1_content(tree, id));
        return;
    }
    set_name(party->issuer, sizeof(party->issuer), asn1_whole(tree, issuer));
    if (serial != SIZE_MAX && !tree->nodes[serial].is_cut) {
        set_serial(party->serial, sizeof(party->serial), asn1_content(tree, serial));
    }
}

static void
add_certificates(struct inspection *it, const struct asn1_tree *tree, size_t set)
{
    for (size_t i = 0; i < INSPECT_NAMES_MAX; i++) {
        size_t node = asn1_child(tree, set, i);
        struct pki_certificate certificate;
        if (node == SIZE_MAX || it->certificate_count == INSPECT_NAMES_MAX) {
            return;
        }
        char *out = it->certificates[it->certificate_count++];
        if (pki_certificate_read(asn1_whole(tree, node), &certificate, NULL) == BASE_OK) {
            set_name(out, sizeof(it->certificates[0]), certificate.subject);
        } else {
            (void)snprintf(out, sizeof(it->certificates[0]), "(cut off or damaged)");
        }
    }
}

static void
set_oid(const struct asn1_tree *tree, size_t algorithm, char *out, size_t size)
{
    size_t oid = asn1_child(tree, algorithm, 0);
    if (oid != SIZE_MAX && tree->nodes[oid].tag == 0x06) {
        (void)asn1_oid_name(asn1_content(tree, oid), out, size);
    }
}

/* ---- the envelope
 * ------------------------------------------------------------------------------------- */

static void
judge_cipher(struct inspection *it)
{
    if (strcmp(it->content_cipher, "DES-CBC") == 0) {
        note(it, "The content is encrypted with single DES, which RFC 8894 (section 2.9) forbids; "
                 "strict servers answer badAlg.");
    } else if (strcmp(it->content_cipher, "3DES-CBC") == 0) {
        note(it, "The content is encrypted with 3DES; servers in FIPS mode refuse it.");
    } else if (strcmp(it->content_cipher, "AES-192-CBC") == 0) {
        note(it, "The content is encrypted with AES-192, which micromdm's server does not read.");
    }
    if (strcmp(it->key_transport, "id-RSAES-OAEP") == 0) {
        note(it, "The content key is wrapped with RSAES-OAEP; servers that know PKCS#1 v1.5 only "
                 "cannot open it.");
    }
}

static void
look_at_envelope(struct inspection *it, const struct asn1_tree *tree, size_t enveloped)
{
    size_t infos = SIZE_MAX;
    size_t encrypted = SIZE_MAX;
    for (size_t i = 0; i < 6; i++) {
        size_t node = asn1_child(tree, enveloped, i);
        if (node != SIZE_MAX && tree->nodes[node].tag == 0x31) {
            infos = infos == SIZE_MAX ? node : infos;
        } else if (node != SIZE_MAX && tree->nodes[node].tag == 0x30) {
            encrypted = node;
        }
    }
    for (size_t i = 0; infos != SIZE_MAX && i < INSPECT_NAMES_MAX; i++) {
        size_t info = asn1_child(tree, infos, i);
        if (info == SIZE_MAX) {
            break;
        }
        if (tree->nodes[info].tag != 0x30) {
            note(it,
                "A recipient is not for key transport (tag 0x%02x): password or key agreement, "
                "which almost no SCEP peer reads.",
                tree->nodes[info].tag);
            continue;
        }
        add_party(it->recipients, &it->recipient_count, tree, asn1_child(tree, info, 1));
        set_oid(tree, asn1_child(tree, info, 2), it->key_transport, sizeof(it->key_transport));
    }
    if (strcmp(it->key_transport, "rsaEncryption") == 0) {
        (void)snprintf(it->key_transport, sizeof(it->key_transport), "RSA PKCS#1 v1.5");
    }
    set_oid(tree, asn1_child(tree, encrypted, 1), it->content_cipher, sizeof(it->content_cipher));
    judge_cipher(it);
}

/* ---- attributes
 * --------------------------------------------------------------------------------------- */

static void
set_numbered(char *out, size_t size, struct bytes text, const char *const *names, size_t count)
{
    int64_t number = diag_number(text);
    const char *name =
        number >= 0 && (size_t)number < count && names[number] != NULL ? names[number] : "unknown";
    (void)snprintf(
        out, size, "%s (%.*s)", name, (int)(text.len < 8 ? text.len : 8), (const char *)text.ptr);
}

static void
take_attribute(struct inspection *it, const char *name, struct bytes value)
{
    static const char *const types[] = {NULL, NULL, NULL, "CertRep", NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "RenewalReq", "UpdateReq (drafts only)",
        "PKCSReq", "CertPoll", "GetCert", "GetCRL"};
    static const char *const statuses[] = {"SUCCESS", NULL, "FAILURE", "PENDING"};
    static const char *const infos[] = {
        "badAlg", "badMessageCheck", "badRequest", "badTime", "badCertId"};
    if (strcmp(name, "messageType") == 0) {
        set_numbered(it->message_type, sizeof(it->message_type), value, types,
            sizeof(types) / sizeof(types[0]));
    } else if (strcmp(name, "pkiStatus") == 0) {
        set_numbered(it->pki_status, sizeof(it->pki_status), value, statuses,
            sizeof(statuses) / sizeof(statuses[0]));
    } else if (strcmp(name, "failInfo") == 0) {
        set_numbered(
            it->fail_info, sizeof(it->fail_info), value, infos, sizeof(infos) / sizeof(infos[0]));
    } else if (strcmp(name, "transactionID") == 0) {
        set_text(it->transaction_id, sizeof(it->transaction_id), value);
    } else if (strcmp(name, "failInfoText") == 0) {
        set_text(it->fail_info_text, sizeof(it->fail_info_text), value);
    } else if (strcmp(name, "senderNonce") == 0) {
        set_serial(it->sender_nonce, sizeof(it->sender_nonce), value);
    } else if (strcmp(name, "recipientNonce") == 0) {
        set_serial(it->recipient_nonce, sizeof(it->recipient_nonce), value);
    } else if (strncmp(name, "HRESULT", 7) == 0) {
        uint32_t code = 0;
        set_text(it->hresult, sizeof(it->hresult), value);
        if (diag_hresult_parse(value, &code)) {
            const char *symbol = diag_hresult_name(code);
            note(it, "NDES says 0x%08x%s%s%s.", code, symbol == NULL ? "" : " (",
                symbol == NULL ? "" : symbol, symbol == NULL ? "" : ")");
        }
    }
}

static void
look_at_attributes(struct inspection *it, const struct asn1_tree *tree, size_t attributes)
{
    for (size_t i = 0; i < 64; i++) {
        char name[128];
        size_t attribute = asn1_child(tree, attributes, i);
        size_t value = asn1_child(tree, asn1_child(tree, attribute, 1), 0);
        if (attribute == SIZE_MAX) {
            return;
        }
        if (value != SIZE_MAX) {
            (void)asn1_oid_name(
                asn1_content(tree, asn1_child(tree, attribute, 0)), name, sizeof(name));
            take_attribute(it, name, asn1_content(tree, value));
        }
    }
}

static void
look_at_signer(struct inspection *it, const struct asn1_tree *tree, size_t info)
{
    add_party(it->signers, &it->signer_count, tree, asn1_child(tree, info, 1));
    set_oid(tree, asn1_child(tree, info, 2), it->digest, sizeof(it->digest));
    size_t next = asn1_child(tree, info, 3);
    if (next != SIZE_MAX && tree->nodes[next].tag == 0xa0) {
        look_at_attributes(it, tree, next);
        next = asn1_child(tree, info, 4);
    } else if (next != SIZE_MAX) {
        note(it, "There are no signed attributes: this is no pkiMessage (RFC 8894, section 3.2).");
    }
    set_oid(tree, next, it->signature_algorithm, sizeof(it->signature_algorithm));
}

/* ---- the signed layer
 * --------------------------------------------------------------------------------- */

static void
look_at_content(struct inspection *it, size_t content)
{
    size_t octets = asn1_child(it->tree, content, 0);
    if (octets == SIZE_MAX || asn1_joined(it->tree, octets, &it->content, NULL) != BASE_OK ||
        it->content.len < 2) {
        return;
    }
    it->inner = calloc(1, sizeof(*it->inner));
    if (it->inner == NULL) {
        return;
    }
    asn1_tree_read(it->inner, buffer_bytes(&it->content));
    it->is_truncated = it->is_truncated || it->inner->is_truncated;
    size_t oid = asn1_child(it->inner, 0, 0);
    char name[64] = "";
    (void)asn1_oid_name(asn1_content(it->inner, oid), name, sizeof(name));
    if (strcmp(name, "envelopedData") == 0) {
        look_at_envelope(it, it->inner, asn1_child(it->inner, asn1_child(it->inner, 0, 1), 0));
    }
}

static void
look_at_digests(struct inspection *it, size_t set)
{
    if (it->digest[0] == '\0') {
        set_oid(it->tree, asn1_child(it->tree, set, 0), it->digest, sizeof(it->digest));
    }
}

static void
look_at_signed(struct inspection *it, size_t signed_data)
{
    const struct asn1_tree *tree = it->tree;
    size_t encapsulated = asn1_child(tree, signed_data, 2);
    look_at_digests(it, asn1_child(tree, signed_data, 1));
    size_t content = asn1_child(tree, encapsulated, 1);
    if (content != SIZE_MAX) {
        look_at_content(it, content);
    }
    size_t signers = SIZE_MAX;
    for (size_t i = 3; i < 8; i++) {
        size_t node = asn1_child(tree, signed_data, i);
        if (node != SIZE_MAX && tree->nodes[node].tag == 0xa0) {
            add_certificates(it, tree, node);
        } else if (node != SIZE_MAX && tree->nodes[node].tag == 0x31) {
            signers = node;
        }
    }
    for (size_t i = 0; i < INSPECT_NAMES_MAX; i++) {
        size_t info = asn1_child(tree, signers, i);
        if (info == SIZE_MAX) {
            break;
        }
        look_at_signer(it, tree, info);
    }
    bool is_degenerate = content == SIZE_MAX && it->signer_count == 0;
    (void)snprintf(it->kind, sizeof(it->kind), "%s", is_degenerate ? "certificates" : "pkiMessage");
}

static void
judge_message(struct inspection *it)
{
    if (strcmp(it->digest, "MD5") == 0) {
        note(it, "It is signed with MD5, which RFC 8894 (section 2.9) forbids.");
    } else if (strcmp(it->digest, "SHA-1") == 0) {
        note(it, "It is signed with SHA-1, which servers may have switched off.");
    }
    if (it->signer_count > 1) {
        note(it, "There are %zu signers; a pkiMessage has one.", it->signer_count);
    }
    if (it->is_truncated) {
        note(it, "It is cut off: what follows the last element that is shown is missing.");
        return;
    }
    if (strcmp(it->kind, "pkiMessage") != 0) {
        return;
    }
    if (it->transaction_id[0] == '\0' || it->message_type[0] == '\0') {
        note(it, "transactionID or messageType is missing (RFC 8894, section 3.2.1).");
    }
    if (it->sender_nonce[0] == '\0') {
        note(it, "senderNonce is missing (RFC 8894, section 3.2.1.5).");
    }
    if (it->pki_status[0] != '\0' && it->recipient_nonce[0] == '\0') {
        note(it, "recipientNonce is missing; clients that compare it refuse this answer.");
    }
    if (it->content.len == 1) {
        note(it, "The content is one octet instead of an envelope, as NDES writes it in refusals.");
    }
    if (it->certificate_count == 0) {
        note(it, "The signer's certificate is not in the message.");
    }
}

/* ---- opening
 * ------------------------------------------------------------------------------------------ */

static void
look_at_csr(struct inspection *it, struct bytes der)
{
    struct pki_csr csr = {.has_challenge = false};
    BUFFER_LOCAL(sans, 16384);
    if (pki_csr_read(der, &csr, NULL) == BASE_OK) {
        it->has_csr = true;
        set_name(it->csr_subject, sizeof(it->csr_subject), csr.subject);
        it->has_challenge = csr.has_challenge;
        it->challenge_len = csr.challenge.len;
        if (csr.sans.len > 0 && pki_sans_text(csr.sans, &sans, NULL) == BASE_OK) {
            set_text(it->csr_sans, sizeof(it->csr_sans), buffer_bytes(&sans));
        }
    }
    pki_csr_clear(&csr);
}

static void
look_at_issued(struct inspection *it, struct bytes message)
{
    BUFFER_LOCAL(storage, INSPECT_INPUT_MAX);
    struct bytes ders[SCEP_CERTIFICATES_MAX];
    struct pki_certificate certificate;
    size_t count = 0;
    if (scep_authorities_read(message, &storage, ders, &count, NULL) != BASE_OK) {
        return;
    }
    for (size_t i = 0; i < count && it->issued_count < INSPECT_NAMES_MAX; i++) {
        if (pki_certificate_read(ders[i], &certificate, NULL) == BASE_OK) {
            set_name(it->issued[it->issued_count++], sizeof(it->issued[0]), certificate.subject);
        }
    }
}

/* What GetCert, GetCRL and CertPoll have in their envelopes: a SEQUENCE of two. */
static bool
is_pair(struct bytes plain)
{
    struct der_reader reader = der_reader_over(plain);
    struct der_reader inside;
    struct der_element part;
    return der_enter(&reader, DER_SEQUENCE, &inside, NULL) == BASE_OK &&
           der_end(&reader, NULL) == BASE_OK &&
           der_expect(&inside, DER_SEQUENCE, &part, NULL) == BASE_OK &&
           der_next(&inside, &part, NULL) == BASE_OK && der_end(&inside, NULL) == BASE_OK;
}

/* With this content key it is something that SCEP puts into envelopes. */
static bool
is_opened(struct inspection *it, const struct scep_envelope *envelope, struct bytes content_key)
{
    buffer_reset(&it->plain);
    if (pki_decrypt(envelope->cipher, content_key, envelope->iv, envelope->encrypted_content,
            &it->plain, NULL) != BASE_OK) {
        return false;
    }
    struct bytes plain = buffer_bytes(&it->plain);
    look_at_csr(it, plain);
    look_at_issued(it, plain);
    return it->has_csr || it->issued_count > 0 || is_pair(plain);
}

bool
inspection_has_envelope(const struct inspection *it)
{
    return it->content.len > 1 && it->inner != NULL;
}

void
inspection_open(struct inspection *it, const struct inspect_opener *opener)
{
    struct scep_envelope envelope = {.recipient_count = 0};
    struct base_error why = {BASE_OK, ""};
    BUFFER_LOCAL(storage, INSPECT_INPUT_MAX);
    if (!inspection_has_envelope(it)) {
        return;
    }
    if (scep_envelope_read(buffer_bytes(&it->content), &storage, &envelope, &why) != BASE_OK) {
        note(it, "The envelope cannot be read as a whole, so no key can open it: %.120s.",
            why.detail);
        return;
    }
    for (size_t i = 0; i < envelope.recipient_count; i++) {
        uint8_t content_key[32];
        size_t len = pki_cipher_key_len(envelope.cipher);
        if (envelope.recipients[i].transport != PKI_TRANSPORT_NONE && len <= sizeof(content_key) &&
            opener->open(opener->arg, &envelope.recipients[i], len, content_key, &why) == BASE_OK &&
            is_opened(it, &envelope, (struct bytes){content_key, len})) {
            note(it, "The envelope was opened.");
            return;
        }
    }
    note(it, "The envelope was not opened: it is for another key, or damaged.");
}

/* ---- whose it is
 * ----------------------------------------------------------------------------------------- */

static void
say_recipient(struct inspection *it, const struct inspect_party *party,
    const struct pki_certificate *certificate, const char *from, int64_t now_s)
{
    char name[600];
    set_name(name, sizeof(name), certificate->subject);
    note(it, "It is encrypted to the %s certificate %.150s of %.80s (serial %.40s).",
        certificate->is_ca ? "CA" : "RA", name, from, party->serial);
    if (certificate->has_key_usage && (certificate->key_usage & PKI_KEY_ENCIPHERMENT) == 0) {
        note(it, "That certificate's key usage has no keyEncipherment: servers cannot open it.");
    }
    if (certificate->not_after_s < now_s) {
        note(it, "That certificate has expired: the device must fetch the new one (GetCACert).");
    }
}

void
inspection_compare(struct inspection *it, const struct pki_certificate *certificates, size_t count,
    const char *from, int64_t now_s)
{
    bool is_found = false;
    for (size_t i = 0; i < it->recipient_count; i++) {
        for (size_t k = 0; k < count; k++) {
            char issuer[600];
            char serial[80];
            set_name(issuer, sizeof(issuer), certificates[k].issuer);
            set_serial(serial, sizeof(serial), certificates[k].serial);
            if (strcmp(issuer, it->recipients[i].issuer) == 0 &&
                strcmp(serial, it->recipients[i].serial) == 0) {
                say_recipient(it, &it->recipients[i], &certificates[k], from, now_s);
                is_found = true;
            }
        }
    }
    if (!is_found && it->recipient_count > 0) {
        note(it,
            "It is encrypted to none of the %zu certificates of %.100s: the device has those of "
            "another server, or older ones.",
            count, from);
    }
}

/* ---- all of it
 * ---------------------------------------------------------------------------------------- */

static void
look_at_root(struct inspection *it)
{
    char name[64] = "";
    size_t first = asn1_child(it->tree, 0, 0);
    struct pki_certificate certificate;
    if (first != SIZE_MAX && it->tree->nodes[first].tag == 0x06) {
        (void)asn1_oid_name(asn1_content(it->tree, first), name, sizeof(name));
    }
    size_t inner = asn1_child(it->tree, asn1_child(it->tree, 0, 1), 0);
    if (strcmp(name, "signedData") == 0) {
        look_at_signed(it, inner);
    } else if (strcmp(name, "envelopedData") == 0) {
        (void)snprintf(it->kind, sizeof(it->kind), "envelope");
        look_at_envelope(it, it->tree, inner);
        note(it, "This is the inner layer alone; a pkiMessage is a signedData around it.");
    } else if (pki_certificate_read(buffer_bytes(&it->octets), &certificate, NULL) == BASE_OK) {
        (void)snprintf(it->kind, sizeof(it->kind), "certificate");
        set_name(it->certificates[0], sizeof(it->certificates[0]), certificate.subject);
        it->certificate_count = 1;
    } else {
        look_at_csr(it, buffer_bytes(&it->octets));
        (void)snprintf(it->kind, sizeof(it->kind), "%s", it->has_csr ? "csr" : "unknown");
    }
}

enum base_code
inspection_read(struct inspection *it, struct bytes input, struct base_error *err)
{
    if (input.len > INSPECT_INPUT_MAX) {
        return base_fail(err, E_TOO_LARGE, "%zu octets, at most %zu", input.len, INSPECT_INPUT_MAX);
    }
    if (take_input(it, input, err) != BASE_OK || it->octets.len < 2) {
        return base_fail(
            err, E_DIAGNOSE_INPUT, "neither ASN.1 nor PEM nor base64 nor a line with message=");
    }
    if (it->octets.ptr[0] != DER_SEQUENCE) {
        return base_fail(err, E_DIAGNOSE_INPUT, "base64 of something that is no ASN.1 SEQUENCE");
    }
    asn1_tree_read(it->tree, buffer_bytes(&it->octets));
    it->is_truncated = it->tree->is_truncated;
    for (size_t i = 0; i < it->tree->count; i++) {
        it->is_indefinite = it->is_indefinite || it->tree->nodes[i].is_indefinite;
    }
    look_at_root(it);
    if (it->tree->is_broken) {
        note(it, "From some octet on this is no ASN.1: damaged, or something else.");
    }
    if (it->is_indefinite) {
        note(it,
            "It is BER with indefinite lengths (Apple and Bouncy Castle write it); servers that "
            "read DER only refuse it.");
    }
    judge_message(it);
    return BASE_OK;
}
