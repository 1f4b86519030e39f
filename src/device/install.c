#include "device/install.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/text.h"
#include "device/store.h"
#include "pki/certificate.h"

#include "base/banned.h"

#define LOG_NAME "kurier-device.log"
#define ROOT_CLASS "org.kurier.device.RootCertInstallStateMachine"
#define CERT_CLASS "org.kurier.device.ScepCertInstallStateMachine"

/* One line, synced: what it says is durable before it, and it is durable before what comes next. */
static enum base_code
log_state(const struct device_install *install, const char *class_name, const char *what,
    const char *name, const char *from, const char *to, struct base_error *err)
{
    char at[BASE_TIME_TEXT_LEN] = "";
    char line[1024] = "";
    base_time_text_ms(base_clock_now_ms(&install->clock), at);
    /* Seven digits of a second and no zone, as Android writes it. */
    int len = snprintf(line, sizeof(line),
        "%.23s0000    INFO    Event     %s    %ld    %ld    %s cert '%.200s' state changed "
        "from %s to %s\n",
        at, class_name, (long)getpid(), (long)gettid(), what, name, from, to);
    OWN_FD int fd =
        openat(install->folder_fd, LOG_NAME, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, (size_t)len) != len || fdatasync(fd) != 0) {
        return base_fail_errno(err, E_DEVICE_FOLDER, errno, LOG_NAME);
    }
#ifdef KURIER_TEST_HOOKS
    const char *stop = getenv("KURIER_DEVICE_STOP_AT");
    if (stop != NULL && strcmp(what, "SCEP") == 0 && strcmp(stop, to) == 0) {
        _exit(9);
    }
#endif
    return BASE_OK;
}

enum base_code
device_install_root(struct device_install *install, struct bytes root_der, struct base_error *err)
{
    static const char requested[] = "CERT_INSTALL_REQUESTED";
    static const char installing[] = "CERT_INSTALLING";
    uint8_t digest[PKI_DIGEST_MAX];
    char name[2 * 20 + 1] = "";
    BUFFER_LOCAL(pem, DEVICE_FILE_MAX);
    BUFFER_LOCAL(old, DEVICE_FILE_MAX);
    TRY(pki_der_to_pem(root_der, "CERTIFICATE", &pem, err));
    if (device_store_has(install->folder_fd, "root.pem")) {
        TRY(device_store_read(install->folder_fd, "root.pem", &old, err));
        if (bytes_equal(buffer_bytes(&old), buffer_bytes(&pem))) {
            return BASE_OK;
        }
    }
    TRY(pki_digest(PKI_SHA1, root_der, digest, err));
    base_hex((struct bytes){digest, 20}, name);
    TRY(log_state(install, ROOT_CLASS, "Root", name, requested, requested, err));
    TRY(device_store_prepare(install->folder_fd, "root.pem", buffer_bytes(&pem), 0644, err));
    TRY(log_state(install, ROOT_CLASS, "Root", name, requested, installing, err));
    TRY(device_store_commit(install->folder_fd, "root.pem", err));
    return log_state(install, ROOT_CLASS, "Root", name, installing, "CERT_INSTALL_SUCCESS", err);
}

static enum base_code
change(struct device_install *install, const char *to, struct base_error *err)
{
    const char *from = install->state == NULL ? to : install->state;
    TRY(log_state(install, CERT_CLASS, "SCEP", install->name, from, to, err));
    install->state = to;
    return BASE_OK;
}

enum base_code
device_install_enrolled(
    struct device_install *install, struct bytes certificates_pem, struct base_error *err)
{
    TRY(device_store_write(install->folder_fd, DEVICE_ENROLLED, certificates_pem, 0644, err));
    return change(install, "CERT_ENROLLED", err);
}

/* The first certificate of the PEM text, and what follows it. */
static enum base_code
split_first(
    struct bytes pem, struct bytes *out_first, struct bytes *out_rest, struct base_error *err)
{
    static const char end_mark[] = "-----END CERTIFICATE-----\n";
    const uint8_t *end = memmem(pem.ptr, pem.len, end_mark, sizeof(end_mark) - 1);
    if (end == NULL) {
        return base_fail(err, E_DEVICE_INSTALLED, DEVICE_ENROLLED " has no certificate");
    }
    size_t len = (size_t)(end - pem.ptr) + sizeof(end_mark) - 1;
    *out_first = (struct bytes){pem.ptr, len};
    *out_rest = bytes_skip(pem, len);
    return BASE_OK;
}

