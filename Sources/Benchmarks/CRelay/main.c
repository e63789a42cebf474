// The floor of forwarding: questions go to an upstream under other ids, and replies go back. It checks
// nothing, keeps nothing and forgets nobody.
//
// Usage: CRelay PORT UPSTREAM_PORT shared|fresh. `shared`: through one socket, in batches. `fresh`: each
// question from a socket of its own, opened, connected, written, waited for in epoll, read and closed;
// what a forger has to guess then costs so much, whoever does it. Ends on SIGTERM.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { batch = 64, message_octets_max = 1500, descriptors_max = 65536 };

static struct {
    struct sockaddr_in client;
    uint16_t id;
} waiting[65536];

static uint8_t buffers[batch][message_octets_max];
static struct sockaddr_in sources[batch];
static struct iovec vectors[batch];
static struct mmsghdr messages[batch];

static int receive(int descriptor, int wantsSource) {
    for (int i = 0; i < batch; i++) {
        vectors[i] = (struct iovec){buffers[i], message_octets_max};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
        if (!wantsSource) continue;
        messages[i].msg_hdr.msg_name = &sources[i];
        messages[i].msg_hdr.msg_namelen = sizeof sources[i];
    }
    int got = recvmmsg(descriptor, messages, batch, MSG_DONTWAIT, NULL);
    for (int i = 0; i < got; i++) vectors[i].iov_len = messages[i].msg_len;
    return got;
}

static void send_all(int descriptor, int count) {
    for (int done = 0; done < count;) {
        int now = sendmmsg(descriptor, messages + done, (unsigned)(count - done), 0);
        done += now > 0 ? now : 1;
    }
}

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static int bound(int port) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), octets = 4 << 20;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
    struct sockaddr_in address = loopback(port);
    return bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0 ? descriptor : -1;
}

static int connected(const struct sockaddr_in *address) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connect(descriptor, (const struct sockaddr *)address, sizeof *address) != 0) return -1;
    return descriptor;
}

static void relay_shared(int clients, const struct sockaddr_in *address) {
    int upstream = connected(address), octets = 4 << 20;
    setsockopt(upstream, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
    uint16_t next = 0;
    struct pollfd polled[] = {{clients, POLLIN, 0}, {upstream, POLLIN, 0}};
    for (;;) {
        if (poll(polled, 2, -1) < 0) continue;
        if (polled[0].revents) {
            int got = receive(clients, 1);
            for (int i = 0; i < got; i++) {
                next++;
                waiting[next].client = sources[i];
                memcpy(&waiting[next].id, buffers[i], 2);
                memcpy(buffers[i], &next, 2);
                messages[i].msg_hdr.msg_name = NULL;
                messages[i].msg_hdr.msg_namelen = 0;
            }
            if (got > 0) send_all(upstream, got);
        }
        if (polled[1].revents) {
            int got = receive(upstream, 0);
            for (int i = 0; i < got; i++) {
                uint16_t id;
                memcpy(&id, buffers[i], 2);
                memcpy(buffers[i], &waiting[id].id, 2);
                messages[i].msg_hdr.msg_name = &waiting[id].client;
                messages[i].msg_hdr.msg_namelen = sizeof waiting[id].client;
            }
            if (got > 0) send_all(clients, got);
        }
    }
}

static void relay_fresh(int clients, const struct sockaddr_in *address) {
    struct rlimit limit = {descriptors_max, descriptors_max};
    setrlimit(RLIMIT_NOFILE, &limit);
    int poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = clients}, events[batch];
    epoll_ctl(poller, EPOLL_CTL_ADD, clients, &wanted);
    for (;;) {
        int ready = epoll_wait(poller, events, batch, -1);
        for (int at = 0; at < ready; at++) {
            int descriptor = events[at].data.fd;
            if (descriptor != clients) {
                uint8_t reply[message_octets_max];
                ssize_t length = recv(descriptor, reply, sizeof reply, 0);
                if (length > 2) {
                    memcpy(reply, &waiting[descriptor].id, 2);
                    sendto(clients, reply, (size_t)length, 0,
                           (struct sockaddr *)&waiting[descriptor].client,
                           sizeof waiting[descriptor].client);
                }
                close(descriptor);
                continue;
            }
            int got = receive(clients, 1);
            for (int i = 0; i < got; i++) {
                int fresh = connected(address);
                if (fresh < 0 || fresh >= descriptors_max) continue;
                waiting[fresh].client = sources[i];
                memcpy(&waiting[fresh].id, buffers[i], 2);
                send(fresh, buffers[i], vectors[i].iov_len, 0);
                wanted.data.fd = fresh;
                epoll_ctl(poller, EPOLL_CTL_ADD, fresh, &wanted);
            }
        }
    }
}

int main(int count, char **words) {
    if (count != 4) return 2;
    int clients = bound(atoi(words[1]));
    struct sockaddr_in address = loopback(atoi(words[2]));
    if (clients < 0) {
        perror("bind");
        return 1;
    }
    if (strcmp(words[3], "shared") == 0) relay_shared(clients, &address);
    if (strcmp(words[3], "fresh") == 0) relay_fresh(clients, &address);
    return 2;
}
