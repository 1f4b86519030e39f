/* A shell script for certmonger: makes the CA known, then requests; certmonger renews by itself. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "pki/certificate.h"
#include "profile/formats.h"
#include "profile/names.h"
#include "profile/shell.h"

#include "base/banned.h"

static enum base_code
check_san(void *arg, enum pki_san_type type, struct bytes value, struct base_error *err)
{
    (void)arg;
    (void)value;
    if (type != PKI_SAN_DNS && type != PKI_SAN_EMAIL) {
        return base_fail(err, E_PROFILE_UNFIT, "certmonger cannot ask for a %s over SCEP",
            type == PKI_SAN_OTHER ? "UPN" : "URI");
    }
    return BASE_OK;
}

static enum base_code
check(const struct profile_spec *spec, struct base_error *err)
{
    return profile_sans_each(spec->sans_der, check_san, NULL, err);
}

static enum base_code
put_san(void *arg, enum pki_san_type type, struct bytes value, struct base_error *err)
{
    struct profile_shell *shell = arg;
    (void)err;
    profile_shell_put(shell, type == PKI_SAN_DNS ? " \\\n    -D" : " \\\n    -E");
    profile_shell_word(shell, value);
    return BASE_OK;
}

static void
put_usages(struct profile_shell *shell, const struct profile_spec *spec)
{
    static const struct {
        uint8_t bit;
        const char *name;
    } usages[] = {{PKI_DIGITAL_SIGNATURE, "digitalSignature"},
        {PKI_CONTENT_COMMITMENT, "nonRepudiation"}, {PKI_KEY_ENCIPHERMENT, "keyEncipherment"},
        {PKI_DATA_ENCIPHERMENT, "dataEncipherment"}, {PKI_KEY_AGREEMENT, "keyAgreement"}};
    for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
        if ((spec->key_usage & usages[i].bit) != 0) {
            profile_shell_put(shell, " -u ");
            profile_shell_put(shell, usages[i].name);
        }
    }
    for (struct bytes list = spec->ekus; list.len > 0;) {
        const uint8_t *end = memchr(list.ptr, '\n', list.len);
        size_t len = end == NULL ? list.len : (size_t)(end - list.ptr);
        profile_shell_put(shell, " -U");
        profile_shell_word(shell, (struct bytes){list.ptr, len});
        list = bytes_skip(list, len + 1);
    }
}

/* The CA under a name of its own, known once its certificates were fetched. With https, -R is for
 * TLS alone and -N for what SCEP brings; the machine's CAs are named because PKIOperation is sent
 * without what -R says (0.79.17). */
static void
put_ca(struct profile_shell *shell, const struct profile_spec *spec, struct bytes nickname)
{
    bool is_https = profile_is_https(spec->url);
    profile_shell_tls_comment(shell, spec->url);
    if (is_https) {
        profile_shell_put(shell, "tls=/etc/ssl/certs/ca-certificates.crt\n"
                                 "[ -r \"$tls\" ] || tls=/etc/pki/tls/certs/ca-bundle.crt\n");
    }
    profile_shell_put(shell, "ca=");
    profile_shell_quoted(shell, nickname);
    profile_shell_put(shell, "\nif ! getcert list-cas -c \"$ca\" 2>/dev/null | grep -q .; then\n"
                             "    getcert add-scep-ca -c \"$ca\" ");
    profile_shell_put(
        shell, is_https ? "-R \"$tls\" -N \"$folder/ca.pem\" -u" : "-R \"$folder/ca.pem\" -u");
    profile_shell_word(shell, spec->url);
    profile_shell_put(shell, "\nfi\n"
                             "waited=0\n"
                             "until getcert list-cas -c \"$ca\" -v 2>/dev/null |\n"
                             "    grep -q 'capabilities\\|CA certificate\\|SCEP CA'; do\n"
                             "    [ $waited -lt 30 ] || break\n"
                             "    waited=$((waited + 1))\n"
                             "    sleep 1\n"
                             "done\n");
}

static enum base_code
write_script(const struct profile_spec *spec, struct buffer *out, struct base_error *err)
{
    struct profile_shell shell;
    char id[PROFILE_ID_LEN] = "";
    char text[160] = "";
    BUFFER_LOCAL(subject, 65536);
    TRY(profile_id(spec, id, err));
    TRY(pki_name_text(spec->subject_der, &subject, err));
    (void)snprintf(text, sizeof(text), "kurier-%.*s", base_size_to_int(spec->profile.len),
        (const char *)spec->profile.ptr);
    profile_shell_begin(&shell, out);
    profile_shell_put(&shell, "#!/bin/sh\n");
    profile_shell_comment(&shell, "Enrols with certmonger: ", spec->device);
    profile_shell_put(&shell,
        "# The challenge in it serves one enrolment: keep this file to the device.\n"
        "# usage: sh FILE [FOLDER]   key.pem, cert.pem and ca.pem go there; certmonger must be\n"
        "# allowed to write there (SELinux: /etc/pki/tls/certs, private)\n"
        "set -eu\numask 077\nmkdir -p -- \"${1:-.}\"\ncd -- \"${1:-.}\"\nfolder=$(pwd)\n");
    profile_shell_certificates(&shell, "ca.pem", spec->cas, spec->ca_count);
    put_ca(&shell, spec, bytes_from_text(text));
    (void)snprintf(text, sizeof(text), "kurier-%s", id);
    profile_shell_put(&shell, "getcert request -c \"$ca\" -w -v -I");
    profile_shell_word(&shell, bytes_from_text(text));
    (void)snprintf(text, sizeof(text), " -G rsa -g %u", spec->key_bits);
    profile_shell_put(&shell, text);
    put_usages(&shell, spec);
    profile_shell_put(&shell, " \\\n    -k \"$folder/key.pem\" -f \"$folder/cert.pem\" \\\n    -N");
    profile_shell_word(&shell, buffer_bytes(&subject));
    TRY(profile_sans_each(spec->sans_der, put_san, &shell, err));
    profile_shell_put(&shell, " \\\n    -L");
    profile_shell_word(&shell, spec->challenge);
    profile_shell_put(&shell, "\n");
    return profile_shell_finish(&shell, err);
}

const struct profile_writer profile_certmonger = {
    PROFILE_CERTMONGER, "certmonger", NULL, 0, check, write_script};
