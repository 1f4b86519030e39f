/*
 * kurier-docs errors|causes: docs/errors.md and docs/causes.md from the catalogues, so that they
 * cannot disagree.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "diagnose/catalogue.h"

#include "base/banned.h"

/* "NONCE_LENGTH" as "nonce-length". */
static void
print_slug(const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        (void)putchar(*c == '_' ? '-' : *c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    }
}

static const char *
fail_info_name(enum base_fail_info fail_info)
{
    static const char *const names[] = {
        "badAlg", "badMessageCheck", "badRequest", "badTime", "badCertId"};
    return fail_info == BASE_FAIL_NONE ? "-" : names[fail_info];
}

static void
print_errors(void)
{
    size_t count = 0;
    const struct base_error_entry *table = base_error_table(&count);
    (void)printf(
        "# Errors\n\nMade from `src/base/errors.def` by `build/kurier-docs errors`. Codes never "
        "change their meaning.\n"
        "failInfo is what a SCEP peer is told (RFC 8894, section 3.2.1.4); `-` is never sent to "
        "one.\n\n"
        "| code | name | failInfo | why | what to do |\n| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < count; i++) {
        char code[BASE_CODE_TEXT_LEN] = "";
        base_code_text(table[i].code, code);
        (void)printf("| %s | ", code);
        print_slug(table[i].name);
        (void)printf(" | %s | %s | %s |\n", fail_info_name(table[i].fail_info), table[i].why,
            table[i].remedy);
    }
}

static void
print_causes(void)
{
    (void)printf(
        "# Causes\n\nMade from `src/diagnose/catalogue.def` by `build/kurier-docs causes`. A "
        "slug keeps its meaning; `kurier diagnose --lang de` has the texts in German.\nSteps: "
        "0 servers, 1 profile, 2 request, 3 policy, 4 issue, 5 delivery, 6 report.\n\n"
        "| cause | seen by | step | verdict | what it means | what to do | where to look next "
        "|\n| --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < diag_cause_count(); i++) {
        const struct diag_cause *cause = diag_cause_at(i);
        (void)printf("| %s | %s | %s | %s | %s | %s | %s |\n", cause->slug, cause->component,
            cause->stages, diag_verdict_name(cause->verdict), cause->meaning[DIAG_ENGLISH],
            cause->remedy[DIAG_ENGLISH], cause->next[DIAG_ENGLISH]);
    }
}

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "errors") == 0) {
        print_errors();
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "causes") == 0) {
        print_causes();
        return 0;
    }
    (void)fprintf(stderr, "usage: kurier-docs errors|causes\n");
    return 2;
}
