/*
 * The supervisor with small roles: this very program is also kurier-config, -front, -ledger and
 * -signer, by the name under which it is started. The fake configuration is lines of words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "base/text.h"
#include "ipc/address.h"
#include "ipc/channel.h"
#include "ipc/role.h"
#include "supervisor/supervisor.h"

#include "base/banned.h"

/* ---- the fake config step ---- */

static int
send_config_line(const char *word, const char *rest)
{
    struct base_error err = {0};
    if (strcmp(word, "listen") == 0) {
        struct ipc_config_listener listener = {.address = bytes_from_text(rest), .purpose = 3};
        return ipc_send(IPC_SUPERVISOR_FD, &ipc_config_listener_spec, &listener, -1, &err) != BASE_OK;
    }
    if (strcmp(word, "static") == 0) {
        struct ipc_config_profile profile = {
            .name = BYTES_LITERAL("p"), .static_challenge = bytes_from_text(rest)};
        return ipc_send(IPC_SUPERVISOR_FD, &ipc_config_profile_spec, &profile, -1, &err) != BASE_OK;
    }
    if (strcmp(word, "error") == 0) {
        struct ipc_config_error error = {.code = E_CONFIG_SYNTAX, .text = bytes_from_text(rest)};
        return ipc_send(IPC_SUPERVISOR_FD, &ipc_config_error_spec, &error, -1, &err) == BASE_OK ? 1 : 3;
    }
    if (strcmp(word, "refuse") == 0) { /* the role named by a profile refuses */
        struct ipc_config_endpoint endpoint = {.name = bytes_from_text(rest)};
        return ipc_send(IPC_SUPERVISOR_FD, &ipc_config_endpoint_spec, &endpoint, -1, &err) != BASE_OK;
    }
    return strcmp(word, "exit") == 0 ? 7 : 0;
}

static int
main_config(void)
{
    char text[4096] = "";
    struct base_error err = {0};
    struct ipc_config_process process = {.user_front = BYTES_LITERAL("no-such-user"),
        .user_ledger = BYTES_LITERAL("no-such-user"), .user_signer = BYTES_LITERAL("no-such-user")};
    struct ipc_config_general general = {.log_level = BASE_LOG_INFO};
    struct ipc_config_end end = {0};
    ssize_t len = read(IPC_CONFIG_FD, text, sizeof(text) - 1);
    (void)len;
    if (ipc_send(IPC_SUPERVISOR_FD, &ipc_config_process_spec, &process, -1, &err) != BASE_OK ||
        ipc_send(IPC_SUPERVISOR_FD, &ipc_config_general_spec, &general, -1, &err) != BASE_OK) {
        return 1;
    }
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        char *rest = strchr(line, ' ');
        if (rest != NULL) {
            *rest++ = '\0';
        }
        int status = send_config_line(line, rest == NULL ? "" : rest);
        if (status != 0) {
            return status;
        }
    }
    return ipc_send(IPC_SUPERVISOR_FD, &ipc_config_end_spec, &end, -1, &err) != BASE_OK;
}

/* ---- the fake roles ---- */

static struct ipc_role_link role_link;
static unsigned peer_count;

static void
note(const char *event, const char *key, const char *value)
{
    struct base_log_record record;
    base_log_begin(&record, &role_link.log, BASE_LOG_INFO, event, BYTES_NONE);
    base_log_word(&record, key, value);
    base_log_end(&record);
}

static enum base_code
on_general(void *arg, const struct ipc_config_general *message, struct base_error *err)
{
    (void)arg;
    (void)message;
    (void)err;
    return BASE_OK;
}

static enum base_code
on_endpoint(void *arg, const struct ipc_config_endpoint *message, struct base_error *err)
{
    (void)arg;
    return bytes_equal_text(message->name, ipc_role_name(role_link.role))
               ? base_fail(err, E_CONFIG_REFERENCE, "told to refuse")
               : BASE_OK;
}

static enum base_code
on_profile(void *arg, const struct ipc_config_profile *message, struct base_error *err)
{
    (void)arg;
    (void)err;
    note("test_profile", "challenge", message->static_challenge.len > 0 ? "present" : "absent");
    return BASE_OK;
}

