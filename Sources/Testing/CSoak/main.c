// A long mixed load of DNS questions over UDP and TCP on loopback, each awaited, none forgotten.
//
// Usage: CSoak COUNT WINDOW, with the questions on standard input, each after a header of eight
// octets: port (2), transport (0 UDP, 1 TCP), what has to follow (0 silence or a reply, 1 a reply),
// the place of eight letters to make up anew each time (2, 0 for none), and its length (2). COUNT
// questions are drawn from them at random, WINDOW (1 to 4096) of them unanswered at once.
//
// Prints: sent awaited answered stuck refused-connections milliseconds, then replies by response
// code, 16 numbers, then truncated replies. A question is stuck when no reply has come in 6 s.
//
// C, so that the generator costs less than what it loads.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ports_max = 8, datagram_sockets = 8, streams = 6, window_max = 4096 };
enum { questions_max = 4096, octets_max = 1400, patience_ms = 6000, stream_questions = 500 };
enum { ring_max = 1 << 20 };

typedef struct {
    uint16_t port, letters, length;
    uint8_t is_stream, is_awaited;
    uint8_t octets[octets_max];
} question;

// A socket of one port; a stream is opened anew when it has had its questions.
typedef struct {
    int descriptor;
    uint8_t is_stream;
    uint16_t port, next_id;
    uint32_t left, out;
    // By id: the number of the question that is out, 0 for none.
    uint64_t *out_by_id;
    uint8_t inbox[1 << 18];
    size_t held;
} channel;

// A question that is out, in the order of sending.
typedef struct {
    uint64_t number, since;
    channel *channel;
    uint16_t id;
} entry;

static question *questions[questions_max];
static unsigned question_count;
static channel *channels[ports_max * (datagram_sockets + streams)];
static unsigned channel_count;
static entry ring[ring_max];
static uint64_t ring_head, ring_tail, window, out;
static uint64_t sent, awaited, answered, stuck, reopened, refused, codes[16], truncated;
static uint64_t dice = 0x9e3779b97f4a7c15;
static int poller;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static uint64_t roll(void) {
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return dice;
}

static int open_channel(channel *channel) {
    int kind = channel->is_stream ? SOCK_STREAM : SOCK_DGRAM;
    channel->descriptor = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    if (channel->descriptor < 0) return errno;
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(channel->port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (connect(channel->descriptor, (struct sockaddr *)&address, sizeof address)) return errno;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = channel};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, channel->descriptor, &event)) return errno;
    channel->left = stream_questions;
    channel->held = 0;
    return 0;
}

static channel *channel_for(const question *question) {
    unsigned matching = 0, wanted = (unsigned)(roll() % (question->is_stream ? streams
                                                                          : datagram_sockets));
    for (unsigned i = 0; i < channel_count; i++) {
        if (channels[i]->port != question->port || channels[i]->is_stream != question->is_stream)
            continue;
        if (matching++ == wanted) return channels[i];
    }
    return NULL;
}

static void forget(channel *channel, uint16_t id) {
    if (!channel->out_by_id[id]) return;
    channel->out_by_id[id] = 0;
    channel->out--;
    out--;
}

static void lose_all(channel *channel) {
    for (unsigned id = 0; id < 65536 && channel->out; id++) {
        if (!channel->out_by_id[id]) continue;
        stuck++;
        forget(channel, (uint16_t)id);
    }
}

static int reopen(channel *channel) {
    close(channel->descriptor);
    reopened++;
    return open_channel(channel);
}

static void take(channel *channel, const uint8_t *message, size_t length) {
    if (length < 12) return;
    uint16_t id = (uint16_t)(message[0] << 8 | message[1]);
    if (channel->out_by_id[id]) answered++;
    codes[message[3] & 15]++;
    if (message[2] & 2) truncated++;
    forget(channel, id);
}

static void receive_stream(channel *channel) {
    ssize_t got = recv(channel->descriptor, channel->inbox + channel->held,
                       sizeof channel->inbox - channel->held, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        // Closed over a message that cannot be answered; nothing else may be lost with it.
        if (channel->out) refused++;
        lose_all(channel);
        if (reopen(channel)) exit(1);
        return;
    }
    channel->held += (size_t)got;
    size_t at = 0;
    while (channel->held - at >= 2) {
        size_t length = (size_t)channel->inbox[at] << 8 | channel->inbox[at + 1];
        if (channel->held - at < length + 2) break;
        take(channel, channel->inbox + at + 2, length);
        at += length + 2;
    }
    memmove(channel->inbox, channel->inbox + at, channel->held - at);
    channel->held -= at;
    if (!channel->left && !channel->out && reopen(channel)) exit(1);
}

static void receive_datagrams(channel *channel) {
    static uint8_t buffer[65536];
    for (;;) {
        ssize_t got = recv(channel->descriptor, buffer, sizeof buffer, MSG_DONTWAIT);
        if (got <= 0) return;
        take(channel, buffer, (size_t)got);
    }
}

