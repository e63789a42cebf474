// An upstream for benchmarks: every question gets one address, with a TTL of choice.
//
// Usage: CUpstream PORT TTL [HOLD]. With HOLD it keeps silent until it has questions for as many
// different names h0.x, h1.x and so on, waits a little longer, and answers all of them. Prints
// `ready` when it is bound; ends on SIGTERM.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { batch = 64, message_octets_max = 1500, held_max = 65536 };

// What waits for its reply, by the number in its name.
static struct {
    uint16_t length;
    struct sockaddr_in source;
    uint8_t octets[128];
} *held;
static unsigned held_count;

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

// Keeps a question whose reply is held back; answers all of them once there are `wanted`.
static void hold(int descriptor, const uint8_t *octets, size_t length,
                 const struct sockaddr_in *source, unsigned wanted, uint32_t ttl) {
    unsigned number = (unsigned)atoi((const char *)octets + 14) % held_max;
    if (length > sizeof held->octets) return;
    if (!held[number].length) held_count++;
    // One that is asked again is answered where it was asked first.
    if (held[number].length) return;
    held[number].length = (uint16_t)length;
    held[number].source = *source;
    memcpy(held[number].octets, octets, length);
    if (held_count < wanted) return;
    // Time for one question more to be refused.
    usleep(100000);
    for (unsigned i = 0; i < held_max; i++) {
        if (!held[i].length) continue;
        uint8_t message[message_octets_max];
        memcpy(message, held[i].octets, held[i].length);
        size_t done = answer(message, held[i].length, ttl);
        const struct sockaddr *to = (const struct sockaddr *)&held[i].source;
        if (done) sendto(descriptor, message, done, 0, to, sizeof held[i].source);
        held[i].length = 0;
    }
    held_count = 0;
}

int main(int count, char **words) {
    if (count != 3 && count != 4) return 2;
    uint32_t ttl = (uint32_t)atoi(words[2]);
    unsigned wanted = count == 4 ? (unsigned)atoi(words[3]) : 0;
    if (wanted && !(held = calloc(held_max, sizeof *held))) return 1;
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
            if (wanted) {
                hold(descriptor, buffers[i], received[i].msg_len, &sources[i], wanted, ttl);
                continue;
            }
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
