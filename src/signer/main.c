/*
 * kurier-signer: started by the supervisor, with its socket and a log. It reads its configuration,
 * confines itself, loads its keys, and serves front and ledger from threads, the supervisor from
 * this one.
 */
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "ipc/confine.h"
#include "pki/memory.h"
#include "signer/signer.h"
#include "signer/verbs.h"

#include "base/banned.h"

/* Two are enough for threads that allocate little; each costs locked memory. */
#define HEAP_COUNT 2

static size_t
count_cores(void)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    int count = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;
    return count < 1 ? 1 : count > SIGNER_WORKER_MAX ? SIGNER_WORKER_MAX : (size_t)count;
}

MUST_CHECK static enum base_code
on_config_general(void *arg, const struct ipc_config_general *message, struct base_error *err)
{
    return signer_config_begin(arg, message, err);
}

MUST_CHECK static enum base_code
on_config_profile(void *arg, const struct ipc_config_profile *message, struct base_error *err)
{
    return signer_config_add_profile(arg, message, err);
}

MUST_CHECK static enum base_code
on_config_ca(void *arg, const struct ipc_config_ca *message, struct base_error *err)
{
    return signer_config_add_ca(arg, message, err);
}

MUST_CHECK static enum base_code
on_config_tls(void *arg, const struct ipc_config_tls *message, int take_fd, struct base_error *err)
{
    if (take_fd >= 0) {
        (void)close(take_fd); /* keys of listeners are not for us */
        return base_fail(err, E_IPC_UNEXPECTED, "a file of a listener");
    }
    return signer_config_add_tls(arg, message, err);
}

/*
 * Locked memory is all of the address space, also what is mapped later. Where the system allows
 * less than that, locking would succeed now and threads would fail later; then it is better to have
 * mlockall(2) fail at once, which is a warning, or an error with `confinement: strict`.
 */
static void
settle_locked_memory(void)
{
    struct rlimit limit = {0, 0};
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max >= SIGNER_LOCKED_NEED ? limit.rlim_max : 0;
        (void)setrlimit(RLIMIT_MEMLOCK, &limit);
    }
}

MUST_CHECK static enum base_code
confine(struct signer *signer, struct base_error *err)
{
    char folder[sizeof(signer->coming.home) + 16] = "";
    (void)snprintf(folder, sizeof(folder), "%s/signer", signer->coming.home);
    const struct ipc_confinement confinement = {.role = IPC_SIGNER,
        .writable = {folder},
        .is_memory_locked = true,
        .is_strict = signer->coming.is_strict};
    settle_locked_memory();
    return ipc_confine(&confinement, &signer->log, err);
}

static void
log_ready(struct signer *signer, size_t worker_count)
{
    const struct signer_authority *authorities[SIGNER_CA_MAX];
    struct base_log log = signer_log(signer);
    struct base_log_record record;
    base_log_begin(&record, &log, BASE_LOG_INFO, "signer_ready", BYTES_NONE);
    base_log_number(&record, "cas", (int64_t)signer_list_authorities(signer, authorities));
    base_log_number(&record, "journal_records", (int64_t)signer_book_count(signer->book));
    base_log_number(&record, "workers", (int64_t)worker_count);
    base_log_end(&record);
}

/* The first configuration: from here on confined, and with the keys in memory. */
MUST_CHECK static enum base_code
start(struct signer *signer, struct base_error *err)
{
    uint8_t ignored[JOURNAL_HASH_LEN];
    TRY(signer_open_folder(signer, err));
    /* The library reads its own configuration at its first use, which is still allowed now. */
    TRY(journal_sha256(BYTES_NONE, ignored, err));
    TRY(confine(signer, err));
    TRY(signer_start(signer, err));
    TRY(signer_book_start(signer->book, err));
    TRY(signer_peers_start(signer->peers, err));
    log_ready(signer, count_cores());
    return BASE_OK;
}

MUST_CHECK static enum base_code
on_config_end(void *arg, uint32_t generation, struct base_error *err)
{
    struct signer *signer = arg;
    (void)generation; /* the link keeps it for its answer */
    if (signer->is_running) {
        TRY(signer_reload(signer, err));
    } else {
        TRY(start(signer, err));
    }
    return ipc_role_ready(signer->role, err);
}

MUST_CHECK static enum base_code
on_peer(void *arg, enum ipc_role peer, int take_fd, struct base_error *err)
{
    struct signer *signer = arg;
    return signer_peers_connect(signer->peers, peer, take_fd, err);
}

/* To its end; a trailing line end is not part of it. */
MUST_CHECK static enum base_code
on_passphrase(void *arg, int take_fd, struct base_error *err)
{
    struct signer *signer = arg;
    OWN_FD int fd = take_fd;
    BUFFER_LOCAL(text, SIGNER_PASSPHRASE_MAX + 2);
    ssize_t got = 1;
    (void)lseek(
        fd, 0, SEEK_SET); /* a memory file that an earlier signer may have read; a pipe cannot */
    while (got > 0) {
        uint8_t *to = NULL;
        TRY(buffer_reserve(&text, 1, &to, err));
        got = read(fd, to, text.capacity - text.len);
        text.len += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        return base_fail(err, E_SIGNER_KEY_FILE, "the passphrase cannot be read");
    }
    text.len -= text.len > 0 && text.ptr[text.len - 1] == '\n' ? 1 : 0;
    text.len -= text.len > 0 && text.ptr[text.len - 1] == '\r' ? 1 : 0;
    return secret_set(&signer->passphrase, buffer_bytes(&text), err);
}

/* All that was received is answered, and all that was signed is on the disk. */
static void
on_drain(void *arg, uint32_t deadline_ms)
{
    struct signer *signer = arg;
    signer_peers_drain(signer->peers, deadline_ms);
    if (signer->book != NULL) {
        signer_book_flush(
            signer->book); /* not freed: after the deadline a thread may still use it */
    }
    _exit(0);
}

MUST_CHECK static enum base_code
on_other(void *arg, const struct ipc_frame *frame, struct base_error *err)
{
    struct signer *signer = arg;
    if (!signer->is_running) {
        return base_fail(err, E_IPC_UNEXPECTED, "message of type %u before the configuration",
            (unsigned)ipc_frame_type(frame));
    }
    return signer_handle(signer, IPC_SUPERVISOR, signer->role->fd, frame, err);
}

static const struct ipc_role_handlers handlers = {.on_config_general = on_config_general,
    .on_config_profile = on_config_profile,
    .on_config_ca = on_config_ca,
    .on_config_tls = on_config_tls,
    .on_config_end = on_config_end,
    .on_peer = on_peer,
    .on_passphrase = on_passphrase,
    .on_drain = on_drain,
    .on_other = on_other};

int
main(void)
{
    /* Threads and handlers refer to both until the process ends. */
    static struct ipc_role_link link;
    static struct signer signer;
    struct base_error err = {0};
    (void)mallopt(M_ARENA_MAX, HEAP_COUNT);
    if (ipc_role_start(&link, IPC_SIGNER, &handlers, &signer, &err) != BASE_OK) {
        (void)fprintf(stderr, "kurier-signer: %s\n", err.detail);
        return 2;
    }
    pki_memory_need(&link.log);
    if (signer_init(&signer, &link.log, &err) != BASE_OK) {
        return 1;
    }
    signer.role = &link;
    signer.peers = signer_peers_new(signer_handle, &signer, count_cores(), &link);
    while (signer.peers != NULL && ipc_role_receive(&link, &err) == BASE_OK) {
    }
    _exit(1); /* at once: threads may still serve, and nothing of ours waits for an orderly end */
}