static enum base_code
on_config_end(void *arg, uint32_t generation, struct base_error *err)
{
    (void)arg;
    char text[32] = "";
    (void)snprintf(text, sizeof(text), "%u-peers-generation-%u", peer_count, (unsigned)generation);
    note("test_configured", "with", text);
    return ipc_role_ready(&role_link, err);
}

static enum base_code
on_peer(void *arg, enum ipc_role peer, int take_fd, struct base_error *err)
{
    (void)arg;
    (void)take_fd; /* stays open: its end would be seen by the peer */
    (void)err;
    peer_count++;
    note("test_peer", "peer", ipc_role_name(peer));
    return BASE_OK;
}

static enum base_code
on_listener(void *arg, enum ipc_listener_purpose purpose, struct bytes address, int take_fd, struct base_error *err)
{
    (void)arg;
    (void)purpose;
    (void)err;
    (void)take_fd;
    char text[128] = "";
    note("test_listener", "address", base_escape(address, text, sizeof(text)));
    return BASE_OK;
}

static void
on_listener_closed(void *arg, struct bytes address)
{
    (void)arg;
    char text[128] = "";
    note("test_listener_closed", "address", base_escape(address, text, sizeof(text)));
}

static enum base_code
on_passphrase(void *arg, int take_fd, struct base_error *err)
{
    (void)arg;
    (void)err;
    char text[64] = "";
    ssize_t len = read(take_fd, text, sizeof(text) - 1);
    (void)close(take_fd);
    note("test_passphrase", "text", len > 0 ? text : "none");
    return BASE_OK;
}

static enum base_code
on_other(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    (void)arg;
    struct ipc_create_ca create = {0};
    TRY(ipc_decode(&ipc_create_ca_spec, frame, &create, err));
    struct ipc_ca_created created = {.request_id = create.request_id};
    if (bytes_equal_text(create.ca, "bad")) {
        created.code = E_USAGE;
        created.detail = BYTES_LITERAL("told to fail");
    }
    return ipc_send(role_link.fd, &ipc_ca_created_spec, &created, -1, err);
}

static int
main_role(enum ipc_role role)
{
    static const struct ipc_role_handlers handlers = {.on_config_general = on_general,
        .on_config_endpoint = on_endpoint,
        .on_config_profile = on_profile,
        .on_config_end = on_config_end,
        .on_peer = on_peer,
        .on_listener = on_listener,
        .on_listener_closed = on_listener_closed,
        .on_passphrase = on_passphrase,
        .on_other = on_other};
    struct base_error err = {0};
    if (ipc_role_start(&role_link, role, &handlers, NULL, &err) != BASE_OK) {
        return 2;
    }
    /* No descriptor but those that are meant: the next one is the first free number. */
    int next_fd = dup(0);
    note("test_descriptors", "next", next_fd == IPC_LOCK_FD + 1 ? "as-meant" : "too-many");
    (void)close(next_fd);
    note("test_environment", "HOME", getenv("HOME") == NULL ? "absent" : "present");
    while (ipc_role_receive(&role_link, &err) == BASE_OK) {
    }
    return 1;
}

/* ---- the tests' side ---- */

static char home[64];
static char programs[96];
static char log_path[96];
static int log_fd = -1;
static char log_text[512 * 1024];
static int command_fd = -1; /* the command's end of a session, which only it may hold */

static void
write_config(const char *text)
{
    char path[128] = "";
    (void)snprintf(path, sizeof(path), "%s/kurier.yaml", home);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static pid_t
start(const struct supervisor_options *given)
{
    struct supervisor_options options = *given;
    options.home = home;
    options.program_dir = programs;
    options.log_fd = log_fd;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct base_error err = {0};
        if (command_fd >= 0) {
            (void)close(command_fd);
        }
        enum base_code code = supervisor_run(&options, &err);
        _exit(code == BASE_OK ? 0 : (code == E_HOME_LOCKED ? 11 : (code == E_CONFIG_SYNTAX ? 12 : 13)));
    }
    return pid;
}

#define SERVER ((struct supervisor_options){.passphrase_fd = -1, .session_fd = -1})

static void
read_log(void)
{
    ssize_t len = pread(log_fd, log_text, sizeof(log_text) - 1, 0);
    assert_true(len >= 0);
    log_text[len] = '\0';
}