static void receive(int milliseconds) {
    struct epoll_event events[64];
    int ready = epoll_wait(poller, events, 64, milliseconds);
    for (int i = 0; i < ready; i++) {
        channel *channel = events[i].data.ptr;
        if (channel->is_stream) receive_stream(channel);
        else receive_datagrams(channel);
    }
}

static void expire(void) {
    uint64_t time = now();
    while (ring_head < ring_tail) {
        entry *first = &ring[ring_head % ring_max];
        int is_out = first->channel->out_by_id[first->id] == first->number;
        if (is_out && time - first->since < patience_ms) return;
        if (is_out) {
            stuck++;
            forget(first->channel, first->id);
        }
        ring_head++;
    }
}

static void ask(const question *question) {
    static uint8_t frame[octets_max + 2];
    channel *channel = channel_for(question);
    if (!channel || (channel->is_stream && !channel->left)) return;
    if (ring_tail - ring_head >= ring_max) return;
    uint16_t id = channel->next_id++;
    if (channel->out_by_id[id]) return;
    memcpy(frame + 2, question->octets, question->length);
    frame[0] = (uint8_t)(question->length >> 8);
    frame[1] = (uint8_t)question->length;
    if (question->length >= 2) {
        frame[2] = (uint8_t)(id >> 8);
        frame[3] = (uint8_t)id;
    }
    if (question->letters) {
        uint64_t value = roll();
        for (int i = 0; i < 8; i++) frame[2 + question->letters + i] = 'a' + (value >> 4 * i & 15);
    }
    size_t skip = channel->is_stream ? 0 : 2;
    ssize_t length = (ssize_t)(question->length + 2u - skip);
    if (send(channel->descriptor, frame + skip, (size_t)length, MSG_NOSIGNAL) != length) return;
    sent++;
    if (channel->is_stream) channel->left--;
    if (!question->is_awaited) return;
    awaited++;
    channel->out_by_id[id] = sent;
    channel->out++;
    out++;
    ring[ring_tail++ % ring_max] = (entry){sent, now(), channel, id};
}

static int read_questions(void) {
    uint8_t head[8];
    while (question_count < questions_max && fread(head, 1, sizeof head, stdin) == sizeof head) {
        question *question = calloc(1, sizeof *question);
        if (!question) return ENOMEM;
        question->port = (uint16_t)(head[0] << 8 | head[1]);
        question->is_stream = head[2];
        question->is_awaited = head[3];
        question->letters = (uint16_t)(head[4] << 8 | head[5]);
        question->length = (uint16_t)(head[6] << 8 | head[7]);
        if (question->length > octets_max || question->letters + 8 > octets_max) return EINVAL;
        if (fread(question->octets, 1, question->length, stdin) != question->length) return EINVAL;
        questions[question_count++] = question;
    }
    return question_count ? 0 : EINVAL;
}

static int open_all(void) {
    for (unsigned i = 0; i < question_count; i++) {
        int is_known = 0;
        for (unsigned c = 0; c < channel_count; c++)
            is_known |= channels[c]->port == questions[i]->port;
        if (is_known) continue;
        if (channel_count + datagram_sockets + streams > sizeof channels / sizeof *channels)
            return EINVAL;
        for (unsigned k = 0; k < datagram_sockets + streams; k++) {
            channel *channel = calloc(1, sizeof *channel);
            if (!channel) return ENOMEM;
            channel->out_by_id = calloc(65536, sizeof *channel->out_by_id);
            if (!channel->out_by_id) return ENOMEM;
            channel->port = questions[i]->port;
            channel->is_stream = k >= datagram_sockets;
            int failure = open_channel(channel);
            if (failure) return failure;
            channels[channel_count++] = channel;
        }
    }
    return 0;
}

int main(int count, char **words) {
    if (count != 3) return 2;
    uint64_t wanted = strtoull(words[1], NULL, 10);
    window = strtoull(words[2], NULL, 10);
    if (window < 1 || window > window_max || read_questions()) return 2;
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (poller < 0 || open_all()) {
        perror("CSoak");
        return 1;
    }
    uint64_t start = now();
    while (sent < wanted) {
        // What nobody answers must not run ahead of what is answered, or it would fill the buffers.
        for (int i = 0; i < 32 && out < window && sent < wanted; i++)
            ask(questions[roll() % question_count]);
        receive(out < window ? 0 : 5);
        expire();
    }
    while (out) {
        receive(20);
        expire();
    }
    printf("%lu %lu %lu %lu %lu %lu", sent, awaited, answered, stuck, refused, now() - start);
    for (int i = 0; i < 16; i++) printf(" %lu", codes[i]);
    printf(" %lu\n", truncated);
    return stuck ? 3 : 0;
}
