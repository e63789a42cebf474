// The floor of forwarding: questions go to an upstream through one socket, under ids of the relay's
// own, and replies go back. It checks nothing, keeps nothing and forgets nobody.
//
// Usage: CRelay PORT UPSTREAM_PORT. Prints `ready` when it is bound; ends on SIGTERM.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { batch = 64, message_octets_max = 1500 };

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

static int bound(int port) {
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), octets = 4 << 20;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (port && bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0) return -1;
    return descriptor;
}

int main(int count, char **words) {
    if (count != 3) return 2;
    int clients = bound(atoi(words[1])), upstream = bound(0);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(words[2])),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (clients < 0 || connect(upstream, (struct sockaddr *)&address, sizeof address) != 0) {
        perror("bind");
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
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