static unsigned
count_in_log(const char *what)
{
    unsigned count = 0;
    read_log();
    for (const char *at = log_text; (at = strstr(at, what)) != NULL; at++) {
        count++;
    }
    return count;
}

static int64_t
now_ms(void)
{
    struct base_clock clock = base_clock_system();
    return base_clock_mono_ms(&clock);
}

static void
wait_for_log(const char *what, unsigned times)
{
    int64_t until = now_ms() + 20000;
    while (count_in_log(what) < times) {
        const struct timespec pause = {0, 5 * 1000 * 1000};
        if (now_ms() > until) {
            print_error("'%s' %u times is not in the log:\n%s\n", what, times, log_text);
            fail();
        }
        (void)nanosleep(&pause, NULL);
    }
}

/* The newest process of a role. */
static pid_t
pid_of(const char *program)
{
    char start_of[96] = "";
    uint64_t pid = 0;
    const char *found = NULL;
    (void)snprintf(start_of, sizeof(start_of), "program=%s pid=", program);
    read_log();
    for (const char *at = log_text; (at = strstr(at, start_of)) != NULL; at++) {
        found = at + strlen(start_of);
    }
    assert_non_null(found);
    struct bytes digits = {(const uint8_t *)found, strspn(found, "0123456789")};
    assert_int_equal(base_parse_number(digits, INT32_MAX, &pid, NULL), BASE_OK);
    return (pid_t)pid;
}

static int
end_of(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static bool
is_listening_at(const char *address)
{
    struct sockaddr_storage at;
    socklen_t len = 0;
    struct base_error err = {0};
    assert_int_equal(ipc_address_parse(bytes_from_text(address), &at, &len, &err), BASE_OK);
    OWN_FD int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (const struct sockaddr *)&at, len) == 0;
}

/* The address of the log's last event=listening. */
static void
last_address(char *out, size_t size)
{
    const char *found = NULL;
    read_log();
    for (const char *at = log_text; (at = strstr(at, "event=listening")) != NULL; at++) {
        found = strstr(at, " address=") + strlen(" address=");
    }
    assert_non_null(found);
    (void)snprintf(out, size, "%.*s", (int)strcspn(found, " \n"), found);
}

static void
all_roles_start_and_end_with_a_signal(void **state)
{
    (void)state;
    char address[64] = "";
    write_config("listen 127.0.0.1:0\nstatic secret-text\n");
    pid_t pid = start(&SERVER);
    wait_for_log("event=ready", 1);
    assert_int_equal(count_in_log("event=test_configured"), 3);
    assert_int_equal(count_in_log("with=2-peers-generation-1"), 3);
    assert_int_equal(count_in_log("next=as-meant"), 3);
    assert_int_equal(count_in_log("HOME=absent"), 3);
    wait_for_log("event=static_challenge", 1);
    assert_int_equal(count_in_log("challenge=present"), 1); /* the ledger */
    assert_int_equal(count_in_log("challenge=absent"), 1);  /* the signer */
    assert_int_equal(count_in_log("secret-text"), 0);
    last_address(address, sizeof(address));
    assert_true(is_listening_at(address));
    struct base_error err = {0};
    pid_t found = 0;
    int control = -1;
    assert_int_equal(supervisor_find(home, &found, &err), BASE_OK);
    assert_int_equal(found, pid);
    assert_int_equal(ipc_control_connect(home, &control, &err), BASE_OK);
    (void)close(control);
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(end_of(pid), 0);
    print_message("%s", log_text);
    assert_int_equal(count_in_log("event=role_ended"), 3);
    assert_int_equal(count_in_log("event=stopped"), 1);
    assert_false(is_listening_at(address));
    assert_int_equal(supervisor_find(home, &found, &err), BASE_OK);
    assert_int_equal(found, 0);
    assert_int_equal(ipc_control_connect(home, &control, &err), E_NOT_RUNNING);
}

static void
a_killed_role_is_back_within_a_second_with_new_peers(void **state)
{
    (void)state;
    static const char *const names[] = {"kurier-front", "kurier-ledger", "kurier-signer"};
    write_config("listen 127.0.0.1:0\n");
    pid_t pid = start(&SERVER);
    wait_for_log("event=ready", 1);
    for (unsigned i = 0; i < 3; i++) {
        unsigned configured = count_in_log("event=test_configured");
        unsigned peers = count_in_log("event=test_peer ");
        int64_t killed_ms = now_ms();
        assert_int_equal(kill(pid_of(names[i]), SIGKILL), 0);
        wait_for_log("event=test_configured", configured + 1);
        assert_true(now_ms() - killed_ms < 1000);
        wait_for_log("event=test_peer ", peers + 4); /* two for it, one for each of the others */
    }
    assert_int_equal(count_in_log("event=role_died"), 3);
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(end_of(pid), 0);
}

