/*
 * readers.h - lines to observations, one reader per source.
 *
 * A reader is offered every line and takes those that it recognises by their content. What it needs
 * to remember between lines (an event that is put together, a wrapped line) is in the file's state.
 */
#ifndef DIAGNOSE_READERS_H
#define DIAGNOSE_READERS_H

#include "diagnose/anchors.h"
#include "diagnose/catalogue.h"
#include "diagnose/observation.h"

#define DIAG_EVENT_MAX 6000
#define DIAG_FIELDS_MAX 48

/* A Windows event that is being read. */
struct diag_event {
    bool is_open;
    int64_t id;
    char provider[120];
    int64_t at_ms;
    bool has_date;
    uint32_t line;
    char text[DIAG_EVENT_MAX];
    size_t len;
};

#define DIAG_UNKNOWN_MAX 3

/* A line of a source that is read, which says nothing that is known. */
struct diag_unknown {
    enum diag_source source;
    uint32_t line;
    char text[DIAG_TEXT_MAX];
};

/* Columns of a table of events; -1: not there. */
struct diag_columns {
    char separator; /* 0: no head was seen */
    int id;
    int provider;
    int text;
    int time;
};

struct diag_file {
    const char *name;
    const struct diag_catalogue *catalogue;
    const struct diag_anchors *anchors;
    diag_on_observation on_observation;
    void *arg;
    uint32_t line; /* number of the present line */
    struct diag_event event;
    /* IIS: which field stands where, by #Fields; -1: not there */
    int fields[DIAG_FIELDS_MAX];
    int field_count;
    char held[4096]; /* the first half of a wrapped line */
    size_t held_len;
    const struct diag_cause *contact; /* what most lines of a web server say */
    bool is_httperr;                  /* #Fields of http.sys */
    struct diag_columns columns;
    bool is_table; /* Get-WinEvent's table of events, of this provider */
    char table_provider[120];
    bool is_answered; /* sscep: the answer to its request was read */
    bool is_page;     /* NDESPlugin: in an HTML page that came instead of a verdict */
    bool is_notify;   /* NDESPlugin: after "Calling Notifyrequest" */
    /* the newest lines that no observation came of, since the last that one did */
    struct diag_unknown unknown[DIAG_UNKNOWN_MAX];
    size_t unknown_count;
    /* a PEM or base64 block */
    char *block;
    size_t block_len;
    bool is_in_block;
};

void diag_file_init(struct diag_file *file, const char *name,
    const struct diag_catalogue *catalogue, const struct diag_anchors *anchors,
    diag_on_observation on_observation, void *arg);
void diag_file_line(struct diag_file *file, struct bytes line);
/* What was held back is said. */
void diag_file_end(struct diag_file *file);

/* ---- for the readers */

/* An observation of the present line with its time and ids filled in. */
struct diag_observation diag_observe(const struct diag_file *file, enum diag_source source,
    enum diag_mark mark, unsigned step, struct bytes line);
void diag_say(struct diag_file *file, const struct diag_observation *observation);
/* The same in one go; @slug NULL: none. */
void diag_mark_line(struct diag_file *file, enum diag_source source, enum diag_mark mark,
    unsigned step, const char *slug, struct bytes line);
/* A line of @source that says nothing that is known: evidence when nothing follows. */
void diag_keep_unknown(struct diag_file *file, enum diag_source source, struct bytes line);
/* Where a delivery stands when a log of @source shows @cause. */
unsigned diag_stage_of(enum diag_source source, const struct diag_cause *cause);
/* The slug of an HTTP status of 400 and above. */
const char *diag_slug_of_status(int64_t status);
/* Every cause of the catalogue in @text; returns how many were said. @skip: a slug that is not. */
size_t diag_say_causes(
    struct diag_file *file, enum diag_source source, struct bytes text, const char *skip);

bool diag_read_android(struct diag_file *file, struct bytes line);
bool diag_read_apple(struct diag_file *file, struct bytes line);
bool diag_read_windows(struct diag_file *file, struct bytes line);
void diag_end_windows(struct diag_file *file);
bool diag_read_event_table(struct diag_file *file, struct bytes line);
/* An event that stands on one line, or begins on it. */
void diag_begin_event(struct diag_file *file, struct bytes provider, int64_t id, struct bytes time,
    struct bytes text);
bool diag_read_certutil_view(struct diag_file *file, struct bytes line);
bool diag_read_httperr(struct diag_file *file, struct bytes line);
bool diag_read_iis(struct diag_file *file, struct bytes line);
/* A whole line of a log whose #Fields were seen, at the speed of memory; false: not one. */
bool diag_read_w3c(struct diag_file *file, struct bytes line);
void diag_end_iis(struct diag_file *file);
bool diag_read_ndes_plugin(struct diag_file *file, struct bytes line);
bool diag_read_svclog(struct diag_file *file, struct bytes line);
bool diag_read_client(struct diag_file *file, struct bytes line);
bool diag_read_server(struct diag_file *file, struct bytes line);
/* The first code of Kurier in @text in the catalogue's words; NULL: none. */
const struct diag_cause *diag_cause_of_code(struct bytes text, unsigned *out_step);
bool diag_read_message(struct diag_file *file, struct bytes line);
void diag_end_message(struct diag_file *file);

#endif
