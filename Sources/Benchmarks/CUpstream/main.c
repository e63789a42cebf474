// An upstream for benchmarks: every question gets one address, with a TTL of choice.
//
// Usage: CUpstream PORT TTL. Prints `ready` when it is bound; ends on SIGTERM.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { batch = 64, message_octets_max = 1500 };

// Makes a query its own reply; returns its length, or 0 for what is none.
static size_t answer(uint8_t *message, size_t length, uint32_t ttl) {
    size_t at = 12;
    if (length < 17 || message[2] & 0x80) return 0;
    while (at < length && message[at]) at += message[at] + 1u;
    at += 5;
    if (at > length || at + 16 > message_octets_max) return 0;
    const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, (uint8_t)(ttl >> 24), (uint8_t)(ttl >> 16),
                              (uint8_t)(ttl >> 8), (uint8_t)ttl, 0, 4, 192, 0, 2, 1};
    memcpy(message + at, record, sizeof record);
    message[2] = 0x81;
    message[3] = 0x80;
    const uint8_t counts[] = {0, 1, 0, 1, 0, 0, 0, 0};
    memcpy(message + 4, counts, sizeof counts);
    return at + sizeof record;
}

int main(int count, char **words) {
    if (count != 3) return 2;
    uint32_t ttl = (uint32_t)atoi(words[2]);
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), octets = 4 << 20;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(words[1])),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0) {
        perror("bind");
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    static uint8_t buffers[batch][message_octets_max];
    static struct sockaddr_in sources[batch];
    static struct iovec vectors[batch], replies[batch];
    static struct mmsghdr received[batch], sent[batch];
    for (;;) {
        for (int i = 0; i < batch; i++) {
            vectors[i] = (struct iovec){buffers[i], message_octets_max};
            received[i].msg_hdr = (struct msghdr){
                .msg_iov = &vectors[i],
                .msg_iovlen = 1,
                .msg_name = &sources[i],
                .msg_namelen = sizeof sources[i],
            };
        }
        int got = recvmmsg(descriptor, received, batch, MSG_WAITFORONE, NULL), ready = 0;
        if (got < 0 && errno != EINTR && errno != ECONNREFUSED) return 1;
        for (int i = 0; i < got; i++) {
            size_t length = answer(buffers[i], received[i].msg_len, ttl);
            if (!length) continue;
            replies[ready] = (struct iovec){buffers[i], length};
            sent[ready].msg_hdr = received[i].msg_hdr;
            sent[ready].msg_hdr.msg_iov = &replies[ready];
            ready++;
        }
        for (int done = 0; done < ready;) {
            int now = sendmmsg(descriptor, sent + done, (unsigned)(ready - done), 0);
            done += now > 0 ? now : 1;
        }
    }
}
