/* A shell script for strongSwan's pki: the CA's certificates come with it, the RA's from the
 * server, verified against them. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "profile/formats.h"
#include "profile/names.h"
#include "profile/shell.h"

#include "base/banned.h"

static enum base_code
check_san(void *arg, enum pki_san_type type, struct bytes value, struct base_error *err)
{
    (void)arg;
    (void)value;
    if (type == PKI_SAN_OTHER) {
        return base_fail(err, E_PROFILE_UNFIT, "strongSwan's pki cannot ask for a UPN");
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
    const char *prefix = type == PKI_SAN_DNS ? "dns:" : type == PKI_SAN_EMAIL ? "email:" : "uri:";
    BUFFER_LOCAL(word, PROFILE_TEXT_MAX);
    TRY(buffer_append_text(&word, prefix, err));
    TRY(buffer_append(&word, value, err));
    profile_shell_put(shell, " \\\n    --san");
    profile_shell_word(shell, buffer_bytes(&word));
    return BASE_OK;
}

/* Its text form of names has no escapes, so the name is given as DER. */
static enum base_code
put_subject(struct profile_shell *shell, struct bytes subject_der, struct base_error *err)
{
    static const char digits[] = "0123456789abcdef";
    BUFFER_LOCAL(word, (size_t)4 * 65536);
    TRY(buffer_append_text(&word, "asn1dn:#", err));
    for (size_t i = 0; i < subject_der.len; i++) {
        TRY(buffer_append_octet(&word, (uint8_t)digits[subject_der.ptr[i] >> 4], err));
        TRY(buffer_append_octet(&word, (uint8_t)digits[subject_der.ptr[i] & 0x0f], err));
    }
    profile_shell_put(shell, " \\\n    --dn");
    profile_shell_word(shell, buffer_bytes(&word));
    return BASE_OK;
}

static enum base_code
put_request(struct profile_shell *shell, const struct profile_spec *spec, struct base_error *err)
{
    char option[64] = "";
    profile_shell_put(shell, "pki --scep --in key.pem --outform pem --cipher aes --url");
    profile_shell_word(shell, spec->url);
    TRY(put_subject(shell, spec->subject_der, err));
    TRY(profile_sans_each(spec->sans_der, put_san, shell, err));
    profile_shell_put(shell, " \\\n    --password");
    profile_shell_word(shell, spec->challenge);
    profile_shell_put(shell, " \\\n    --cacert-enc ra.pem --cacert-sig ra.pem");
    for (size_t i = 0; i < spec->ca_count; i++) {
        (void)snprintf(option, sizeof(option), " --cacert ca-%zu.pem", i);
        profile_shell_put(shell, option);
    }
    profile_shell_put(shell, spec->needs_approval ? " --interval 60" : " --maxpolltime 300");
    profile_shell_put(shell, " >cert.new\nmv cert.new cert.pem\n");
    return BASE_OK;
}

static enum base_code
write_script(const struct profile_spec *spec, struct buffer *out, struct base_error *err)
{
    struct profile_shell shell;
    char text[96] = "";
    BUFFER_LOCAL(subject, 65536);
    TRY(pki_name_text(spec->subject_der, &subject, err));
    profile_shell_begin(&shell, out);
    profile_shell_put(&shell, "#!/bin/sh\n");
    profile_shell_comment(&shell, "Enrols with strongSwan's pki: ", spec->device);
    profile_shell_comment(&shell, "The certificate's subject is ", buffer_bytes(&subject));
    profile_shell_put(&shell,
        "# The challenge in it serves one enrolment: keep this file to the device.\n"
        "# usage: sh FILE [FOLDER]   key.pem, cert.pem and the CA's certificates go there\n");
    profile_shell_tls_comment(&shell, spec->url);
    profile_shell_put(&shell, "set -eu\numask 077\nmkdir -p -- \"${1:-.}\"\ncd -- \"${1:-.}\"\n");
    for (size_t i = 0; i < spec->ca_count; i++) {
        (void)snprintf(text, sizeof(text), "ca-%zu.pem", i);
        profile_shell_certificates(&shell, text, &spec->cas[i], 1);
    }
    (void)snprintf(text, sizeof(text), "pki --gen --type rsa --size %u --outform pem >key.new",
        spec->key_bits);
    /* A second run, after one that was cut off, asks for the same key. */
    profile_shell_put(&shell, "if [ ! -s key.pem ]; then\n    ");
    profile_shell_put(&shell, text);
    profile_shell_put(&shell, "\n    mv key.new key.pem\nfi\n");
    profile_shell_put(
        &shell, "pki --scepca --outform pem --force --caout from-server.pem --raout ra.pem --url");
    profile_shell_word(&shell, spec->url);
    profile_shell_put(&shell, " >&2\n");
    TRY(put_request(&shell, spec, err));
    profile_shell_put(&shell, "echo \"The certificate is $(pwd)/cert.pem, its key key.pem.\"\n");
    return profile_shell_finish(&shell, err);
}

const struct profile_writer profile_strongswan = {
    PROFILE_STRONGSWAN, "strongswan", NULL, 0, check, write_script};
