// The floor that the name server is held against: a UDP server that does nothing but receive a batch
// and send as many replies of a given size, each with the id of its query.
//
// Usage: CEcho PORT REPLY_OCTETS BATCH. Prints `ready` when it is bound, and on SIGTERM the queries
// and the batches it has seen.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { batch_max = 64, query_octets_max = 512, reply_octets_max = 4096 };

static volatile sig_atomic_t is_stopping;

static void stop(int signal) {
    (void)signal;
    is_stopping = 1;
}

int main(int count, char **words) {
    if (count != 4) return 2;
    int port = atoi(words[1]), reply_octets = atoi(words[2]), batch = atoi(words[3]);
    if (batch < 1 || batch > batch_max || reply_octets < 12 || reply_octets > reply_octets_max)
        return 2;
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);

    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int buffer_octets = 4 << 20;
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &buffer_octets, sizeof buffer_octets);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (bind(descriptor, (struct sockaddr *)&address, sizeof address) != 0) {
        perror("bind");
        return 1;
    }
    printf("ready\n");
    fflush(stdout);

    static uint8_t queries[batch_max][query_octets_max], replies[batch_max][reply_octets_max];
    static struct sockaddr_in sources[batch_max];
    static struct iovec in[batch_max], out[batch_max];
    static struct mmsghdr received[batch_max], sent[batch_max];
    for (int i = 0; i < batch; i++) {
        in[i] = (struct iovec){queries[i], query_octets_max};
        out[i] = (struct iovec){replies[i], (size_t)reply_octets};
        received[i].msg_hdr = (struct msghdr){.msg_iov = &in[i], .msg_iovlen = 1};
        sent[i].msg_hdr = (struct msghdr){.msg_iov = &out[i], .msg_iovlen = 1};
        replies[i][2] = 0x80;
    }
    unsigned long query_count = 0, batch_count = 0;
    while (!is_stopping) {
        for (int i = 0; i < batch; i++) {
            received[i].msg_hdr.msg_name = &sources[i];
            received[i].msg_hdr.msg_namelen = sizeof sources[i];
        }
        int got = recvmmsg(descriptor, received, (unsigned)batch, MSG_WAITFORONE, NULL);
        if (got <= 0) {
            if (errno == EINTR) continue;
            perror("recvmmsg");
            return 1;
        }
        for (int i = 0; i < got; i++) {
            memcpy(replies[i], queries[i], 2);
            sent[i].msg_hdr.msg_name = received[i].msg_hdr.msg_name;
            sent[i].msg_hdr.msg_namelen = received[i].msg_hdr.msg_namelen;
        }
        for (int done = 0; done < got;) {
            int now = sendmmsg(descriptor, sent + done, (unsigned)(got - done), 0);
            done += now > 0 ? now : 1;
        }
        query_count += (unsigned long)got;
        batch_count++;
    }
    printf("%lu %lu\n", query_count, batch_count);
    return 0;
}
