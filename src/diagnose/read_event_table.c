/*
 * Windows events that stand on a line each.
 *
 *   Error,3/4/2025 9:15:08 AM,DeviceManagement-Enterprise-Diagnostics-Provider,32,None,"SCEP: ..."
 *   "SCEP: ...","32","0",,"2",...,"Microsoft-Windows-...","04.03.2025 09:15:08"    Export-Csv
 *   3/4/2025 9:15:08 AM             32 Error            SCEP: ...                  Get-WinEvent
 *
 * Commas, semicolons or tabs; the event viewer's columns, or those that a head names in whatever
 * language and order. A text in quotes may go on over lines: they are appended by read_windows.c.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "diagnose/readers.h"
#include "diagnose/scan.h"

#include "base/banned.h"

#define COLUMNS_MAX 32

struct row {
    struct bytes fields[COLUMNS_MAX];
    size_t count;
};

static bool
is_any(struct bytes field, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        size_t len = strlen(names[i]);
        if (field.len == len && strncasecmp((const char *)field.ptr, names[i], len) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_provider(struct bytes field)
{
    static const char *const parts[] = {"DeviceManagement-Enterprise-Diagnostic", "CertEnroll",
        "NetworkDeviceEnrollmentService", "CertificationAuthority", "CertificateConnectors",
        "Intune Connector"};
    for (size_t i = 0; field.len < 100 && i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (diag_has(field, parts[i])) {
            return true;
        }
    }
    return false;
}

static bool
is_id(struct bytes field)
{
    for (size_t i = 0; i < field.len; i++) {
        if (isdigit(field.ptr[i]) == 0) {
            return false;
        }
    }
    return field.len > 0 && field.len < 6;
}

/* A field; in quotes it may have separators in it. */
static struct bytes
next_field(struct bytes *rest, char separator)
{
    bool is_quoted = rest->len > 0 && rest->ptr[0] == '"';
    size_t i = is_quoted ? 1 : 0;
    while (i < rest->len && (is_quoted || rest->ptr[i] != (uint8_t)separator)) {
        if (is_quoted && rest->ptr[i] == '"') {
            is_quoted = i + 1 < rest->len && rest->ptr[i + 1] == '"';
            i += is_quoted ? 1 : 0;
        }
        i++;
    }
    struct bytes field = diag_trim((struct bytes){rest->ptr, i});
    *rest = bytes_skip(*rest, i);
    return field;
}

static void
split(struct bytes line, char separator, struct row *row)
{
    row->count = 0;
    while (row->count < COLUMNS_MAX) {
        row->fields[row->count++] = next_field(&line, separator);
        if (line.len == 0) {
            break;
        }
        line = bytes_skip(line, 1);
    }
}

static const char *const id_names[] = {"Event ID", "EventID", "Id", "Ereignis-ID",
    "ID de l'événement", "Id. de evento", "ID evento", "Gebeurtenis-ID", NULL};
static const char *const provider_names[] = {"Source", "Quelle", "ProviderName", "Provider Name",
    "Provider", "Origen", "Origine", "Bron", NULL};
static const char *const text_names[] = {"Message", "Description", "Beschreibung", NULL};
static const char *const time_names[] = {
    "TimeCreated", "Date and Time", "Datum und Uhrzeit", "Time Created", NULL};

static bool
read_head(struct diag_file *file, const struct row *row, char separator)
{
    struct diag_columns columns = {
        .separator = separator, .id = -1, .provider = -1, .text = -1, .time = -1};
    for (size_t i = 0; i < row->count; i++) {
        columns.id = is_any(row->fields[i], id_names) ? (int)i : columns.id;
        columns.provider = is_any(row->fields[i], provider_names) ? (int)i : columns.provider;
        columns.text = is_any(row->fields[i], text_names) ? (int)i : columns.text;
        columns.time = is_any(row->fields[i], time_names) ? (int)i : columns.time;
    }
    if (columns.id < 0 || columns.provider < 0) {
        return false;
    }
    file->columns = columns;
    return true;
}

static struct bytes
field_at(const struct row *row, int at)
{
    return at >= 0 && (size_t)at < row->count ? row->fields[at] : BYTES_NONE;
}

/* Without a head: the only short number is the id, the longest field the text. */
static struct diag_columns
guess(const struct row *row)
{
    struct diag_columns columns = {.id = -1, .provider = -1, .text = -1, .time = -1};
    int64_t at_ms = 0;
    bool has_date = false;
    for (size_t i = 0; i < row->count; i++) {
        struct bytes field = row->fields[i];
        if (is_id(field) && columns.id < 0) {
            columns.id = (int)i;
        } else if (columns.provider < 0 && is_provider(field)) {
            columns.provider = (int)i;
        } else if (columns.time < 0 && field.len < 40 && diag_time(field, &at_ms, &has_date)) {
            columns.time = (int)i;
        } else if (field.len > field_at(row, columns.text).len) {
            columns.text = (int)i;
        }
    }
    return columns;
}

static bool
read_row(struct diag_file *file, const struct row *row, char separator)
{
    bool is_known = file->columns.separator == separator;
    struct diag_columns columns = guess(row);
    if (is_known) {
        columns.id = file->columns.id;
        columns.provider = file->columns.provider;
        columns.text = file->columns.text >= 0 ? file->columns.text : columns.text;
        columns.time = file->columns.time >= 0 ? file->columns.time : columns.time;
    }
    struct bytes provider = field_at(row, columns.provider);
    struct bytes id = field_at(row, columns.id);
    if (row->count < 4 || !is_id(id) || provider.len == 0 ||
        (!is_known && !is_provider(provider))) {
        return false;
    }
    diag_begin_event(
        file, provider, diag_number(id), field_at(row, columns.time), field_at(row, columns.text));
    return true;
}

/* Get-WinEvent as it prints by itself: the provider above, the columns in its head. */
static bool
read_table(struct diag_file *file, struct bytes line)
{
    if (diag_has(line, "TimeCreated") && diag_has(line, " Id ") && diag_has(line, "Message") &&
        !diag_has(line, ":")) {
        file->is_table = true;
        memcpy(file->table_provider, file->event.provider, sizeof(file->table_provider));
        return true;
    }
    struct bytes rest = diag_trim(line);
    int64_t at_ms = 0;
    bool has_date = false;
    if (!file->is_table || rest.len == 0 || isdigit(rest.ptr[0]) == 0 ||
        !diag_time(rest, &at_ms, &has_date)) {
        return file->is_table && rest.len > 0 && rest.ptr[0] == '-';
    }
    for (size_t i = 0; i < 5; i++) {
        struct bytes token = diag_token(&rest);
        if (i > 1 && is_id(token)) {
            (void)diag_token(&rest); /* the level */
            diag_begin_event(
                file, bytes_from_text(file->table_provider), diag_number(token), line, rest);
            return true;
        }
    }
    return false;
}

bool
diag_read_event_table(struct diag_file *file, struct bytes line)
{
    static const char separators[] = {',', ';', '\t'};
    if (read_table(file, line)) {
        return true;
    }
    for (size_t i = 0; i < sizeof(separators); i++) {
        struct row row;
        if (line.len == 0 || memchr(line.ptr, separators[i], line.len) == NULL) {
            continue;
        }
        split(line, separators[i], &row);
        if (read_head(file, &row, separators[i]) || read_row(file, &row, separators[i])) {
            return true;
        }
    }
    return false;
}
