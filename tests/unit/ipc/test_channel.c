#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/channel.h"
#include "ipc/to_ledger.h"
#include "ipc/to_role.h"

#include "base/banned.h"

static struct ipc_frame frame;

static void
open_pair(int fds[2])
{
    struct base_error err = {0};
    assert_int_equal(ipc_channel_pair(fds, &err), BASE_OK);
    assert_int_equal(fcntl(fds[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void
message_and_descriptor_arrive_together(void **state)
{
    (void)state;
    int fds[2] = {-1, -1};
    int pipe_fds[2] = {-1, -1};
    struct base_error err = {0};
    struct ipc_peer sent = {.role = IPC_LEDGER};
    struct ipc_peer got = {0};
    char octet = 0;
    open_pair(fds);
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(ipc_send(fds[0], &ipc_peer_spec, &sent, pipe_fds[1], &err), BASE_OK);
    assert_int_equal(ipc_send(fds[0], &ipc_peer_spec, &sent, -1, &err), BASE_OK);
    assert_int_equal(ipc_receive(fds[1], &frame, &err), BASE_OK);
    assert_int_equal(ipc_decode(&ipc_peer_spec, &frame, &got, &err), BASE_OK);
    assert_int_equal(got.role, IPC_LEDGER);
    assert_true(frame.fd >= 0);
    assert_int_equal(fcntl(frame.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(write(frame.fd, "x", 1), 1);
    assert_int_equal(read(pipe_fds[0], &octet, 1), 1);
    (void)close(frame.fd);
    assert_int_equal(ipc_receive(fds[1], &frame, &err), BASE_OK);
    assert_int_equal(frame.fd, -1);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void
closed_peer_is_told_to_both_directions(void **state)
{
    (void)state;
    int fds[2] = {-1, -1};
    struct base_error err = {0};
    struct ipc_ready ready = {.generation = 1};
    open_pair(fds);
    (void)close(fds[1]);
    assert_int_equal(ipc_receive(fds[0], &frame, &err), E_PEER_CLOSED);
    assert_int_equal(ipc_send(fds[0], &ipc_ready_spec, &ready, -1, &err), E_PEER_CLOSED);
    (void)close(fds[0]);
}

static void
non_blocking_socket_reports_busy(void **state)
{
    (void)state;
    int fds[2] = {-1, -1};
    struct base_error err = {0};
    static uint8_t body[IPC_CERTIFICATE_MAX];
    struct ipc_verdict verdict = {.certificate = BYTES_ARRAY(body)};
    open_pair(fds);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(ipc_receive(fds[0], &frame, &err), E_PEER_BUSY);
    enum base_code code = BASE_OK;
    int count = 0;
    while (code == BASE_OK && count < 10000) {
        code = ipc_send(fds[0], &ipc_verdict_spec, &verdict, -1, &err);
        count++;
    }
    assert_int_equal(code, E_PEER_BUSY);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void
in_flight_requests_of_usual_size_fit_the_socket(void **state)
{
    (void)state;
    int fds[2] = {-1, -1};
    struct base_error err = {0};
    static uint8_t body[1500];
    struct ipc_verdict verdict = {.certificate = BYTES_ARRAY(body)};
    open_pair(fds);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    for (int i = 0; i < IPC_IN_FLIGHT_MAX; i++) {
        assert_int_equal(ipc_send(fds[0], &ipc_verdict_spec, &verdict, -1, &err), BASE_OK);
    }
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void
oversized_message_and_two_descriptors_are_refused(void **state)
{
    (void)state;
    int fds[2] = {-1, -1};
    struct base_error err = {0};
    static uint8_t large[IPC_FRAME_MAX + 1];
    union {
        char octets[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    open_pair(fds);
    assert_int_equal(send(fds[0], large, sizeof(large), 0), sizeof(large));
    assert_int_equal(ipc_receive(fds[1], &frame, &err), E_IPC_FIELD);

    struct iovec part = {large, 3};
    struct msghdr message = {.msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.octets,
        .msg_controllen = sizeof(control.octets)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    int two[2] = {fds[0], fds[1]};
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(two));
    memcpy(CMSG_DATA(head), two, sizeof(two));
    assert_int_equal(sendmsg(fds[0], &message, 0), 3);
    int free_fd = dup(0);
    (void)close(free_fd);
    assert_int_equal(ipc_receive(fds[1], &frame, &err), E_IPC_FIELD);
    int free_after = dup(0);
    assert_int_equal(free_after, free_fd); /* nothing that came with it stays open */
    (void)close(free_after);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void
credentials_are_those_of_the_sender(void **state)
{
    (void)state;
    int fds[2] = {-1, -1};
    struct base_error err = {0};
    struct ipc_credentials who = {0};
    open_pair(fds);
    assert_int_equal(ipc_peer_credentials(fds[0], &who, &err), BASE_OK);
    assert_int_equal(who.pid, getpid());
    assert_int_equal(who.uid, getuid());
    assert_int_equal(who.gid, getgid());
    assert_int_equal(ipc_peer_credentials(0, &who, &err), E_SYSTEM);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

static void
memory_file_is_sealed_and_read_whole(void **state)
{
    (void)state;
    static uint8_t content[200000];
    struct base_error err = {0};
    int fd = -1;
    memset(content, 0x3c, sizeof(content));
    assert_int_equal(ipc_blob_new(BYTES_ARRAY(content), &fd, &err), BASE_OK);
    assert_int_equal(write(fd, "x", 1), -1);
    assert_int_equal(ftruncate(fd, 0), -1);
    BUFFER_LOCAL(out, sizeof(content));
    assert_int_equal(ipc_blob_read(fd, &out, &err), BASE_OK);
    assert_int_equal(out.len, sizeof(content));
    assert_memory_equal(out.ptr, content, sizeof(content));
    BUFFER_LOCAL(small, sizeof(content) - 1);
    assert_int_equal(ipc_blob_read(fd, &small, &err), E_TOO_LARGE);
    (void)close(fd);
    int pipe_fds[2] = {-1, -1};
    assert_int_equal(pipe(pipe_fds), 0);
    assert_int_equal(ipc_blob_read(pipe_fds[0], &small, &err), E_IPC_FIELD);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message_and_descriptor_arrive_together),
        cmocka_unit_test(closed_peer_is_told_to_both_directions),
        cmocka_unit_test(non_blocking_socket_reports_busy),
        cmocka_unit_test(in_flight_requests_of_usual_size_fit_the_socket),
        cmocka_unit_test(oversized_message_and_two_descriptors_are_refused),
        cmocka_unit_test(credentials_are_those_of_the_sender),
        cmocka_unit_test(memory_file_is_sealed_and_read_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
