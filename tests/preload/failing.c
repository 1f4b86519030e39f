/*
 * failing.c - preloaded into Kurier's programs, it makes one call of one role fail.
 *
 * KURIER_FAILPLAN names a file of the form of struct plan, which the test maps as well: it arms the
 * plan by setting left last. Only the role that the plan names looks at it. The file is mapped
 * before the role confines itself, which is why this is a constructor.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MEMORY = 1, INPUT = 2, OUTPUT = 4 };

struct plan {
    char role[32];
    uint32_t calls;    /* which kinds are counted: MEMORY | INPUT | OUTPUT */
    int32_t error;     /* errno of the call that fails */
    int64_t left;      /* calls until it fails; 0 and less: it has */
    int64_t hits;      /* calls that have failed */
    int64_t is_always; /* not only that call: all that follow too */
    int64_t counted;
};

static struct plan *plan;

__attribute__((constructor)) static void
take_plan(void)
{
    const char *path = getenv("KURIER_FAILPLAN");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    void *memory =
        fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (memory != MAP_FAILED) {
        plan = memory;
    }
}

static int
is_failing(uint32_t call)
{
    if (plan == NULL || (__atomic_load_n(&plan->calls, __ATOMIC_ACQUIRE) & call) == 0 ||
        strcmp(program_invocation_short_name, plan->role) != 0) {
        return 0;
    }
    __atomic_add_fetch(&plan->counted, 1, __ATOMIC_RELAXED);
    int64_t left = __atomic_sub_fetch(&plan->left, 1, __ATOMIC_RELAXED);
    if (left > 0 || (left < 0 && !plan->is_always)) {
        return 0;
    }
    __atomic_add_fetch(&plan->hits, 1, __ATOMIC_RELAXED);
    errno = plan->error;
    return 1;
}

/* ---- memory: the C library's own names, so that the search for the next ones needs none ---- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

void *
malloc(size_t size)
{
    return is_failing(MEMORY) ? NULL : __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
    return is_failing(MEMORY) ? NULL : __libc_calloc(count, size);
}

void *
realloc(void *old, size_t size)
{
    return is_failing(MEMORY) ? NULL : __libc_realloc(old, size);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
    return is_failing(MEMORY) ? NULL : __libc_memalign(alignment, size);
}

int
posix_memalign(void **out, size_t alignment, size_t size)
{
    if (is_failing(MEMORY)) {
        return ENOMEM;
    }
    *out = __libc_memalign(alignment, size);
    return *out == NULL ? ENOMEM : 0;
}

/* ---- input and output ---- */

#define WRAP(kind, type, name, parameters, arguments)                                              \
    type name parameters                                                                           \
    {                                                                                              \
        static type(*next) parameters;                                                             \
        if (next == NULL) {                                                                        \
            *(void **)&next = dlsym(RTLD_NEXT, #name);                                             \
        }                                                                                          \
        return is_failing(kind) ? (type)-1 : next arguments;                                       \
    }

WRAP(INPUT, ssize_t, read, (int fd, void *to, size_t len), (fd, to, len))
WRAP(INPUT, ssize_t, __read_chk, (int fd, void *to, size_t len, size_t size), (fd, to, len, size))
WRAP(INPUT, ssize_t, readv, (int fd, const struct iovec *to, int count), (fd, to, count))
WRAP(INPUT, ssize_t, pread, (int fd, void *to, size_t len, off_t at), (fd, to, len, at))
WRAP(INPUT, ssize_t, pread64, (int fd, void *to, size_t len, off64_t at), (fd, to, len, at))
WRAP(INPUT, ssize_t, __pread_chk, (int fd, void *to, size_t len, off_t at, size_t size),
    (fd, to, len, at, size))
WRAP(INPUT, ssize_t, __pread64_chk, (int fd, void *to, size_t len, off64_t at, size_t size),
    (fd, to, len, at, size))
WRAP(INPUT, ssize_t, recv, (int fd, void *to, size_t len, int flags), (fd, to, len, flags))
WRAP(INPUT, ssize_t, __recv_chk, (int fd, void *to, size_t len, size_t size, int flags),
    (fd, to, len, size, flags))
WRAP(INPUT, ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
WRAP(OUTPUT, ssize_t, write, (int fd, const void *from, size_t len), (fd, from, len))
WRAP(OUTPUT, ssize_t, writev, (int fd, const struct iovec *from, int count), (fd, from, count))
WRAP(OUTPUT, ssize_t, pwrite, (int fd, const void *from, size_t len, off_t at), (fd, from, len, at))
WRAP(OUTPUT, ssize_t, pwrite64, (int fd, const void *from, size_t len, off64_t at),
    (fd, from, len, at))
WRAP(OUTPUT, ssize_t, send, (int fd, const void *from, size_t len, int flags),
    (fd, from, len, flags))
WRAP(OUTPUT, ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags),
    (fd, message, flags))
WRAP(OUTPUT, int, fsync, (int fd), (fd))
WRAP(OUTPUT, int, fdatasync, (int fd), (fd))
WRAP(OUTPUT, int, ftruncate, (int fd, off_t size), (fd, size))
WRAP(OUTPUT, int, ftruncate64, (int fd, off64_t size), (fd, size))