static void
a_role_that_keeps_dying_is_started_with_a_delay(void **state)
{
    (void)state;
    write_config("");
    pid_t pid = start(&SERVER);
    wait_for_log("event=ready", 1);
    for (unsigned i = 0; i < 6; i++) {
        unsigned configured = count_in_log("event=test_configured");
        assert_int_equal(kill(pid_of("kurier-ledger"), SIGKILL), 0);
        if (i < 5) {
            wait_for_log("event=test_configured", configured + 1);
            continue;
        }
        int64_t killed_ms = now_ms();
        wait_for_log("event=test_configured", configured + 1);
        assert_true(now_ms() - killed_ms >= 900);
    }
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(end_of(pid), 0);
}

static void
roles_end_with_a_killed_supervisor_and_the_next_one_starts(void **state)
{
    (void)state;
    write_config("listen 127.0.0.1:0\n");
    pid_t pid = start(&SERVER);
    wait_for_log("event=ready", 1);
    pid_t signer = pid_of("kurier-signer");
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(end_of(pid), 1000 + SIGKILL);
    pid = start(&SERVER);
    wait_for_log("event=ready", 2);
    /* The lock is free only when they are gone; somebody else reaps them. */
    char stat_path[64] = "";
    char stat_text[256] = "";
    (void)snprintf(stat_path, sizeof(stat_path), "/proc/%ld/stat", (long)signer);
    int fd = open(stat_path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t len = read(fd, stat_text, sizeof(stat_text) - 1);
        assert_true(len <= 0 || strstr(stat_text, ") Z ") != NULL || strstr(stat_text, ") X ") != NULL);
        (void)close(fd);
    }
    assert_int_equal(kill(pid, SIGINT), 0);
    assert_int_equal(end_of(pid), 0);
}

static void
a_second_server_of_a_home_is_refused(void **state)
{
    (void)state;
    write_config("");
    pid_t first = start(&SERVER);
    wait_for_log("event=ready", 1);
    pid_t second = start(&SERVER);
    assert_int_equal(end_of(second), 11);
    wait_for_log("is\\x20used\\x20by\\x20process", 1);
    assert_int_equal(kill(first, SIGTERM), 0);
    assert_int_equal(end_of(first), 0);
}

static void
reload_changes_listeners_and_a_bad_one_changes_nothing(void **state)
{
    (void)state;
    char first[64] = "";
    char second[64] = "";
    write_config("listen 127.0.0.1:0\n");
    pid_t pid = start(&SERVER);
    wait_for_log("event=ready", 1);
    last_address(first, sizeof(first));
    write_config("error FILE:3: bad\n");
    assert_int_equal(kill(pid, SIGHUP), 0);
    wait_for_log("event=reload_refused", 1);
    assert_int_equal(count_in_log("FILE:3:"), 1);
    assert_true(is_listening_at(first));
    write_config("listen [::1]:0\nrefuse ledger\n");
    assert_int_equal(kill(pid, SIGHUP), 0);
    wait_for_log("event=reload_refused", 2);
    wait_for_log("with=2-peers-generation-3", 3); /* all roles have the old one again */
    assert_true(is_listening_at(first));
    write_config("listen 192.0.2.1:1\n");
    assert_int_equal(kill(pid, SIGHUP), 0);
    wait_for_log("event=reload_refused", 3);
    assert_int_equal(count_in_log("event=reloaded"), 0);
    write_config("listen [::1]:0\n");
    assert_int_equal(kill(pid, SIGHUP), 0);
    wait_for_log("event=reloaded", 1);
    wait_for_log("event=test_listener_closed", 1);
    last_address(second, sizeof(second));
    assert_true(is_listening_at(second));
    assert_false(is_listening_at(first));
    write_config("listen [::1]:0\nlisten 127.0.0.1:0\n");
    assert_int_equal(kill(pid, SIGHUP), 0);
    wait_for_log("event=reloaded", 2);
    assert_true(is_listening_at(second)); /* what stays in the file is not closed */
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(end_of(pid), 0);
}

