// What Swift cannot spell: batched datagrams with their control messages, and system calls without
// a wrapper in the C library's Swift overlay. Nothing here knows what the octets mean.
#ifndef WAGGLE_CLINUX_H
#define WAGGLE_CLINUX_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// A batch of datagrams: received with one recvmmsg, answered in place with one sendmmsg.
typedef struct waggle_batch waggle_batch;

// NULL when memory is short. `capacity` datagrams of up to `receive_octets`, replies of up to
// `send_octets`.
waggle_batch *_Nullable waggle_batch_create(unsigned capacity, unsigned receive_octets,
                                            unsigned send_octets);
void waggle_batch_destroy(waggle_batch *batch);

// Receives up to `limit` datagrams without waiting; returns how many, or -errno.
int waggle_batch_receive(waggle_batch *batch, int socket, unsigned limit);
// One datagram of a batch and its sender; `family` is 4, 6, or 0 for one that is not IP. An IPv4
// address is in the lower 32 bits of `low`. `length` is -1 for a datagram longer than the buffer.
typedef struct {
    const uint8_t *octets;
    int length;
    uint16_t family, port;
    uint64_t high, low;
} waggle_datagram;
waggle_datagram waggle_batch_datagram(const waggle_batch *batch, unsigned index);
// The buffer for the reply to datagram `index`.
uint8_t *waggle_batch_reply(waggle_batch *batch, unsigned index);
// Queues the reply, to the sender and from the address that was asked.
void waggle_batch_queue(waggle_batch *batch, unsigned index, unsigned length);
unsigned waggle_batch_queued(const waggle_batch *batch);
// The control messages that came with a datagram, to be handed to `waggle_send` with a late reply.
const uint8_t *waggle_batch_control(const waggle_batch *batch, unsigned index, unsigned *length);
// Sends what is queued; returns how many were sent, or -errno when none was.
int waggle_batch_send(waggle_batch *batch, int socket);

// Datagrams to many addresses, sent with one sendmmsg.
typedef struct waggle_sender waggle_sender;
// NULL when memory is short. `capacity` datagrams of up to `octets`.
waggle_sender *_Nullable waggle_sender_create(unsigned capacity, unsigned octets);
void waggle_sender_destroy(waggle_sender *sender);
// Copies a datagram to the end of the queue, which must have room for it.
void waggle_sender_queue(waggle_sender *sender, const void *octets, unsigned length,
                         const void *address, unsigned address_length);
unsigned waggle_sender_queued(const waggle_sender *sender);
// Sends what is queued and empties the queue; returns how many datagrams the socket took.
unsigned waggle_sender_send(waggle_sender *sender, int socket);
// Keeps what ICMP says about datagrams that a socket sent; returns 0 or -errno.
int waggle_keep_errors(int socket);
// One of them: the errno, and where the datagram was sent, as in `waggle_datagram`. `code` is 0 when
// there is none.
typedef struct {
    int code;
    uint16_t family, port;
    uint64_t high, low;
} waggle_send_error;
waggle_send_error waggle_take_error(int socket);

// epoll(7), which the C library's overlay for Swift leaves out. Events are those of poll(2).
enum { WAGGLE_READ = 0x1, WAGGLE_PRIORITY = 0x2, WAGGLE_WRITE = 0x4, WAGGLE_FAILED = 0x18 };
typedef struct {
    uint64_t token;
    uint32_t ready;
} waggle_event;
int waggle_epoll_create(void);
// `change`: 1 add, 2 remove, 3 modify. Returns 0 or -errno.
int waggle_epoll_control(int poller, int change, int descriptor, uint64_t token, uint32_t events);
// Fills at most `capacity` (up to 64) events; returns how many, or -errno.
int waggle_epoll_wait(int poller, waggle_event *events, int capacity, int milliseconds);
// eventfd(2), never blocking; returns a descriptor or -errno.
int waggle_eventfd(void);
// accept4(2), never blocking, closed on exec; returns a descriptor or -errno.
int waggle_accept(int listener, void *address, unsigned *length);
// pipe2(2), closed on exec: the reading end, then the writing end; returns 0 or -errno.
int waggle_pipe(int *ends);
// getrandom(2); returns octets or -errno.
long waggle_random(void *buffer, size_t length);
// sendmsg(2) of one datagram without waiting; returns 0 or -errno.
int waggle_send(int socket, const void *octets, size_t length, const void *address,
                unsigned address_length, const void *_Nullable control, unsigned control_length);
// Brings the loopback interface of the calling thread's namespace up; returns 0 or -errno.
int waggle_raise_loopback(void);
// setns(2) for a network namespace; returns 0 or -errno.
int waggle_enter_network_namespace(int descriptor);
// ioctl SIOCGSKNS: the network namespace of a socket; returns a descriptor or -errno.
int waggle_namespace_of(int socket);
// pidfd_open(2); returns a descriptor or -errno.
int waggle_pidfd_open(int pid);
// openat2(2) of a path as if `root` were its root: no link and no `..` leads out of it. Returns a
// descriptor or -errno.
int waggle_open_in_root(int root, const char *path, int flags, unsigned mode);
// Sets space aside for the first `length` octets of a file without changing its size; returns 0, also
// where the file system cannot, or -errno.
int waggle_reserve(int file, long length);
// Sends one state to systemd's notification socket, with a descriptor unless that is -1; returns 0 or
// -errno. Waits for a reader at most a quarter of a second.
int waggle_notify(const char *path, const char *state, int attached);
// Sets the flag that closes a descriptor on exec; returns 0 or -errno.
int waggle_close_on_exec(int descriptor);
// Sets the calling thread's name, at most 15 octets.
void waggle_thread_name(const char *name);

// Gives free memory of the heap back to the system.
void waggle_heap_trim(void);

#pragma clang assume_nonnull end

#endif
