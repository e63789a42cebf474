#define _GNU_SOURCE
#include "CLinux.h"

#include <malloc.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/openat2.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

// Room for one IP_PKTINFO or IPV6_PKTINFO message.
#define CONTROL_OCTETS 64

struct waggle_batch {
    unsigned capacity, receive_octets, send_octets, queued;
    struct mmsghdr *received, *replies;
    struct iovec *receive_vectors, *reply_vectors;
    struct sockaddr_storage *sources;
    uint8_t *receive_buffers, *send_buffers, *controls;
};

waggle_batch *waggle_batch_create(unsigned capacity, unsigned receive_octets,
                                  unsigned send_octets) {
    waggle_batch *batch = calloc(1, sizeof *batch);
    if (!batch) return NULL;
    batch->capacity = capacity;
    batch->receive_octets = receive_octets;
    batch->send_octets = send_octets;
    batch->received = calloc(capacity, sizeof *batch->received);
    batch->replies = calloc(capacity, sizeof *batch->replies);
    batch->receive_vectors = calloc(capacity, sizeof *batch->receive_vectors);
    batch->reply_vectors = calloc(capacity, sizeof *batch->reply_vectors);
    batch->sources = calloc(capacity, sizeof *batch->sources);
    batch->receive_buffers = calloc(capacity, receive_octets);
    batch->send_buffers = calloc(capacity, send_octets);
    batch->controls = calloc(capacity, CONTROL_OCTETS);
    if (!batch->received || !batch->replies || !batch->receive_vectors || !batch->reply_vectors ||
        !batch->sources || !batch->receive_buffers || !batch->send_buffers || !batch->controls) {
        waggle_batch_destroy(batch);
        return NULL;
    }
    for (unsigned i = 0; i < capacity; i++) {
        batch->receive_vectors[i].iov_base = batch->receive_buffers + (size_t)i * receive_octets;
        batch->receive_vectors[i].iov_len = receive_octets;
        batch->received[i].msg_hdr.msg_iov = &batch->receive_vectors[i];
        batch->received[i].msg_hdr.msg_iovlen = 1;
        batch->received[i].msg_hdr.msg_name = &batch->sources[i];
        batch->received[i].msg_hdr.msg_control = batch->controls + (size_t)i * CONTROL_OCTETS;
    }
    return batch;
}

void waggle_batch_destroy(waggle_batch *batch) {
    free(batch->received);
    free(batch->replies);
    free(batch->receive_vectors);
    free(batch->reply_vectors);
    free(batch->sources);
    free(batch->receive_buffers);
    free(batch->send_buffers);
    free(batch->controls);
    free(batch);
}

int waggle_batch_receive(waggle_batch *batch, int socket, unsigned limit) {
    if (limit > batch->capacity) limit = batch->capacity;
    for (unsigned i = 0; i < limit; i++) {
        batch->received[i].msg_hdr.msg_namelen = sizeof(struct sockaddr_storage);
        batch->received[i].msg_hdr.msg_controllen = CONTROL_OCTETS;
        batch->received[i].msg_hdr.msg_flags = 0;
    }
    batch->queued = 0;
    int count = recvmmsg(socket, batch->received, limit, MSG_DONTWAIT, NULL);
    return count < 0 ? -errno : count;
}

static void waggle_read_address(const struct sockaddr_storage *source, waggle_datagram *datagram) {
    if (source->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)source;
        datagram->family = 4;
        datagram->port = ntohs(v4->sin_port);
        datagram->low = ntohl(v4->sin_addr.s_addr);
    } else if (source->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)source;
        uint64_t halves[2];
        memcpy(halves, &v6->sin6_addr, sizeof halves);
        datagram->family = 6;
        datagram->port = ntohs(v6->sin6_port);
        datagram->high = be64toh(halves[0]);
        datagram->low = be64toh(halves[1]);
    }
}

waggle_datagram waggle_batch_datagram(const waggle_batch *batch, unsigned index) {
    const struct mmsghdr *message = &batch->received[index];
    waggle_datagram datagram = {
        .octets = batch->receive_buffers + (size_t)index * batch->receive_octets,
        .length = message->msg_hdr.msg_flags & MSG_TRUNC ? -1 : (int)message->msg_len,
    };
    waggle_read_address(&batch->sources[index], &datagram);
    return datagram;
}

uint8_t *waggle_batch_reply(waggle_batch *batch, unsigned index) {
    return batch->send_buffers + (size_t)index * batch->send_octets;
}

void waggle_batch_queue(waggle_batch *batch, unsigned index, unsigned length) {
    unsigned slot = batch->queued++;
    const struct msghdr *query = &batch->received[index].msg_hdr;
    struct msghdr *reply = &batch->replies[slot].msg_hdr;
    batch->reply_vectors[slot].iov_base = waggle_batch_reply(batch, index);
    batch->reply_vectors[slot].iov_len = length;
    reply->msg_iov = &batch->reply_vectors[slot];
    reply->msg_iovlen = 1;
    reply->msg_name = query->msg_name;
    reply->msg_namelen = query->msg_namelen;
    // What IP_PKTINFO said about the query makes the reply leave from the address it was sent to.
    reply->msg_control = query->msg_controllen ? query->msg_control : NULL;
    reply->msg_controllen = query->msg_controllen;
    reply->msg_flags = 0;
}

