// The floor that the name server is held against: a UDP server that does nothing but receive a batch
// and send as many replies of a given size, each with the id of its query.
//
// Usage: CEcho ADDRESS PORT ADDRESSES REPLY_OCTETS BATCH. With one of ADDRESSES it waits in recvmmsg;
// with more it has a socket at each address from ADDRESS on, and one epoll for all of them. Ends on
// SIGTERM.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { batch_max = 64, query_octets_max = 512, reply_octets_max = 4096, events_max = 64 };

static uint8_t queries[batch_max][query_octets_max], replies[batch_max][reply_octets_max];
static struct sockaddr_in sources[batch_max];
static struct iovec in[batch_max], out[batch_max];
static struct mmsghdr received[batch_max], sent[batch_max];
static unsigned batch;

static int bound(uint32_t address, int port, int octets) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
    struct sockaddr_in name = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(address),
    };
    return bind(descriptor, (struct sockaddr *)&name, sizeof name) == 0 ? descriptor : -1;
}

static int serve(int descriptor, int flags) {
    for (unsigned i = 0; i < batch; i++) {
        received[i].msg_hdr.msg_name = &sources[i];
        received[i].msg_hdr.msg_namelen = sizeof sources[i];
    }
    int got = recvmmsg(descriptor, received, batch, flags, NULL);
    if (got <= 0) return errno == EINTR || errno == EAGAIN ? 0 : -1;
    for (int i = 0; i < got; i++) {
        memcpy(replies[i], queries[i], 2);
        sent[i].msg_hdr.msg_name = received[i].msg_hdr.msg_name;
        sent[i].msg_hdr.msg_namelen = received[i].msg_hdr.msg_namelen;
    }
    for (int done = 0; done < got;) {
        int now = sendmmsg(descriptor, sent + done, (unsigned)(got - done), 0);
        done += now > 0 ? now : 1;
    }
    return 0;
}

static int serve_many(uint32_t address, int port, int count) {
    struct rlimit limit = {(rlim_t)count + 64, (rlim_t)count + 64};
    setrlimit(RLIMIT_NOFILE, &limit);
    int poller = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < count; i++) {
        int descriptor = bound(address + (uint32_t)i, port, 1 << 18);
        struct epoll_event wanted = {.events = EPOLLIN, .data.fd = descriptor};
        if (descriptor < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &wanted) != 0) return 1;
    }
    struct epoll_event events[events_max];
    for (;;) {
        int ready = epoll_wait(poller, events, events_max, -1);
        for (int i = 0; i < ready; i++)
            if (serve(events[i].data.fd, MSG_DONTWAIT) != 0) return 1;
    }
}

int main(int count, char **words) {
    struct in_addr address;
    if (count != 6 || !inet_aton(words[1], &address)) return 2;
    int port = atoi(words[2]), addresses = atoi(words[3]), octets = atoi(words[4]);
    batch = (unsigned)atoi(words[5]);
    if (batch < 1 || batch > batch_max || octets < 12 || octets > reply_octets_max) return 2;
    for (unsigned i = 0; i < batch; i++) {
        in[i] = (struct iovec){queries[i], query_octets_max};
        out[i] = (struct iovec){replies[i], (size_t)octets};
        received[i].msg_hdr = (struct msghdr){.msg_iov = &in[i], .msg_iovlen = 1};
        sent[i].msg_hdr = (struct msghdr){.msg_iov = &out[i], .msg_iovlen = 1};
        replies[i][2] = 0x80;
    }
    uint32_t first = ntohl(address.s_addr);
    if (addresses > 1) return serve_many(first, port, addresses);
    int descriptor = bound(first, port, 4 << 20);
    while (descriptor >= 0 && serve(descriptor, MSG_WAITFORONE) == 0) {}
    return 1;
}
