#include "ipc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/own.h"

#include "base/banned.h"

/* What a pair's buffers are asked to hold: IPC_IN_FLIGHT_MAX of the largest frames. The kernel
 * gives an unprivileged process less (net.core.wmem_max); a sender then waits, or is told
 * E_PEER_BUSY. */
#define SOCKET_BUFFER ((int)(IPC_IN_FLIGHT_MAX * IPC_FRAME_MAX))
_Static_assert(IPC_IN_FLIGHT_MAX *IPC_FRAME_MAX <= 64 * 1024 * 1024, "fits an int, and memory");

static void
enlarge_buffer(int fd)
{
    int size = SOCKET_BUFFER;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    }
}

enum base_code
ipc_channel_pair(int out_fds[2], struct base_error *err)
{
    int fds[2] = {-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "socketpair");
    }
    enlarge_buffer(fds[0]);
    enlarge_buffer(fds[1]);
    out_fds[0] = fds[0];
    out_fds[1] = fds[1];
    return BASE_OK;
}

union control_room {
    char octets[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

enum base_code
ipc_send_frame(int socket_fd, const struct ipc_frame *frame, struct base_error *err)
{
    union control_room control = {{0}};
    /* sendmsg(2) does not write there; its struct has no const. */
    struct iovec part = {(void *)(uintptr_t)frame->octets, frame->len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (frame->fd >= 0) {
        message.msg_control = control.octets;
        message.msg_controllen = sizeof(control.octets);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(head), &frame->fd, sizeof(int));
    }
    for (;;) {
        if (sendmsg(socket_fd, &message, MSG_NOSIGNAL) >= 0) {
            return BASE_OK;
        }
        if (errno == EINTR) {
            continue;
        }
        if (errno == EAGAIN || errno == ENOBUFS) {
            return base_fail(err, E_PEER_BUSY, "the socket is full");
        }
        if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) {
            return base_fail(err, E_PEER_CLOSED, "nobody is at the other end");
        }
        return base_fail_errno(err, E_SYSTEM, errno, "sendmsg");
    }
}

enum base_code
ipc_send(int socket_fd, const struct ipc_spec *spec, const void *message, int pass_fd,
    struct base_error *err)
{
    struct ipc_frame frame; /* 64 KiB that ipc_encode() fills as far as they are sent */
    frame.fd = pass_fd;
    TRY(ipc_encode(spec, message, &frame, err));
    return ipc_send_frame(socket_fd, &frame, err);
}

/* The descriptor that came with a message, -1: none. More than one cannot come: there is no room
 * for it, and the kernel closes what it cannot hand over. */
static int
passed_fd(struct msghdr *message)
{
    int fd = -1;
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL;
         head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
            head->cmsg_len == CMSG_LEN(sizeof(int))) {
            memcpy(&fd, CMSG_DATA(head), sizeof(int));
        }
    }
    return fd;
}

MUST_CHECK static enum base_code
receive(int socket_fd, int flags, struct ipc_frame *frame, struct base_error *err)
{
    union control_room control = {{0}};
    struct iovec part = {frame->octets, sizeof(frame->octets)};
    struct msghdr message = {.msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.octets,
        .msg_controllen = CMSG_LEN(sizeof(int))}; /* its padding would have room for a second one */
    ssize_t got = -1;
    do {
        got = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC | flags);
    } while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN) {
        return base_fail(err, E_PEER_BUSY, "no message is there");
    }
    if (got < 0 && errno != ECONNRESET) {
        return base_fail_errno(err, E_SYSTEM, errno, "recvmsg");
    }
    if (got <= 0) {
        return base_fail(err, E_PEER_CLOSED, "the other end is closed");
    }
    OWN_FD int fd = passed_fd(&message);
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        return base_fail(
            err, E_IPC_FIELD, "a message larger than a frame, or with two descriptors");
    }
    frame->len = (size_t)got;
    frame->fd = fd;
    fd = -1;
    return BASE_OK;
}

enum base_code
ipc_receive(int socket_fd, struct ipc_frame *frame, struct base_error *err)
{
    return receive(socket_fd, 0, frame, err);
}

enum base_code
ipc_receive_now(int socket_fd, struct ipc_frame *frame, struct base_error *err)
{
    return receive(socket_fd, MSG_DONTWAIT, frame, err);
}

enum base_code
ipc_peer_credentials(int socket_fd, struct ipc_credentials *out, struct base_error *err)
{
    struct ucred peer = {0};
    socklen_t len = sizeof(peer);
    if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "getsockopt SO_PEERCRED");
    }
    *out = (struct ipc_credentials){peer.pid, peer.uid, peer.gid};
    return BASE_OK;
}

MUST_CHECK static enum base_code
write_all(int fd, struct bytes content, struct base_error *err)
{
    while (content.len > 0) {
        ssize_t written = write(fd, content.ptr, content.len);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return base_fail_errno(err, E_SYSTEM, errno, "write to a memory file");
        }
        content = bytes_skip(content, (size_t)written);
    }
    return BASE_OK;
}

enum base_code
ipc_blob_new(struct bytes content, int *out_fd, struct base_error *err)
{
    OWN_FD int fd = memfd_create("kurier", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "memfd_create");
    }
    TRY(write_all(fd, content, err));
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0) {
        return base_fail_errno(err, E_SYSTEM, errno, "sealing a memory file");
    }
    *out_fd = fd;
    fd = -1;
    return BASE_OK;
}

enum base_code
ipc_blob_read(int fd, struct buffer *out, struct base_error *err)
{
    struct stat about = {0};
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        return base_fail(err, E_IPC_FIELD, "a descriptor that is no file");
    }
    if (about.st_size < 0 || (uint64_t)about.st_size > out->max - out->len) {
        return base_fail(err, E_TOO_LARGE, "a memory file of %lld octets, room for %zu",
            (long long)about.st_size, out->max - out->len);
    }
    size_t size = (size_t)about.st_size;
    uint8_t *to = NULL;
    TRY(buffer_reserve(out, size, &to, err));
    size_t have = 0;
    while (have < size) {
        /* From its beginning, wherever the shared offset stands. */
        ssize_t got = pread(fd, to + have, size - have, (off_t)have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return base_fail_errno(err, E_SYSTEM, got < 0 ? errno : EIO, "read of a memory file");
        }
        have += (size_t)got;
    }
    out->len += size;
    return BASE_OK;
}
