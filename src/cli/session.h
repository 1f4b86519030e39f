/*
 * session.h - a conversation with the ledger of a home.
 *
 * On a running server it is a connection to the home's control socket. On a stopped one the
 * supervisor is started for this conversation, with ledger and signer, the same users and
 * confinement and no listener, and ends with it: one code path, and no file of the wrong owner. The
 * home's lock decides which; a server that is starting is waited for, 5 s.
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <sys/types.h>

#include "ipc/control.h"

struct cli_session {
    int fd;          /* the control connection; -1: none */
    pid_t server;    /* our own supervisor; 0: the server was running */
    int lifeline_fd; /* closing it ends our own supervisor; -1: none */
};

/* Where a command works: what its options say. Borrowed from argv; NULL: not given. */
struct cli_place {
    const char *home;
    const char *passphrase_fd;
};
/* The two rows of a command's table of options that fill one. */
#define CLI_PLACE_OPTIONS(place)                                                                   \
    {"passphrase-fd", "N", "on a stopped server with encrypted keys: read the passphrase there",   \
        NULL, &(place).passphrase_fd, NULL},                                                       \
    {                                                                                              \
        "home", "DIR", "the home", NULL, &(place).home, NULL                                       \
    }

/* The home: @option, else KURIER_HOME, else /var/lib/kurier when that exists, else ./kurier-home.
 * Borrowed. */
const char *cli_home(const char *option);

/*
 * "--passphrase-fd N" as a descriptor that can be read as often as needed; owned, -1 when @text is
 * NULL. Errors: E_TEXT_FORMAT, E_TOO_LARGE, E_SYSTEM.
 */
MUST_CHECK enum base_code cli_passphrase(const char *text, int *out_fd, struct base_error *err);

/* Errors: E_HOME_MISSING, E_NOT_RUNNING, E_SYSTEM, E_KEY_PASSPHRASE, and what else the roles said
 * when they could not start. */
MUST_CHECK enum base_code cli_session_open(
    const struct cli_place *place, struct cli_session *out, struct base_error *err);
/* The same with a passphrase that was read already; @passphrase_fd is borrowed, -1: none. */
MUST_CHECK enum base_code cli_session_open_with(
    const char *home, int passphrase_fd, struct cli_session *out, struct base_error *err);
void cli_session_close(struct cli_session *session);

/* Called for each row of an answer; the frame lives for the call. An error ends the conversation.
 */
typedef enum base_code (*cli_on_row)(
    void *arg, const struct ipc_frame *frame, struct base_error *err);

/*
 * Ask one question and read its whole answer, to its CONTROL_END. *out_end is filled (its slices
 * are not kept: only is_more and the cursor, copied into @out_cursor, NUL-terminated). An error
 * that the ledger reports is returned as ours.
 */
#define CLI_CURSOR_LEN 65
struct cli_page {
    bool is_more;
    char cursor[CLI_CURSOR_LEN];
};
MUST_CHECK enum base_code cli_ask(const struct cli_session *session, const struct ipc_spec *spec,
    const void *question, cli_on_row on_row, void *arg, struct cli_page *out_page,
    struct base_error *err);

#endif