static void
given_addresses_replace_those_of_the_file(void **state)
{
    (void)state;
    static const char *const given[] = {"127.0.0.1:0", NULL};
    char address[64] = "";
    write_config("listen 192.0.2.1:1\n");
    struct supervisor_options options = SERVER;
    options.listen = given;
    pid_t pid = start(&options);
    wait_for_log("event=ready", 1);
    last_address(address, sizeof(address));
    assert_true(is_listening_at(address));
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(end_of(pid), 0);
}

static void
a_start_that_cannot_work_says_why(void **state)
{
    (void)state;
    write_config("error FILE:1: bad\n");
    assert_int_equal(end_of(start(&SERVER)), 12);
    write_config("exit\n");
    assert_int_equal(end_of(start(&SERVER)), 13);
    wait_for_log("code=KUR-1511", 1); /* E_CONFIG_STEP */
    write_config("listen 192.0.2.1:1\n");
    assert_int_equal(end_of(start(&SERVER)), 13);
    wait_for_log("code=KUR-1709", 1); /* E_LISTEN */
    write_config("refuse front\n");
    assert_int_equal(end_of(start(&SERVER)), 13);
    wait_for_log("told\\x20to\\x20refuse", 2); /* said by the role, and by the supervisor */
    char path[128] = "";
    (void)snprintf(path, sizeof(path), "%s/kurier.yaml", home);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(end_of(start(&SERVER)), 13);
    wait_for_log("code=KUR-1706", 1); /* E_HOME_MISSING */
    struct supervisor_options options = SERVER;
    struct base_error err = {0};
    options.log_fd = -1;
    options.home = "/nonexistent";
    assert_int_equal(supervisor_run(&options, &err), E_HOME_MISSING);
    options.home = home;
    options.program_dir = "/nonexistent";
    write_config("");
    assert_int_equal(supervisor_run(&options, &err), E_ROLE_MISSING);
}

static void
a_session_has_no_front_and_ends_with_its_command(void **state)
{
    (void)state;
    static struct ipc_frame frame;
    int fds[2] = {-1, -1};
    struct base_error err = {0};
    write_config("listen 192.0.2.1:1\n"); /* not opened in a session */
    assert_int_equal(ipc_channel_pair(fds, &err), BASE_OK);
    struct supervisor_options options = SERVER;
    options.session_fd = fds[1];
    command_fd = fds[0];
    pid_t pid = start(&options);
    command_fd = -1;
    (void)close(fds[1]);
    assert_int_equal(ipc_receive(fds[0], &frame, &err), BASE_OK);
    assert_int_equal(ipc_frame_type(&frame), IPC_TYPE_READY);
    assert_int_equal(count_in_log("event=test_configured"), 2);
    assert_int_equal(count_in_log("program=kurier-front"), 0);
    int control = -1;
    assert_int_equal(ipc_control_connect(home, &control, &err), BASE_OK);
    (void)close(control);
    (void)close(fds[0]);
    assert_int_equal(end_of(pid), 0);
}

static void
a_session_that_cannot_start_tells_its_command(void **state)
{
    (void)state;
    static struct ipc_frame frame;
    int fds[2] = {-1, -1};
    struct base_error err = {0};
    struct ipc_refused refused = {0};
    write_config("error FILE:9: bad\n");
    assert_int_equal(ipc_channel_pair(fds, &err), BASE_OK);
    struct supervisor_options options = SERVER;
    options.session_fd = fds[1];
    command_fd = fds[0];
    pid_t pid = start(&options);
    command_fd = -1;
    (void)close(fds[1]);
    assert_int_equal(ipc_receive(fds[0], &frame, &err), BASE_OK);
    assert_int_equal(ipc_decode(&ipc_refused_spec, &frame, &refused, &err), BASE_OK);
    assert_int_equal(refused.code, E_CONFIG_SYNTAX);
    assert_true(bytes_equal_text(refused.detail, "FILE:9: bad"));
    (void)close(fds[0]);
    assert_int_equal(end_of(pid), 12);
}

