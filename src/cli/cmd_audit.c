/*
 * kurier audit: the ledger's and the signer's journals against the certificates.
 */
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/list.h"
#include "cli/output.h"

#include "base/banned.h"

struct auditor {
    bool is_json;
    uint64_t findings;
    struct ipc_audit_progress total;
};

static void
print_finding(const struct auditor *auditor, const struct ipc_audit_finding *row)
{
    char text[2048] = "";
    char code[BASE_CODE_TEXT_LEN] = "";
    if (auditor->is_json) {
        json_t *object = json_object();
        (void)json_object_set_new(object, "code", cli_json_code(row->code));
        (void)json_object_set_new(object, "finding", cli_json_text(row->detail));
        cli_json_print(object);
        return;
    }
    base_code_text((enum base_code)row->code, code);
    (void)printf(
        "%s%s%s [%s]\n", cli_red(), cli_clean(row->detail, text, sizeof(text)), cli_plain(), code);
}

static enum base_code
audit_row(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    struct auditor *auditor = arg;
    if (ipc_frame_type(frame) == IPC_TYPE_AUDIT_PROGRESS) {
        struct ipc_audit_progress row;
        TRY(ipc_decode(&ipc_audit_progress_spec, frame, &row, err));
        auditor->total.ledger_records += row.ledger_records;
        auditor->total.signer_records += row.signer_records;
        auditor->total.certificates += row.certificates;
        if (isatty(STDERR_FILENO) == 1) {
            (void)fprintf(
                stderr, "\r%llu certificates", (unsigned long long)auditor->total.certificates);
        }
        return BASE_OK;
    }
    struct ipc_audit_finding row;
    TRY(ipc_decode(&ipc_audit_finding_spec, frame, &row, err));
    auditor->findings++;
    print_finding(auditor, &row);
    return BASE_OK;
}

static void
print_total(const struct auditor *auditor)
{
    if (isatty(STDERR_FILENO) == 1) {
        (void)fprintf(stderr, "\r");
    }
    if (auditor->is_json) {
        json_t *object = json_object();
        (void)json_object_set_new(
            object, "ledger_records", json_integer((json_int_t)auditor->total.ledger_records));
        (void)json_object_set_new(
            object, "signer_records", json_integer((json_int_t)auditor->total.signer_records));
        (void)json_object_set_new(
            object, "certificates", json_integer((json_int_t)auditor->total.certificates));
        (void)json_object_set_new(object, "findings", json_integer((json_int_t)auditor->findings));
        cli_json_print(object);
        return;
    }
    (void)printf("%llu certificate%s, %llu records of the ledger, %llu of the signer: %s\n",
        (unsigned long long)auditor->total.certificates,
        auditor->total.certificates == 1 ? "" : "s",
        (unsigned long long)auditor->total.ledger_records,
        (unsigned long long)auditor->total.signer_records,
        auditor->findings == 0 ? "they agree" : "they do NOT agree");
}

static int
finish(void *arg)
{
    const struct auditor *auditor = arg;
    print_total(auditor);
    return auditor->findings == 0 ? CLI_OK : CLI_NO;
}

int
cli_audit(int argc, char **argv)
{
    struct auditor auditor = {.is_json = false};
    struct ipc_audit question = {BYTES_NONE};
    const struct cli_listing listing = {.synopsis = "audit [OPTION]...",
        .story = "Verifies the hash chains of the ledger's and the signer's journals, and both "
                 "against the certificates.\n"
                 "Exit status 1 when they do not agree.",
        .json_help = "one JSON object a line: findings, then the totals",
        .is_json = &auditor.is_json,
        .pages = {&ipc_audit_spec, &question, &question.cursor, audit_row, &auditor, NULL},
        .finish = finish};
    return cli_list_command(argc, argv, &listing);
}
