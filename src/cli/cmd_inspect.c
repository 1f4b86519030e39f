/*
 * kurier inspect: the microscope.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/inspect_keys.h"
#include "cli/options.h"
#include "cli/output.h"
#include "diagnose/inspect.h"

#include "base/banned.h"

#define SHOWN_OCTETS 24

/* A file when there is one of that name; else the text itself. */
static enum base_code
read_input(const char *what, struct buffer *out, struct base_error *err)
{
    if (strcmp(what, "-") == 0) {
        return cli_read_all(STDIN_FILENO, "standard input", out, err);
    }
    OWN_FD int fd = open(what, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd >= 0) {
        return cli_read_all(fd, what, out, err);
    }
    return buffer_append(out, bytes_from_text(what), err);
}

/* ---- JSON
 * --------------------------------------------------------------------------------------------- */

static json_t *
parties(const struct inspect_party *list, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "issuer", cli_json_text(bytes_from_text(list[i].issuer)));
        (void)json_object_set_new(object, "serial", cli_json_text(bytes_from_text(list[i].serial)));
        (void)json_array_append_new(array, object);
    }
    return array;
}

struct field {
    const char *name;
    const char *label;
    const char *value;
};
#define FIELDS(it)                                                                                 \
    {                                                                                              \
        {"kind", "kind", (it)->kind}, {"message_type", "messageType", (it)->message_type},         \
            {"transaction_id", "transactionID", (it)->transaction_id},                             \
            {"sender_nonce", "senderNonce", (it)->sender_nonce},                                   \
            {"recipient_nonce", "recipientNonce", (it)->recipient_nonce},                          \
            {"pki_status", "pkiStatus", (it)->pki_status},                                         \
            {"fail_info", "failInfo", (it)->fail_info},                                            \
            {"fail_info_text", "failInfoText", (it)->fail_info_text},                              \
            {"hresult", "HRESULT", (it)->hresult}, {"digest", "digest", (it)->digest},             \
            {"signature_algorithm", "signature", (it)->signature_algorithm},                       \
            {"content_cipher", "content cipher", (it)->content_cipher},                            \
            {"key_transport", "key transport", (it)->key_transport},                               \
    }

static void
print_json(const struct inspection *it)
{
    const struct field fields[] = FIELDS(it);
    json_t *object = json_object();
    json_t *notes = json_array();
    json_t *certificates = json_array();
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        (void)json_object_set_new(
            object, fields[i].name, cli_json_text(bytes_from_text(fields[i].value)));
    }
    (void)json_object_set_new(object, "recipients", parties(it->recipients, it->recipient_count));
    (void)json_object_set_new(object, "signers", parties(it->signers, it->signer_count));
    for (size_t i = 0; i < it->certificate_count; i++) {
        (void)json_array_append_new(
            certificates, cli_json_text(bytes_from_text(it->certificates[i])));
    }
    (void)json_object_set_new(object, "certificates", certificates);
    if (it->has_csr) {
        json_t *csr = json_object();
        (void)json_object_set_new(csr, "subject", cli_json_text(bytes_from_text(it->csr_subject)));
        (void)json_object_set_new(csr, "sans", cli_json_text(bytes_from_text(it->csr_sans)));
        (void)json_object_set_new(csr, "has_challenge", json_boolean(it->has_challenge));
        (void)json_object_set_new(
            csr, "challenge_octets", json_integer((json_int_t)it->challenge_len));
        (void)json_object_set_new(object, "csr", csr);
    }
    json_t *issued = json_array();
    for (size_t i = 0; i < it->issued_count; i++) {
        (void)json_array_append_new(issued, cli_json_text(bytes_from_text(it->issued[i])));
    }
    (void)json_object_set_new(object, "issued", issued);
    (void)json_object_set_new(object, "truncated", json_boolean(it->is_truncated));
    for (size_t i = 0; i < it->note_count; i++) {
        (void)json_array_append_new(notes, cli_json_text(bytes_from_text(it->notes[i])));
    }
    (void)json_object_set_new(object, "notes", notes);
    cli_json_print_pretty(object);
}

/* ---- for people
 * --------------------------------------------------------------------------------------- */

static void
print_value(const struct asn1_tree *tree, size_t at)
{
    struct bytes content = asn1_content(tree, at);
    uint8_t tag = tree->nodes[at].tag;
    char text[256];
    char hex[2 * SHOWN_OCTETS + 1];
    bool is_text =
        tag == 0x0c || tag == 0x13 || tag == 0x14 || tag == 0x16 || tag == 0x17 || tag == 0x18;
    if (tag == 0x06) {
        (void)printf(" %s", asn1_oid_name(content, text, sizeof(text)));
    } else if (is_text) {
        struct bytes shown = {content.ptr, content.len < 80 ? content.len : 80};
        (void)printf(
            " \"%s\"%s", cli_clean(shown, text, sizeof(text)), content.len > 80 ? "..." : "");
    } else if ((tag & 0x20) == 0 && content.len > 0) {
        base_hex(
            (struct bytes){content.ptr, content.len < SHOWN_OCTETS ? content.len : SHOWN_OCTETS},
            hex);
        (void)printf(" %s%s", hex, content.len > SHOWN_OCTETS ? "..." : "");
    }
}

