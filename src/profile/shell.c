#include "profile/shell.h"

#include <string.h>
#include <strings.h>

#include "pki/certificate.h"

#include "base/banned.h"

void
profile_shell_begin(struct profile_shell *shell, struct buffer *out)
{
    *shell = (struct profile_shell){.out = out, .code = BASE_OK};
}

static void
append(struct profile_shell *shell, struct bytes octets)
{
    if (shell->code == BASE_OK) {
        shell->code = buffer_append(shell->out, octets, &shell->error);
    }
}

void
profile_shell_put(struct profile_shell *shell, const char *text)
{
    append(shell, bytes_from_text(text));
}

void
profile_shell_word(struct profile_shell *shell, struct bytes word)
{
    profile_shell_put(shell, " ");
    profile_shell_quoted(shell, word);
}

void
profile_shell_quoted(struct profile_shell *shell, struct bytes word)
{
    profile_shell_put(shell, "'");
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == 0 && shell->code == BASE_OK) {
            shell->code = base_fail(&shell->error, E_PROFILE_UNFIT, "a word with a NUL in it");
        } else if (word.ptr[i] == '\'') {
            profile_shell_put(shell, "'\\''"); /* out of the quotes, one quote, and in again */
        } else {
            append(shell, (struct bytes){word.ptr + i, 1});
        }
    }
    profile_shell_put(shell, "'");
}

void
profile_shell_comment(struct profile_shell *shell, const char *text, struct bytes value)
{
    profile_shell_put(shell, "# ");
    profile_shell_put(shell, text);
    for (size_t i = 0; i < value.len; i++) {
        bool is_control = value.ptr[i] < 0x20 || value.ptr[i] == 0x7f;
        append(shell, is_control ? BYTES_LITERAL("?") : (struct bytes){value.ptr + i, 1});
    }
    profile_shell_put(shell, "\n");
}

bool
profile_is_https(struct bytes url)
{
    static const char scheme[] = "https:";
    return url.len >= strlen(scheme) &&
           strncasecmp((const char *)url.ptr, scheme, strlen(scheme)) == 0;
}

void
profile_shell_tls_comment(struct profile_shell *shell, struct bytes url)
{
    if (profile_is_https(url)) {
        profile_shell_put(shell,
            "# The address is https: this machine must trust the CA of that server's TLS\n"
            "# certificate. Debian: put it into /usr/local/share/ca-certificates as NAME.crt and\n"
            "# run update-ca-certificates; Fedora: /etc/pki/ca-trust/source/anchors,\n"
            "# update-ca-trust.\n");
    }
}

void
profile_shell_certificates(
    struct profile_shell *shell, const char *name, const struct bytes *certificates, size_t count)
{
    BUFFER_LOCAL(pem, (size_t)512 * 1024);
    for (size_t i = 0; i < count && shell->code == BASE_OK; i++) {
        shell->code = pki_der_to_pem(certificates[i], "CERTIFICATE", &pem, &shell->error);
    }
    profile_shell_put(shell, "cat >");
    profile_shell_put(shell, name);
    profile_shell_put(shell, " <<'END_OF_CERTIFICATES'\n");
    append(shell, buffer_bytes(&pem));
    profile_shell_put(shell, "END_OF_CERTIFICATES\n");
}

enum base_code
profile_shell_finish(const struct profile_shell *shell, struct base_error *err)
{
    return shell->code == BASE_OK ? BASE_OK
                                  : base_fail(err, shell->code, "%s", shell->error.detail);
}
