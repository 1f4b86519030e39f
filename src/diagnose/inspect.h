/*
 * inspect.h - the microscope: any SCEP message in the field's terms, whole, damaged or cut off.
 *
 * What is said here is what the octets say; no signature is verified and nothing is believed.
 */
#ifndef DIAGNOSE_INSPECT_H
#define DIAGNOSE_INSPECT_H

#include "base/own.h"
#include "diagnose/asn1_tree.h"
#include "pki/certificate.h"
#include "scep/envelope.h"

#define INSPECT_NAMES_MAX 16
#define INSPECT_NOTES_MAX 24
#define INSPECT_INPUT_MAX ((size_t)4 * 1024 * 1024)

struct inspect_party {
    char issuer[600];
    char serial[80]; /* lower-case hex */
};

struct inspection {
    char kind[32]; /* pkiMessage, certificates, envelope, csr, certificate, crl, unknown */
    char message_type[32];
    char transaction_id[300];
    char sender_nonce[140];
    char recipient_nonce[140];
    char pki_status[24];
    char fail_info[24];
    char fail_info_text[520];
    char hresult[32];
    char digest[32];
    char signature_algorithm[48];
    char content_cipher[32];
    char key_transport[48];
    struct inspect_party recipients[INSPECT_NAMES_MAX];
    size_t recipient_count;
    struct inspect_party signers[INSPECT_NAMES_MAX];
    size_t signer_count;
    char certificates[INSPECT_NAMES_MAX][600]; /* subjects */
    size_t certificate_count;
    bool has_csr;
    char csr_subject[600];
    char csr_sans[2000];
    bool has_challenge; /* its text is never shown */
    size_t challenge_len;
    char issued[INSPECT_NAMES_MAX][600]; /* subjects of the certificates in an opened envelope */
    size_t issued_count;
    bool is_truncated;
    bool is_indefinite; /* BER of indefinite lengths somewhere */
    char notes[INSPECT_NOTES_MAX][300];
    size_t note_count;
    struct asn1_tree *tree;  /* of the outer message; owned */
    struct asn1_tree *inner; /* of the signed content, when it is ASN.1; owned; NULL: none */
    struct buffer octets;
    struct buffer content;
    struct buffer plain;
};

/* NULL without memory. */
struct inspection *inspection_new(void);
void inspection_free(struct inspection *it);
OWNER_STRUCT(inspection)

/*
 * Read @input: octets, PEM, base64 in any alphabet (escaped or not), a URL or a line of a log with
 * message=... in it. Errors: E_DIAGNOSE_INPUT (nothing that could be a message), E_TOO_LARGE,
 * E_NO_MEMORY.
 */
MUST_CHECK enum base_code inspection_read(
    struct inspection *it, struct bytes input, struct base_error *err);

/* Is it encrypted to one of these certificates? @from: whose they are ("ra.pem", a URL). */
void inspection_compare(struct inspection *it, const struct pki_certificate *certificates,
    size_t count, const char *from, int64_t now_s);

/* Whoever may have the recipient's key: the content key that was wrapped for @recipient. An answer
 * may be random octets, as a careful server gives. */
struct inspect_opener {
    enum base_code (*open)(void *arg, const struct scep_recipient *recipient, size_t key_len,
        uint8_t out_key[32], struct base_error *err);
    void *arg;
};
/* Open the envelope and look at what is in it; a note says when that fails. */
void inspection_open(struct inspection *it, const struct inspect_opener *opener);
bool inspection_has_envelope(const struct inspection *it);

#endif
