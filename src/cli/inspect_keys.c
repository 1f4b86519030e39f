#include "cli/inspect_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/session.h"
#include "diagnose/probe_http.h"
#include "pki/private_key.h"
#include "scep/authorities.h"

#include "base/banned.h"

#define FILE_MAX ((size_t)1024 * 1024)
#define FETCH_WAIT_S 15

enum base_code
cli_read_all(int fd, const char *name, struct buffer *out, struct base_error *err)
{
    uint8_t octets[65536];
    for (;;) {
        ssize_t got = read(fd, octets, sizeof(octets));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return base_fail_errno(err, E_DIAGNOSE_INPUT, errno, "%.200s", name);
        }
        if (got == 0) {
            return BASE_OK;
        }
        TRY(buffer_append(out, (struct bytes){octets, (size_t)got}, err));
    }
}

MUST_CHECK static enum base_code
read_file(const char *path, struct buffer *out, struct base_error *err)
{
    OWN_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return base_fail_errno(err, E_DIAGNOSE_INPUT, errno, "%.200s", path);
    }
    return cli_read_all(fd, path, out, err);
}

/* ---- certificates
 * --------------------------------------------------------------------------------------- */

/* @message: DER or BER, a bare certificate or a list of them. */
MUST_CHECK static enum base_code
compare_with(struct inspection *it, struct bytes message, const char *from, struct base_error *err)
{
    BUFFER_LOCAL(storage, FILE_MAX);
    struct bytes ders[SCEP_CERTIFICATES_MAX];
    struct pki_certificate certificates[SCEP_CERTIFICATES_MAX];
    size_t count = 0;
    if (scep_authorities_read(message, &storage, ders, &count, err) != BASE_OK) {
        return base_fail(err, E_DIAGNOSE_INPUT, "%.200s: no certificates", from);
    }
    for (size_t i = 0; i < count; i++) {
        if (pki_certificate_read(ders[i], &certificates[i], err) != BASE_OK) {
            return base_fail(err, E_DIAGNOSE_INPUT, "%.200s: a damaged certificate", from);
        }
    }
    struct base_clock clock = base_clock_system();
    inspection_compare(it, certificates, count, from, base_clock_now_s(&clock));
    return BASE_OK;
}

/* PEM has one certificate after the other, which become such a list. */
MUST_CHECK static enum base_code
compare_with_pem(struct inspection *it, struct bytes text, const char *from, struct base_error *err)
{
    BUFFER_LOCAL(back_to_back, FILE_MAX);
    BUFFER_LOCAL(list, FILE_MAX);
    struct bytes ders[SCEP_CERTIFICATES_MAX];
    size_t count = 0;
    if (pki_pem_to_ders(text, &back_to_back, err) != BASE_OK) {
        return base_fail(err, E_DIAGNOSE_INPUT, "%.200s: a damaged certificate", from);
    }
    struct der_reader reader = der_reader_over(buffer_bytes(&back_to_back));
    while (!der_at_end(&reader) && count < SCEP_CERTIFICATES_MAX) {
        struct der_element element;
        TRY(der_next(&reader, &element, err));
        ders[count++] = element.whole;
    }
    TRY(scep_authorities_build(ders, count, &list, err));
    return compare_with(it, buffer_bytes(&list), from, err);
}

enum base_code
cli_inspect_compare_file(struct inspection *it, const char *path, struct base_error *err)
{
    BUFFER_LOCAL(content, FILE_MAX);
    TRY(read_file(path, &content, err));
    struct bytes octets = buffer_bytes(&content);
    if (octets.len > 0 && memmem(octets.ptr, octets.len, "-----BEGIN ", 11) != NULL) {
        return compare_with_pem(it, octets, path, err);
    }
    return compare_with(it, octets, path, err);
}

enum base_code
cli_inspect_compare_server(struct inspection *it, const char *url, struct base_error *err)
{
    char whole[4096];
    struct probe_answer answer;
    int len = snprintf(whole, sizeof(whole), "%s?operation=GetCACert&message=kurier", url);
    if (len < 0 || (size_t)len >= sizeof(whole)) {
        return base_fail(err, E_DIAGNOSE_INPUT, "a URL of %d characters", len);
    }
    probe_answer_init(&answer);
    probe_fetch(whole, NULL, FETCH_WAIT_S, &answer);
    enum base_code code = BASE_OK;
    if (answer.failure != PROBE_ANSWERED || answer.status != 200) {
        code = base_fail(err, E_DIAGNOSE_INPUT, "GetCACert of %.200s: %s (HTTP %ld)", url,
            answer.failure_text, answer.status);
    } else {
        code = compare_with(it, buffer_bytes(&answer.body), url, err);
    }
    probe_answer_clear(&answer);
    return code;
}

/* ---- keys
 * -----------------------------------------------------------------------------------------------
 */

static enum base_code
open_with_key(void *arg, const struct scep_recipient *recipient, size_t key_len,
    uint8_t out_key[32], struct base_error *err)
{
    return pki_unwrap_key(
        arg, recipient->transport, recipient->encrypted_key, key_len, out_key, err);
}

