/*
 * program.h - kurier-signer as a child process, spoken to as its supervisor, front and ledger do.
 */
#ifndef TESTS_SIGNER_PROGRAM_H
#define TESTS_SIGNER_PROGRAM_H

#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "base/log.h"
#include "fixture.h"
#include "ipc/channel.h"
#include "ipc/to_role.h"
#include "ipc/to_signer.h"
#include "signer/profile.h"

#define PROGRAM_WAIT_MS 60000 /* for one answer; sanitizers and a busy machine are slow */

struct program {
    pid_t pid;
    int supervisor;
    int front;
    int ledger;
    int log;                /* a memory file */
    struct ipc_frame frame; /* the last one received */
};

struct program_options {
    const char *home;
    bool is_new_home;
    const char *passphrase;   /* NULL: none */
    const char *clock_offset; /* seconds, test builds; NULL: none */
};

static void
program_path(char *out, size_t size)
{
    char self[PATH_MAX] = "";
    ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
    assert_true(len > 0);
    (void)snprintf(out, size, "%s/../kurier-signer", dirname(self));
}

/* In the child: descriptors 3 and 4, then the program. */
static void
program_exec(const char *path, int supervisor, int log, const char *clock_offset)
{
    int high_supervisor = fcntl(supervisor, F_DUPFD, 10);
    int high_log = fcntl(log, F_DUPFD, 10);
    if (clock_offset != NULL) {
        (void)setenv("KURIER_CLOCK_OFFSET_S", clock_offset, 1);
    }
    if (dup2(high_supervisor, IPC_SUPERVISOR_FD) == IPC_SUPERVISOR_FD &&
        dup2(high_log, IPC_LOG_FD) == IPC_LOG_FD) {
        (void)close(high_supervisor);
        (void)close(high_log);
        (void)execl(path, path, (char *)NULL);
    }
    _exit(127);
}

/* Send to any socket; a test that expects a closed one says so. */
static void
program_tell(int socket_fd, const struct ipc_spec *spec, const void *message, int pass_fd)
{
    struct base_error err = {0};
    if (ipc_send(socket_fd, spec, message, pass_fd, &err) != BASE_OK) {
        fail_msg("send %s: %s", spec->name, err.detail);
    }
}

/* Wait for one frame; its code: BASE_OK, or E_PEER_CLOSED at the end of the socket. */
static enum base_code
program_wait(struct program *program, int socket_fd)
{
    struct pollfd readable = {socket_fd, POLLIN, 0};
    struct base_error err = {0};
    if (poll(&readable, 1, PROGRAM_WAIT_MS) != 1) {
        fail_msg("no answer");
    }
    return ipc_receive(socket_fd, &program->frame, &err);
}

/* Wait for one message of this kind. */
static void
program_expect(
    struct program *program, int socket_fd, const struct ipc_spec *spec, void *out_message)
{
    struct base_error err = {0};
    struct ipc_refused refused = {0};
    assert_int_equal(program_wait(program, socket_fd), BASE_OK);
    if (ipc_decode(spec, &program->frame, out_message, &err) == BASE_OK) {
        return;
    }
    if (ipc_decode(&ipc_refused_spec, &program->frame, &refused, &err) == BASE_OK) {
        fail_msg("want %s, refused: %.*s", spec->name, (int)refused.detail.len,
            (const char *)refused.detail.ptr);
    }
    fail_msg("want %s, got type %d", spec->name, (int)ipc_frame_type(&program->frame));
}

static struct ipc_config_profile
program_profile(void)
{
    return (struct ipc_config_profile){.name = BYTES_LITERAL("device"),
        .valid_s = 365 * FIXTURE_DAY_S,
        .backdate_s = 300,
        .challenge_ttl_s = 3600,
        .renew_before_s = 30 * FIXTURE_DAY_S,
        .key_usage = PKI_DIGITAL_SIGNATURE | PKI_KEY_ENCIPHERMENT,
        .ekus = BYTES_LITERAL("1.3.6.1.5.5.7.3.2"),
        .san_types = 1U << PKI_SAN_DNS,
        .min_rsa_bits = 2048,
        .max_rsa_bits = 4096,
        .allow_rsa = 1,
        .allow_ec = 1};
}

static void
program_configure(struct program *program, const struct program_options *options,
    const struct ipc_config_profile *profile, uint32_t generation)
{
    const struct ipc_config_general general = {.home = bytes_from_text(options->home),
        .log_level = BASE_LOG_DEBUG,
        .is_new_home = options->is_new_home,
        .crl_valid_s = 7 * FIXTURE_DAY_S};
    const struct ipc_config_ca ca = {
        .name = BYTES_LITERAL("default"), .key_uri = BYTES_LITERAL("file:ca-default.key")};
    const struct ipc_config_end end = {.generation = generation};
    program_tell(program->supervisor, &ipc_config_general_spec, &general, -1);
    program_tell(program->supervisor, &ipc_config_profile_spec, profile, -1);
    program_tell(program->supervisor, &ipc_config_ca_spec, &ca, -1);
    const struct ipc_config_tls tls = {.address = BYTES_LITERAL("127.0.0.1:8443"),
        .tls = IPC_TLS_OWN,
        .names = BYTES_LITERAL("scep.example.org\n127.0.0.1"),
        .ca = BYTES_LITERAL("default")};
    program_tell(program->supervisor, &ipc_config_tls_spec, &tls, -1);
    program_tell(program->supervisor, &ipc_config_end_spec, &end, -1);
}