static void
print_tree(const struct asn1_tree *tree, const char *title)
{
    (void)printf("\n%s%s%s (offset, length)\n", cli_bold(), title, cli_plain());
    for (size_t i = 0; i < tree->count; i++) {
        const struct asn1_node *node = &tree->nodes[i];
        char name[32];
        (void)printf("%6u %6u %*s%s", node->offset, node->len, 2 * node->depth, "",
            asn1_tag_name(node, name));
        print_value(tree, i);
        (void)printf(
            "%s%s\n", node->is_indefinite ? " (indefinite)" : "", node->is_cut ? " (cut off)" : "");
    }
}

static void
print_parties(const char *label, const struct inspect_party *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[2048];
        (void)printf("%-15s %s, serial %s\n", label,
            cli_clean(bytes_from_text(list[i].issuer), text, sizeof(text)), list[i].serial);
    }
}

static void
print_text(const struct inspection *it, bool has_tree)
{
    const struct field fields[] = FIELDS(it);
    char text[8192];
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (fields[i].value[0] != '\0') {
            (void)printf("%-15s %s\n", fields[i].label,
                cli_clean(bytes_from_text(fields[i].value), text, sizeof(text)));
        }
    }
    print_parties("encrypted to", it->recipients, it->recipient_count);
    print_parties("signed by", it->signers, it->signer_count);
    for (size_t i = 0; i < it->certificate_count; i++) {
        (void)printf("%-15s %s\n", "certificate",
            cli_clean(bytes_from_text(it->certificates[i]), text, sizeof(text)));
    }
    if (it->has_csr) {
        (void)printf("%-15s %s\n", "subject",
            cli_clean(bytes_from_text(it->csr_subject), text, sizeof(text)));
        (void)printf(
            "%-15s %s\n", "names", cli_clean(bytes_from_text(it->csr_sans), text, sizeof(text)));
        (void)printf("%-15s %s\n", "challenge", it->has_challenge ? "there" : "none");
    }
    for (size_t i = 0; i < it->issued_count; i++) {
        (void)printf(
            "%-15s %s\n", "issued", cli_clean(bytes_from_text(it->issued[i]), text, sizeof(text)));
    }
    if (it->is_truncated) {
        (void)printf("%-15s yes\n", "cut off");
    }
    for (size_t i = 0; i < it->note_count; i++) {
        (void)printf("- %s\n", cli_clean(bytes_from_text(it->notes[i]), text, sizeof(text)));
    }
    if (has_tree) {
        print_tree(it->tree, "message");
        if (it->inner != NULL) {
            print_tree(it->inner, "signed content");
        }
    }
}

/* ---- the command
 * ---------------------------------------------------------------------------------------- */

struct inspect_options {
    const char *what;
    const char *key;
    const char *cert;
    const char *server;
    struct cli_place place;
};

static enum base_code
inspect(const struct inspect_options *options, struct inspection *it, struct base_error *err)
{
    BUFFER_LOCAL(input, INSPECT_INPUT_MAX);
    TRY(read_input(options->what, &input, err));
    TRY(inspection_read(it, buffer_bytes(&input), err));
    if (options->cert != NULL) {
        TRY(cli_inspect_compare_file(it, options->cert, err));
    }
    if (options->server != NULL) {
        TRY(cli_inspect_compare_server(it, options->server, err));
    }
    if (options->key != NULL) {
        return cli_inspect_open_file(it, options->key, err);
    }
    bool is_home_meant = options->place.home != NULL || options->place.passphrase_fd != NULL;
    return is_home_meant || (options->cert == NULL && options->server == NULL)
               ? cli_inspect_open_home(it, &options->place, err)
               : BASE_OK;
}

int
cli_inspect(int argc, char **argv)
{
    bool is_json = false;
    bool is_short = false;
    struct inspect_options asked = {.what = NULL};
    struct cli_list words = {.count = 0};
    struct base_error err = {0};
    int status = CLI_OK;
    const struct cli_option options[] = {
        {"key", "FILE", "the recipient's private key: opens the envelope", NULL, &asked.key, NULL},
        {"cert", "FILE", "is it encrypted to a certificate of this file?", NULL, &asked.cert, NULL},
        {"server", "URL", "is it encrypted to a certificate of this SCEP server?", NULL,
            &asked.server, NULL},
        {"short", NULL, "no tree", &is_short, NULL, NULL},
        {"json", NULL, "one JSON object", &is_json, NULL, NULL},
        CLI_PLACE_OPTIONS(asked.place),
    };
    const struct cli_usage usage = {.synopsis = "inspect WHAT [OPTION]...",
        .story = "Decodes any SCEP message, whole, damaged or cut off. WHAT is a file, - for "
                 "standard input, base64 in any alphabet, PEM, a URL, or a line of a log with one. "
                 "Where there is a home of Kurier, its signer opens what is for it.",
        .options = options,
        .count = sizeof(options) / sizeof(options[0]),
        .min_words = 1,
        .max_words = 1};
    if (!cli_parse(&usage, argc, argv, &words, &status)) {
        return status;
    }
    OWN_STRUCT(inspection) it = inspection_new();
    if (it == NULL) {
        (void)base_fail(&err, E_NO_MEMORY, "inspection");
        return cli_report(&err);
    }
    asked.what = words.item[0];
    if (inspect(&asked, it, &err) != BASE_OK) {
        return cli_report(&err);
    }
    if (is_json) {
        print_json(it);
    } else {
        print_text(it, !is_short);
    }
    return CLI_OK;
}