enum base_code
cli_inspect_open_file(struct inspection *it, const char *path, struct base_error *err)
{
    OWN_STRUCT(pki_private_key) key = NULL;
    BUFFER_LOCAL(pem, FILE_MAX);
    TRY(read_file(path, &pem, err));
    TRY(pki_private_key_load(buffer_bytes(&pem), BYTES_NONE, &key, err));
    const struct inspect_opener opener = {open_with_key, key};
    inspection_open(it, &opener);
    return BASE_OK;
}

/* ---- a home: its RA certificates, and its signer
 * -------------------------------------------------------- */

struct known_ra {
    char ca[IPC_NAME_MAX];
    size_t ca_len;
    uint8_t index;
    uint8_t *der;
    size_t der_len;
};

struct home_opener {
    struct cli_session session;
    struct inspection *it;
    struct known_ra list[SCEP_CERTIFICATES_MAX];
    size_t count;
    uint8_t key[32];
    size_t key_len;
};

static enum base_code
take_authority(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    struct home_opener *home = arg;
    struct ipc_authority_row row;
    TRY(ipc_decode(&ipc_authority_row_spec, frame, &row, err));
    if (row.kind != IPC_AUTHORITY_RA || home->count == SCEP_CERTIFICATES_MAX) {
        return BASE_OK;
    }
    struct known_ra *known = &home->list[home->count];
    known->der = bytes_copy(row.certificate);
    if (known->der == NULL) {
        return base_fail(err, E_NO_MEMORY, "certificate");
    }
    known->der_len = row.certificate.len;
    memcpy(known->ca, row.ca.ptr, row.ca.len);
    known->ca_len = row.ca.len;
    known->index = row.index;
    home->count++;
    return BASE_OK;
}

static enum base_code
take_key(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    struct home_opener *home = arg;
    struct ipc_envelope_opened row;
    TRY(ipc_decode(&ipc_envelope_opened_spec, frame, &row, err));
    memcpy(home->key, row.key.ptr, row.key.len);
    home->key_len = row.key.len;
    return BASE_OK;
}

/* The RA certificate with this issuer and serial. */
static const struct known_ra *
find_ra(const struct home_opener *home, const struct scep_recipient *recipient)
{
    for (size_t i = 0; i < home->count; i++) {
        struct pki_certificate certificate;
        const struct known_ra *known = &home->list[i];
        if (pki_certificate_read((struct bytes){known->der, known->der_len}, &certificate, NULL) ==
                BASE_OK &&
            bytes_equal(certificate.issuer, recipient->issuer) &&
            bytes_equal(certificate.serial, recipient->serial)) {
            return known;
        }
    }
    return NULL;
}

static enum base_code
open_with_home(void *arg, const struct scep_recipient *recipient, size_t key_len,
    uint8_t out_key[32], struct base_error *err)
{
    struct home_opener *home = arg;
    struct cli_page page;
    const struct known_ra *known = find_ra(home, recipient);
    if (known == NULL) {
        return base_fail(err, E_DIAGNOSE_INPUT, "it is for no RA certificate of this home");
    }
    const struct ipc_envelope_open question = {.ca = {(const uint8_t *)known->ca, known->ca_len},
        .ra = known->index,
        .transport = (uint8_t)recipient->transport,
        .key_len = (uint8_t)key_len,
        .encrypted_key = recipient->encrypted_key};
    home->key_len = 0;
    TRY(cli_ask(&home->session, &ipc_envelope_open_spec, &question, take_key, home, &page, err));
    if (home->key_len != key_len) {
        return base_fail(err, E_DIAGNOSE_INPUT, "the signer gave no key");
    }
    memcpy(out_key, home->key, key_len);
    explicit_bzero(home->key, sizeof(home->key));
    return BASE_OK;
}

MUST_CHECK static enum base_code
open_in_session(struct home_opener *home, struct base_error *err)
{
    const struct ipc_authority_list question = {0};
    struct cli_page page;
    TRY(cli_ask(
        &home->session, &ipc_authority_list_spec, &question, take_authority, home, &page, err));
    const struct inspect_opener opener = {open_with_home, home};
    inspection_open(home->it, &opener);
    return BASE_OK;
}

enum base_code
cli_inspect_open_home(struct inspection *it, const struct cli_place *place, struct base_error *err)
{
    struct stat about;
    struct base_error why;
    struct home_opener opener = {.it = it};
    bool is_meant = place->home != NULL || place->passphrase_fd != NULL;
    if (!inspection_has_envelope(it) || (!is_meant && stat(cli_home(NULL), &about) != 0)) {
        return BASE_OK;
    }
    enum base_code code = cli_session_open(place, &opener.session, &why);
    if (code == BASE_OK) {
        code = open_in_session(&opener, &why);
        cli_session_close(&opener.session);
    }
    for (size_t i = 0; i < opener.count; i++) {
        free(opener.list[i].der);
    }
    if (code != BASE_OK && is_meant) {
        *err = why;
        return code;
    }
    return BASE_OK; /* what was not asked for may fail */
}
