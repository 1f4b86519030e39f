#include "cli/check_store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "device/install.h"
#include "device/store.h"
#include "pki/certificate.h"
#include "pki/name.h"
#include "pki/private_key.h"

#include "base/banned.h"

struct looker {
    probe_on_line on_line;
    void *arg;
    int folder_fd;
    int64_t now_s;
};

__attribute__((format(printf, 5, 6))) static void
say(const struct looker *looker, bool is_good, const char *check, const char *remedy,
    const char *format, ...)
{
    struct probe_line line = {.outcome = is_good ? PROBE_OK : PROBE_FAILURE, .check = check};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line.text, sizeof(line.text), format, arguments);
    va_end(arguments);
    (void)snprintf(line.remedy, sizeof(line.remedy), "%s", is_good ? "" : remedy);
    looker->on_line(looker->arg, &line);
}

static enum base_code
read_certificate(const struct looker *looker, const char *name, struct buffer *ders,
    struct pki_certificate *out, struct base_error *err)
{
    BUFFER_LOCAL(pem, DEVICE_FILE_MAX);
    TRY(device_store_read(looker->folder_fd, name, &pem, err));
    TRY(pki_pem_to_ders(buffer_bytes(&pem), ders, err));
    return pki_certificate_read(buffer_bytes(ders), out, err);
}

static void
look_at_dates(const struct looker *looker, const struct pki_certificate *certificate)
{
    long long left = (long long)(certificate->not_after_s - looker->now_s) / 86400;
    if (certificate->not_before_s > looker->now_s) {
        say(looker, false, "valid-now", "Set the device's clock.", "it is not valid yet");
    } else if (certificate->not_after_s < looker->now_s) {
        say(looker, false, "valid-now", "Enrol anew.", "it ended %lld days ago", -left);
    } else {
        say(looker, true, "valid-now", "", "%lld days left", left);
    }
}

static void
look_at_root(const struct looker *looker)
{
    struct base_error why = {BASE_OK, ""};
    struct pki_certificate root;
    BUFFER_LOCAL(ders, DEVICE_FILE_MAX);
    bool is_good = read_certificate(looker, "root.pem", &ders, &root, &why) == BASE_OK;
    say(looker, is_good, "root", "Enrol again: it installs the root first.", "%s",
        is_good ? "the root certificate is there" : why.detail);
}

static void
look_at_certificate(const struct looker *looker)
{
    struct base_error why = {BASE_OK, ""};
    struct pki_certificate certificate;
    BUFFER_LOCAL(ders, DEVICE_FILE_MAX);
    BUFFER_LOCAL(name, 8192);
    if (read_certificate(looker, "cert.pem", &ders, &certificate, &why) != BASE_OK) {
        say(looker, false, "certificate", "Enrol; when that was cut off, run it again.", "%s",
            why.detail);
        return;
    }
    (void)(pki_name_text(certificate.subject, &name, &why) == BASE_OK);
    say(looker, true, "certificate", "", "%.*s", (int)name.len, (const char *)name.ptr);
    look_at_dates(looker, &certificate);
    bool is_whole = device_install_verify(looker->folder_fd, &why) == BASE_OK;
    say(looker, is_whole, "belongs-together", "Remove the certificate files and enrol anew.", "%s",
        is_whole ? "key, certificate and chain belong together" : why.detail);
}

enum base_code
cli_check_store(
    const char *path, int64_t now_s, probe_on_line on_line, void *arg, struct base_error *err)
{
    struct stat about;
    OWN_FD int folder_fd = -1;
    if (stat(path, &about) != 0 || !S_ISDIR(about.st_mode)) {
        return base_fail_errno(err, E_DEVICE_FOLDER, errno == 0 ? ENOTDIR : errno, "%.200s", path);
    }
    TRY(device_store_open(path, &folder_fd, err));
    const struct looker looker = {on_line, arg, folder_fd, now_s};
    look_at_root(&looker);
    look_at_certificate(&looker);
    return BASE_OK;
}