int waggle_batch_send(waggle_batch *batch, int socket) {
    unsigned sent = 0;
    int failure = 0;
    while (sent < batch->queued) {
        int count = sendmmsg(socket, batch->replies + sent, batch->queued - sent, MSG_DONTWAIT);
        if (count <= 0) {
            if (errno == EINTR) continue;
            failure = errno;
            // One unreachable client must not cost the others their replies.
            if (failure == EAGAIN) break;
            for (unsigned i = sent; i + 1 < batch->queued; i++) {
                batch->replies[i] = batch->replies[i + 1];
            }
            batch->queued--;
            continue;
        }
        sent += (unsigned)count;
    }
    batch->queued = 0;
    return sent == 0 && failure ? -failure : (int)sent;
}

struct waggle_sender {
    unsigned capacity, octets, queued;
    struct mmsghdr *messages;
    struct iovec *vectors;
    struct sockaddr_storage *addresses;
    uint8_t *buffers;
};

waggle_sender *waggle_sender_create(unsigned capacity, unsigned octets) {
    waggle_sender *sender = calloc(1, sizeof *sender);
    if (!sender) return NULL;
    sender->capacity = capacity;
    sender->octets = octets;
    sender->messages = calloc(capacity, sizeof *sender->messages);
    sender->vectors = calloc(capacity, sizeof *sender->vectors);
    sender->addresses = calloc(capacity, sizeof *sender->addresses);
    sender->buffers = calloc(capacity, octets);
    if (!sender->messages || !sender->vectors || !sender->addresses || !sender->buffers) {
        waggle_sender_destroy(sender);
        return NULL;
    }
    for (unsigned i = 0; i < capacity; i++) {
        sender->vectors[i].iov_base = sender->buffers + (size_t)i * octets;
        sender->messages[i].msg_hdr.msg_iov = &sender->vectors[i];
        sender->messages[i].msg_hdr.msg_iovlen = 1;
        sender->messages[i].msg_hdr.msg_name = &sender->addresses[i];
    }
    return sender;
}

void waggle_sender_destroy(waggle_sender *sender) {
    free(sender->messages);
    free(sender->vectors);
    free(sender->addresses);
    free(sender->buffers);
    free(sender);
}

void waggle_sender_queue(waggle_sender *sender, const void *octets, unsigned length,
                         const void *address, unsigned address_length) {
    unsigned slot = sender->queued++;
    memcpy(sender->vectors[slot].iov_base, octets, length);
    sender->vectors[slot].iov_len = length;
    memcpy(&sender->addresses[slot], address, address_length);
    sender->messages[slot].msg_hdr.msg_namelen = address_length;
}

unsigned waggle_sender_queued(const waggle_sender *sender) { return sender->queued; }

unsigned waggle_sender_send(waggle_sender *sender, int socket) {
    unsigned at = 0, sent = 0, failures = 0;
    while (at < sender->queued) {
        int count = sendmmsg(socket, sender->messages + at, sender->queued - at, MSG_DONTWAIT);
        if (count > 0) {
            at += (unsigned)count;
            sent += (unsigned)count;
            failures = 0;
            continue;
        }
        if (errno == EINTR) continue;
        if (errno == EAGAIN) break;
        // The first failure may be of an earlier datagram, which this call was told of; what fails
        // twice is passed over, so that one bad address costs the others nothing.
        if (++failures < 2) continue;
        failures = 0;
        at++;
    }
    sender->queued = 0;
    return sent;
}

int waggle_keep_errors(int socket) {
    int on = 1, family = 0;
    socklen_t length = sizeof family;
    if (getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &length) != 0) return -errno;
    int code = family == AF_INET6
                   ? setsockopt(socket, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on)
                   : setsockopt(socket, IPPROTO_IP, IP_RECVERR, &on, sizeof on);
    return code == 0 ? 0 : -errno;
}