static void
a_ca_is_made_by_the_signer_alone(void **state)
{
    (void)state;
    struct ipc_create_ca create = {.ca = BYTES_LITERAL("default"), .key_spec = BYTES_LITERAL("rsa:3072")};
    write_config("");
    struct supervisor_options options = SERVER;
    options.create_ca = &create;
    assert_int_equal(end_of(start(&options)), 0);
    assert_int_equal(count_in_log("event=role_started"), 1);
    create.ca = BYTES_LITERAL("bad");
    assert_int_equal(end_of(start(&options)), 13);
    wait_for_log("told\\x20to\\x20fail", 1);
}

static void
a_restarted_signer_reads_the_passphrase_again(void **state)
{
    (void)state;
    int fds[2] = {-1, -1};
    write_config("");
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "open-sesame", 11), 11);
    (void)close(fds[1]);
    struct supervisor_options options = SERVER;
    options.passphrase_fd = fds[0];
    pid_t pid = start(&options);
    wait_for_log("event=ready", 1);
    assert_int_equal(count_in_log("event=test_passphrase"), 1);
    assert_int_equal(kill(pid_of("kurier-signer"), SIGKILL), 0);
    wait_for_log("text=open-sesame", 2);
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(end_of(pid), 0);
    (void)close(fds[0]);
}

static void
a_passphrase_beyond_its_limit_is_refused(void **state)
{
    (void)state;
    static char text[4097];
    int fds[2] = {-1, -1};
    int kept = -1;
    struct base_error err = {0};
    memset(text, 'x', sizeof(text));
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], text, sizeof(text)), sizeof(text));
    (void)close(fds[1]);
    assert_int_equal(supervisor_keep_passphrase(fds[0], &kept, &err), E_TOO_LARGE);
    (void)close(fds[0]);
}

/* ---- the frame ---- */

static int
make_home(void **state)
{
    (void)state;
    static const char *const names[] = {"kurier-config", "kurier-front", "kurier-ledger", "kurier-signer"};
    char self[256] = "";
    (void)snprintf(home, sizeof(home), "/tmp/kurier-super-XXXXXX");
    if (mkdtemp(home) == NULL || readlink("/proc/self/exe", self, sizeof(self) - 1) <= 0) {
        return -1;
    }
    (void)snprintf(programs, sizeof(programs), "%s/programs", home);
    (void)snprintf(log_path, sizeof(log_path), "%s/test.log", home);
    int status = mkdir(programs, 0755);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128] = "";
        (void)snprintf(path, sizeof(path), "%s/%s", programs, names[i]);
        status |= symlink(self, path);
    }
    log_fd = open(log_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return status;
}

static int
remove_home(void **state)
{
    (void)state;
    char command[128] = "";
    (void)close(log_fd);
    (void)snprintf(command, sizeof(command), "rm -rf %s", home);
    return system(command);
}

int
main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '/') == NULL ? argv[0] : strrchr(argv[0], '/') + 1;
    (void)argc;
    if (strcmp(name, "kurier-config") == 0) {
        return main_config();
    }
    for (enum ipc_role role = IPC_FRONT; role <= IPC_SIGNER; role++) {
        if (strncmp(name, "kurier-", 7) == 0 && strcmp(name + 7, ipc_role_name(role)) == 0) {
            return main_role(role);
        }
    }
#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, make_home, remove_home)
    const struct CMUnitTest tests[] = {
        WITH_HOME(all_roles_start_and_end_with_a_signal),
        WITH_HOME(a_killed_role_is_back_within_a_second_with_new_peers),
        WITH_HOME(a_role_that_keeps_dying_is_started_with_a_delay),
        WITH_HOME(roles_end_with_a_killed_supervisor_and_the_next_one_starts),
        WITH_HOME(a_second_server_of_a_home_is_refused),
        WITH_HOME(reload_changes_listeners_and_a_bad_one_changes_nothing),
        WITH_HOME(given_addresses_replace_those_of_the_file),
        WITH_HOME(a_start_that_cannot_work_says_why),
        WITH_HOME(a_session_has_no_front_and_ends_with_its_command),
        WITH_HOME(a_session_that_cannot_start_tells_its_command),
        WITH_HOME(a_ca_is_made_by_the_signer_alone),
        WITH_HOME(a_restarted_signer_reads_the_passphrase_again),
        WITH_HOME(a_passphrase_beyond_its_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