/* A new socket to @role; *out_fd is our end, an earlier one is closed. */
static void
program_connect(struct program *program, enum ipc_role role, int *out_fd)
{
    struct base_error err = {0};
    int fds[2] = {-1, -1};
    const struct ipc_peer peer = {.role = (uint8_t)role};
    if (*out_fd >= 0) {
        (void)close(*out_fd);
    }
    assert_int_equal(ipc_channel_pair(fds, &err), BASE_OK);
    program_tell(program->supervisor, &ipc_peer_spec, &peer, fds[1]);
    (void)close(fds[1]);
    *out_fd = fds[0];
}

static void
program_send_passphrase(struct program *program, const char *passphrase)
{
    struct base_error err = {0};
    const struct ipc_passphrase message = {.unused = 0};
    int fd = -1;
    assert_int_equal(ipc_blob_new(bytes_from_text(passphrase), &fd, &err), BASE_OK);
    program_tell(program->supervisor, &ipc_passphrase_spec, &message, fd);
    (void)close(fd);
}

/* Started and configured; READY or REFUSED is still to come. */
static struct program *
program_begin(const struct program_options *options)
{
    struct base_error err = {0};
    char path[PATH_MAX + 32] = "";
    int fds[2] = {-1, -1};
    struct program *program = calloc(1, sizeof(*program));
    assert_non_null(program);
    program_path(path, sizeof(path));
    assert_int_equal(ipc_channel_pair(fds, &err), BASE_OK);
    program->log = memfd_create("log", MFD_CLOEXEC);
    assert_true(program->log >= 0);
    program->front = -1;
    program->ledger = -1;
    program->pid = fork();
    assert_true(program->pid >= 0);
    if (program->pid == 0) {
        program_exec(path, fds[1], program->log, options->clock_offset);
    }
    (void)close(fds[1]);
    program->supervisor = fds[0];
    program_connect(program, IPC_FRONT, &program->front);
    program_connect(program, IPC_LEDGER, &program->ledger);
    if (options->passphrase != NULL) {
        program_send_passphrase(program, options->passphrase);
    }
    const struct ipc_config_profile profile = program_profile();
    program_configure(program, options, &profile, 1);
    return program;
}

static struct program *
program_start(const struct program_options *options)
{
    struct program *program = program_begin(options);
    struct ipc_ready ready = {0};
    program_expect(program, program->supervisor, &ipc_ready_spec, &ready);
    assert_int_equal(ready.generation, 1);
    return program;
}

/* The status with which it ended, within the waiting time. */
FIXTURE_UNUSED static int
program_status(struct program *program)
{
    const struct timespec pause = {0, 10000000};
    int status = 0;
    for (int i = 0; i < PROGRAM_WAIT_MS / 10; i++) {
        if (waitpid(program->pid, &status, WNOHANG) == program->pid) {
            program->pid = -1;
            return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
        }
        (void)nanosleep(&pause, NULL);
    }
    fail_msg("it does not end");
    return -1;
}

FIXTURE_UNUSED static bool
program_has_logged(const struct program *program, const char *text)
{
    static char log[65536];
    ssize_t len = pread(program->log, log, sizeof(log) - 1, 0);
    log[len > 0 ? len : 0] = '\0';
    return strstr(log, text) != NULL;
}

static void
program_free(struct program *program)
{
    if (program == NULL) {
        return;
    }
    if (program->pid > 0) {
        (void)kill(program->pid, SIGKILL);
        (void)waitpid(program->pid, NULL, 0);
    }
    (void)close(program->supervisor);
    (void)close(program->front);
    (void)close(program->ledger);
    (void)close(program->log);
    free(program);
}
OWNER_STRUCT(program)

FIXTURE_UNUSED static enum base_code
program_create_ca(struct program *program, const char *key_spec)
{
    struct ipc_ca_created made = {0};
    const struct ipc_create_ca ask = {.request_id = 77,
        .ca = BYTES_LITERAL("default"),
        .key_spec = bytes_from_text(key_spec),
        .subject = BYTES_LITERAL("CN=Test CA,O=Example"),
        .valid_s = 3650 * FIXTURE_DAY_S};
    program_tell(program->supervisor, &ipc_create_ca_spec, &ask, -1);
    program_expect(program, program->supervisor, &ipc_ca_created_spec, &made);
    assert_int_equal(made.request_id, 77);
    return (enum base_code)made.code;
}

/* What DESCRIBE says, read back into an authority without keys. */
FIXTURE_UNUSED static struct signer_authority *
program_describe(struct program *program, int socket_fd)
{
    struct base_error err = {0};
    struct signer_authority *seen = NULL;
    const struct ipc_describe ask = {.request_id = 5};
    assert_int_equal(signer_authority_new(BYTES_LITERAL("default"), &seen, &err), BASE_OK);
    program_tell(socket_fd, &ipc_describe_spec, &ask, -1);
    for (;;) {
        struct ipc_authority one = {0};
        assert_int_equal(program_wait(program, socket_fd), BASE_OK);
        if (ipc_frame_type(&program->frame) == IPC_TYPE_DESCRIBED) {
            return seen;
        }
        assert_int_equal(ipc_decode(&ipc_authority_spec, &program->frame, &one, &err), BASE_OK);
        assert_int_equal(one.request_id, 5);
        struct signer_certificate *to = one.kind == IPC_AUTHORITY_CA   ? &seen->ca
                                        : one.kind == IPC_AUTHORITY_RA ? &seen->ra
                                                                       : &seen->chain[one.index];
        assert_int_equal(signer_certificate_set(to, one.certificate, &err), BASE_OK);
        seen->chain_count += one.kind == IPC_AUTHORITY_CHAIN ? 1 : 0;
    }
}

#endif
