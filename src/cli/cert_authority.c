/*
 * kurier cert authority: the CA, its chain and the RA certificates, and the fingerprint that
 * devices are given.
 */
#include <openssl/evp.h>
#include <stdio.h>

#include "base/text.h"
#include "cli/cert_authority.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/session.h"
#include "pki/certificate.h"
#include "pki/name.h"

#include "base/banned.h"

struct authority_printer {
    bool is_fingerprint; /* of the root alone, and nothing else */
    bool is_pem;
    bool is_json;
};

static void
fingerprint(const EVP_MD *digest, struct bytes der, char out[2 * EVP_MAX_MD_SIZE + 1])
{
    uint8_t octets[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(der.ptr, der.len, octets, &len, digest, NULL) != 1) {
        len = 0;
    }
    base_hex((struct bytes){octets, len}, out);
}

static const char *
kind_name(uint8_t kind)
{
    return kind == IPC_AUTHORITY_CA ? "CA" : kind == IPC_AUTHORITY_RA ? "RA" : "chain";
}

static enum base_code
print_json_row(const struct ipc_authority_row *row, const struct pki_certificate *certificate,
    struct base_error *err)
{
    char sha256[2 * EVP_MAX_MD_SIZE + 1] = "";
    char sha1[2 * EVP_MAX_MD_SIZE + 1] = "";
    BUFFER_LOCAL(subject, 16384);
    TRY(pki_name_text(certificate->subject, &subject, err));
    fingerprint(EVP_sha256(), row->certificate, sha256);
    fingerprint(EVP_sha1(), row->certificate, sha1);
    json_t *object = json_object();
    (void)json_object_set_new(object, "ca", cli_json_text(row->ca));
    (void)json_object_set_new(object, "kind", json_string(kind_name(row->kind)));
    (void)json_object_set_new(object, "subject", cli_json_text(buffer_bytes(&subject)));
    (void)json_object_set_new(object, "not_after", cli_json_time_s(certificate->not_after_s));
    (void)json_object_set_new(object, "sha256", json_string(sha256));
    (void)json_object_set_new(object, "sha1", json_string(sha1));
    cli_json_print(object);
    return BASE_OK;
}

static enum base_code
print_text_row(const struct ipc_authority_row *row, const struct pki_certificate *certificate,
    struct base_error *err)
{
    char sha256[2 * EVP_MAX_MD_SIZE + 1] = "";
    char sha1[2 * EVP_MAX_MD_SIZE + 1] = "";
    char clean[1024] = "";
    char until[CLI_TIME_LEN] = "";
    BUFFER_LOCAL(subject, 16384);
    TRY(pki_name_text(certificate->subject, &subject, err));
    fingerprint(EVP_sha256(), row->certificate, sha256);
    fingerprint(EVP_sha1(), row->certificate, sha1);
    (void)printf("%-6s %s, until %s\n       SHA-256 %s\n       SHA-1   %s\n", kind_name(row->kind),
        cli_clean(buffer_bytes(&subject), clean, sizeof(clean)),
        cli_time(certificate->not_after_s * 1000, until), sha256, sha1);
    return BASE_OK;
}

static enum base_code
authority_row(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    const struct authority_printer *printer = arg;
    struct ipc_authority_row row;
    struct pki_certificate certificate;
    TRY(ipc_decode(&ipc_authority_row_spec, frame, &row, err));
    TRY(pki_certificate_read(row.certificate, &certificate, err));
    if (printer->is_fingerprint) {
        char sha256[2 * EVP_MAX_MD_SIZE + 1] = "";
        if (row.kind == IPC_AUTHORITY_CA) {
            fingerprint(EVP_sha256(), row.certificate, sha256);
            (void)printf("%s\n", sha256);
        }
        return BASE_OK;
    }
    if (printer->is_pem) {
        BUFFER_LOCAL(pem, 65536);
        TRY(pki_der_to_pem(row.certificate, "CERTIFICATE", &pem, err));
        (void)fwrite(pem.ptr, 1, pem.len, stdout);
        return BASE_OK;
    }
    return printer->is_json ? print_json_row(&row, &certificate, err)
                            : print_text_row(&row, &certificate, err);
}

int
cli_print_authorities(
    const struct cli_session *session, bool is_fingerprint, bool is_pem, bool is_json)
{
    struct base_error err;
    struct cli_page page;
    struct authority_printer printer = {is_fingerprint, is_pem, is_json};
    struct ipc_authority_list question = {0};
    if (cli_ask(session, &ipc_authority_list_spec, &question, authority_row, &printer, &page,
            &err) != BASE_OK) {
        return cli_report(&err);
    }
    return CLI_OK;
}

int
cli_cert_authority(int argc, char **argv)
{
    struct cli_place place = {NULL, NULL};
    bool is_fingerprint = false;
    bool is_pem = false;
    bool is_json = false;
    const struct cli_option table[] = {
        {"fingerprint", NULL, "the CA certificate's SHA-256 fingerprint alone", &is_fingerprint,
            NULL, NULL},
        {"pem", NULL, "the certificates themselves", &is_pem, NULL, NULL},
        {"json", NULL, "one JSON object a line", &is_json, NULL, NULL},
        CLI_PLACE_OPTIONS(place),
    };
    const struct cli_usage usage = {"cert authority [OPTION]...",
        "Shows the CA, the certificates above it, and the RA certificates, with their "
        "fingerprints.",
        table, sizeof(table) / sizeof(table[0]), 0, 0};
    struct cli_list words;
    int status = CLI_OK;
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    struct base_error err;
    struct cli_session session;
    if (cli_session_open(&place, &session, &err) != BASE_OK) {
        return cli_report(&err);
    }
    status = cli_print_authorities(&session, is_fingerprint, is_pem, is_json);
    cli_session_close(&session);
    return status;
}