waggle_send_error waggle_take_error(int socket) {
    waggle_send_error taken = {0};
    struct sockaddr_storage address = {0};
    union {
        struct cmsghdr header;
        char octets[CMSG_SPACE(sizeof(struct sock_extended_err) + sizeof(struct sockaddr_in6)) +
                    CONTROL_OCTETS];
    } control;
    struct msghdr message = {
        .msg_name = &address,
        .msg_namelen = sizeof address,
        .msg_control = control.octets,
        .msg_controllen = sizeof control.octets,
    };
    if (recvmsg(socket, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return taken;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
        if ((part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR) ||
            (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_RECVERR)) {
            struct sock_extended_err error;
            memcpy(&error, CMSG_DATA(part), sizeof error);
            taken.code = (int)error.ee_errno;
        }
    }
    waggle_datagram about = {0};
    waggle_read_address(&address, &about);
    taken.family = about.family;
    taken.port = about.port;
    taken.high = about.high;
    taken.low = about.low;
    // What has no errno is still one that was taken.
    if (taken.code == 0) taken.code = EIO;
    return taken;
}

_Static_assert(WAGGLE_READ == EPOLLIN && WAGGLE_WRITE == EPOLLOUT, "poll(2) events");
_Static_assert(WAGGLE_PRIORITY == EPOLLPRI && WAGGLE_FAILED == (EPOLLERR | EPOLLHUP),
               "poll(2) events");

int waggle_epoll_create(void) {
    int descriptor = epoll_create1(EPOLL_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int waggle_epoll_control(int poller, int change, int descriptor, uint64_t token, uint32_t events) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    return epoll_ctl(poller, change, descriptor, &event) == 0 ? 0 : -errno;
}

int waggle_epoll_wait(int poller, waggle_event *events, int capacity, int milliseconds) {
    struct epoll_event raw[64];
    if (capacity > 64) capacity = 64;
    int count = epoll_wait(poller, raw, capacity, milliseconds);
    if (count < 0) return -errno;
    for (int i = 0; i < count; i++) {
        events[i].token = raw[i].data.u64;
        events[i].ready = raw[i].events;
    }
    return count;
}

int waggle_eventfd(void) {
    int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int waggle_accept(int listener, void *address, unsigned *length) {
    int descriptor = accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

long waggle_random(void *buffer, size_t length) {
    ssize_t count = getrandom(buffer, length, 0);
    return count < 0 ? -errno : count;
}

int waggle_enter_network_namespace(int descriptor) {
    return setns(descriptor, CLONE_NEWNET) == 0 ? 0 : -errno;
}

int waggle_namespace_of(int socket) {
    int descriptor = ioctl(socket, SIOCGSKNS);
    return descriptor < 0 ? -errno : descriptor;
}

int waggle_pidfd_open(int pid) {
    long descriptor = syscall(SYS_pidfd_open, pid, 0);
    return descriptor < 0 ? -errno : (int)descriptor;
}

int waggle_open_in_root(int root, const char *path, int flags, unsigned mode) {
    struct open_how how = {
        .flags = (uint64_t)flags,
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    long descriptor = syscall(SYS_openat2, root, path, &how, sizeof how);
    return descriptor < 0 ? -errno : (int)descriptor;
}

int waggle_reserve(int file, long length) {
    if (fallocate(file, FALLOC_FL_KEEP_SIZE, 0, length) == 0) return 0;
    return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : -errno;
}

int waggle_notify(const char *path, const char *state, int attached) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length == 0 || length >= sizeof address.sun_path) return -EINVAL;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') address.sun_path[0] = 0;
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    // A service manager that hangs must not hang its service.
    struct timeval patience = {.tv_usec = 250000};
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    struct iovec vector = {.iov_base = (void *)state, .iov_len = strlen(state)};
    struct msghdr message = {
        .msg_name = &address,
        .msg_namelen = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length),
        .msg_iov = &vector,
        .msg_iovlen = 1,
    };
    union {
        struct cmsghdr header;
        char octets[CMSG_SPACE(sizeof(int))];
    } control = {0};
    if (attached >= 0) {
        message.msg_control = control.octets;
        message.msg_controllen = sizeof control.octets;
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &attached, sizeof attached);
    }
    ssize_t sent = sendmsg(descriptor, &message, MSG_NOSIGNAL);
    int failure = sent < 0 ? errno : 0;
    close(descriptor);
    return -failure;
}

int waggle_close_on_exec(int descriptor) {
    return fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 ? 0 : -errno;
}

void waggle_thread_name(const char *name) { pthread_setname_np(pthread_self(), name); }

int waggle_raise_loopback(void) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -errno;
    struct ifreq request = {.ifr_name = "lo"};
    int code = ioctl(descriptor, SIOCGIFFLAGS, &request);
    if (code == 0 && !(request.ifr_flags & IFF_UP)) {
        request.ifr_flags |= IFF_UP;
        code = ioctl(descriptor, SIOCSIFFLAGS, &request);
    }
    int failure = code == 0 ? 0 : errno;
    close(descriptor);
    return -failure;
}

unsigned waggle_batch_queued(const waggle_batch *batch) { return batch->queued; }

const uint8_t *waggle_batch_control(const waggle_batch *batch, unsigned index, unsigned *length) {
    *length = (unsigned)batch->received[index].msg_hdr.msg_controllen;
    return batch->controls + (size_t)index * CONTROL_OCTETS;
}

int waggle_send(int socket, const void *octets, size_t length, const void *address,
                unsigned address_length, const void *control, unsigned control_length) {
    struct iovec vector = {.iov_base = (void *)octets, .iov_len = length};
    struct msghdr message = {
        .msg_name = (void *)address,
        .msg_namelen = address_length,
        .msg_iov = &vector,
        .msg_iovlen = 1,
        .msg_control = control_length ? (void *)control : NULL,
        .msg_controllen = control_length,
    };
    return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int waggle_pipe(int *ends) { return pipe2(ends, O_CLOEXEC) == 0 ? 0 : -errno; }

void waggle_heap_trim(void) { malloc_trim(0); }