enum base_code
device_install_certificate(struct device_install *install, struct base_error *err)
{
    BUFFER_LOCAL(pem, DEVICE_FILE_MAX);
    struct bytes certificate;
    struct bytes chain;
    TRY(device_store_read(install->folder_fd, DEVICE_ENROLLED, &pem, err));
    TRY(split_first(buffer_bytes(&pem), &certificate, &chain, err));
    if (install->state == NULL) {
        install->state = "CERT_ENROLLED"; /* an earlier run came so far */
    }
    if (faccessat(install->folder_fd, ".", W_OK, AT_EACCESS) != 0) {
        return base_fail_errno(err, E_DEVICE_FOLDER, errno, "the folder cannot be written");
    }
    TRY(change(install, "CERT_INSTALL_REQUESTED", err));
    TRY(device_store_prepare(install->folder_fd, "cert.pem", certificate, 0644, err));
    TRY(device_store_prepare(install->folder_fd, "chain.pem", chain, 0644, err));
    if (device_store_has(install->folder_fd, "next-key.pem")) {
        BUFFER_LOCAL(key, DEVICE_FILE_MAX);
        TRY(device_store_read(install->folder_fd, "next-key.pem", &key, err));
        TRY(device_store_prepare(install->folder_fd, "key.pem", buffer_bytes(&key), 0600, err));
    }
    TRY(change(install, "CERT_INSTALLING", err));
    if (device_store_has(install->folder_fd, "key.pem.tmp")) {
        TRY(device_store_commit(install->folder_fd, "key.pem", err));
    }
    TRY(device_store_commit(install->folder_fd, "chain.pem", err));
    TRY(device_store_commit(install->folder_fd, "cert.pem", err));
    TRY(change(install, "CERT_ACCESS_REQUESTED", err));
    TRY(device_install_verify(install->folder_fd, err));
    TRY(change(install, "CERT_ACCESS_GRANTED", err));
    device_store_remove(install->folder_fd, "next-key.pem");
    device_store_remove(install->folder_fd, DEVICE_ENROLLED);
    return BASE_OK;
}

/* A signature with the private key, verified with the certificate's public one. */
static enum base_code
try_key(const struct pki_private_key *key, const struct pki_certificate *certificate,
    struct base_error *err)
{
    BUFFER_LOCAL(signature, 1024);
    OWN_STRUCT(pki_public_key) public_key = NULL;
    const struct pki_signature_algorithm algorithm = {
        pki_private_key_signature(key), PKI_SHA256, 0};
    const struct bytes text = BYTES_LITERAL("does this key belong to this certificate?");
    TRY(pki_public_key_read(certificate->spki, &public_key, err));
    TRY(pki_sign(key, PKI_SHA256, text, &signature, err));
    return pki_verify(public_key, &algorithm, text, buffer_bytes(&signature), err);
}

static enum base_code
verify(int folder_fd, struct base_error *err)
{
    BUFFER_LOCAL(key_pem, DEVICE_FILE_MAX);
    BUFFER_LOCAL(certificate_pem, DEVICE_FILE_MAX);
    BUFFER_LOCAL(chain_pem, DEVICE_FILE_MAX);
    BUFFER_LOCAL(ders, DEVICE_FILE_MAX);
    BUFFER_LOCAL(chain, DEVICE_FILE_MAX);
    OWN_STRUCT(pki_private_key) key = NULL;
    struct pki_certificate certificate;
    struct pki_certificate issuer;
    TRY(device_store_read(folder_fd, "key.pem", &key_pem, err));
    TRY(pki_private_key_load(buffer_bytes(&key_pem), BYTES_NONE, &key, err));
    TRY(device_store_read(folder_fd, "cert.pem", &certificate_pem, err));
    TRY(pki_pem_to_ders(buffer_bytes(&certificate_pem), &ders, err));
    TRY(pki_certificate_read(buffer_bytes(&ders), &certificate, err));
    TRY(try_key(key, &certificate, err));
    TRY(device_store_read(folder_fd, "chain.pem", &chain_pem, err));
    TRY(pki_pem_to_ders(buffer_bytes(&chain_pem), &chain, err));
    struct der_reader reader = der_reader_over(buffer_bytes(&chain));
    while (!der_at_end(&reader)) {
        struct der_element element;
        TRY(der_next(&reader, &element, err));
        TRY(pki_certificate_read(element.whole, &issuer, err));
        TRY(pki_certificate_check_issuer(&certificate, &issuer, err));
        certificate = issuer;
    }
    return BASE_OK;
}

enum base_code
device_install_verify(int folder_fd, struct base_error *err)
{
    char reason[BASE_DETAIL_MAX] = "";
    if (verify(folder_fd, err) == BASE_OK) {
        return BASE_OK;
    }
    memcpy(reason, err->detail, sizeof(reason));
    return base_fail(err, E_DEVICE_INSTALLED, "%.200s", reason);
}
