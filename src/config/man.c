#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/schema.h"
#include "config/settings.h"
#include "config/value.h"

#include "base/banned.h"

static const char head[] =
    ".TH KURIER.YAML 5 \"\" \"Kurier " KURIER_VERSION "\" \"Kurier\"\n"
    ".SH NAME\n"
    "kurier.yaml \\- the configuration of a Kurier home\n"
    ".SH DESCRIPTION\n"
    "The file\n"
    ".I kurier.yaml\n"
    "in a home configures\n"
    ".BR kurier (1).\n"
    "It is one YAML document in UTF\\-8.\n"
    "Every setting has a default, so that an empty file is a whole configuration;\n"
    ".B kurier init\n"
    "writes one with all of them.\n"
    ".PP\n"
    "A key that is not known, or that stands twice, and a value that is out of its range are "
    "errors;\n"
    "they are told with file and line, and nothing is started or changed.\n"
    ".B kurier serve \\-\\-check\\-config\n"
    "checks a file, and\n"
    ".B kurier reload\n"
    "(or SIGHUP) takes it without an interruption.\n"
    ".PP\n"
    "A duration is a number and one of s, m, h, d, w and y (365 days).\n"
    "A name has small letters, digits and hyphens, 32 at most.\n";

static const char tail[] =
    ".SH EXAMPLE\n"
    "A server behind a proxy, with a second profile whose requests wait for a person:\n"
    ".PP\n"
    ".EX\n"
    "listen: [127.0.0.1:8080]\n"
    "public_url: http://scep.example.org\n"
    "trusted_proxies: [127.0.0.1]\n"
    "endpoints:\n"
    "  default:\n"
    "    profiles: [default, routers]\n"
    "profiles:\n"
    "  default:\n"
    "  routers:\n"
    "    valid: 90d\n"
    "    approval: yes\n"
    "    extended_key_usage: [ipsecIKE, clientAuth]\n"
    ".EE\n"
    ".PP\n"
    "Devices of the second profile use http://scep.example.org/scep/routers.\n"
    ".SH SEE ALSO\n"
    ".BR kurier (1)\n";

/* Append with what roff would take for its own made plain: backslashes, hyphens, a dot at the
 * front. */
MUST_CHECK static enum base_code
add_plain(struct buffer *out, const char *text, struct base_error *err)
{
    if (*text == '.' || *text == '\'') {
        TRY(buffer_append_text(out, "\\&", err));
    }
    for (; *text != '\0'; text++) {
        if (*text == '\\') {
            TRY(buffer_append_text(out, "\\e", err));
        } else if (*text == '-') {
            TRY(buffer_append_text(out, "\\-", err));
        } else {
            TRY(buffer_append_octet(out, (uint8_t)*text, err));
        }
    }
    return BASE_OK;
}

MUST_CHECK static enum base_code
add_key(struct buffer *out, const struct config_key *key, struct base_error *err)
{
    char kind[CONFIG_KIND_LEN] = "";
    config_value_kind(key, kind);
    TRY(buffer_append_text(out, ".TP\n.B ", err));
    TRY(add_plain(out, key->name, err));
    TRY(buffer_append_text(out, "\n", err));
    TRY(add_plain(out, key->comment, err));
    TRY(buffer_append_text(out, "\nValue: ", err));
    TRY(add_plain(out, kind, err));
    TRY(buffer_append_text(out, ".\n", err));
    if (key->initial != NULL) {
        TRY(buffer_append_text(out, "Default: ", err));
        TRY(add_plain(out, key->initial[0] == '\0' ? "empty" : key->initial, err));
        TRY(buffer_append_text(out, ".\n", err));
    }
    return BASE_OK;
}

enum base_code
config_man_page(struct buffer *out, struct base_error *err)
{
    const struct config_section *root = config_schema();
    TRY(buffer_append_text(out, head, err));
    TRY(buffer_append_text(out, ".SH SETTINGS\n", err));
    for (size_t i = 0; i < root->count; i++) {
        TRY(add_key(out, &root->keys[i], err));
    }
    for (size_t i = 0; i < root->count; i++) {
        const struct config_key *key = &root->keys[i];
        if (key->section == NULL) {
            continue;
        }
        bool is_object = key->type == CONFIG_OBJECTS;
        char title[96] = "";
        (void)snprintf(title, sizeof(title), ".SS %s%s\n", key->name, is_object ? ".NAME" : "");
        TRY(buffer_append_text(out, title, err));
        for (size_t k = 0; k < key->section->count; k++) {
            TRY(add_key(out, &key->section->keys[k], err));
        }
    }
    return buffer_append_text(out, tail, err);
}
