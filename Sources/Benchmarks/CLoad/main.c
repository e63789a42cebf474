// An open load of DNS questions over loopback UDP, and what became of them.
//
// Usage: CLoad ADDRESS PORT ADDRESSES SOCKETS BURST RATE MILLISECONDS [HOW], with the questions on
// standard input, each with two octets of length before it; they are asked in turn, from any of them
// on. They go to as many ADDRESSES in turn, from ADDRESS on. SOCKETS to ask from (1 to 64; a server's
// hash spreads them over its own), BURST questions back to back out of one socket (1 to 64), RATE
// questions per second; with RATE 0 one is asked, its reply awaited, and the next one asked. HOW is
// `spin`: look for replies all the time, so that none waits for the end of a pause; or `patient`: wait
// three seconds for the last ones.
// Prints: sent answered wrong explained reply-octets p50 p99 p99.9. The last three are nanoseconds;
// wrong replies are those with an error, and explained those of them that say why (RFC 8914).
//
// C, so that the generator costs less than what it measures.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { sockets_max = 64, burst_max = 64, question_octets_max = 300, reply_octets_max = 4096 };
// Latencies are counted in steps; the last holds all that were longer, from half a second on.
enum { questions_max = 2000000, latency_max = 5 << 20, latency_step = 100 };

// Whole messages, asked in turn; the id of each is overwritten.
typedef struct {
    uint8_t *octets;
    // Start of each question; one more than there are questions.
    uint32_t *starts;
    uint32_t count;
} questions;

typedef struct {
    struct sockaddr_in address;
    uint32_t addresses, sockets, burst, rate, milliseconds;
    int spins, is_patient;
} plan;

typedef struct {
    uint64_t sent, answered, wrong, explained;
    uint32_t reply_octets;
    uint32_t latency[latency_max];
} result;

typedef struct {
    const plan *plan;
    const questions *questions;
    result *result;
    int sockets[sockets_max];
    // When the question with an id was sent, per socket; 0 when none is out.
    uint64_t *sent_at;
    uint32_t next_question, next_socket, next_address;
    uint16_t next_id;
} load;

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int open_sockets(load *load) {
    for (uint32_t i = 0; i < load->plan->sockets; i++) {
        int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (descriptor < 0) return errno;
        load->sockets[i] = descriptor;
        int octets = 4 << 20;
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &octets, sizeof octets);
        const struct sockaddr *address = (const struct sockaddr *)&load->plan->address;
        if (load->plan->addresses > 1) continue;
        if (connect(descriptor, address, sizeof load->plan->address) != 0) return errno;
    }
    return 0;
}

static void send_burst(load *load, uint32_t count) {
    static uint8_t buffers[burst_max][question_octets_max];
    static struct iovec vectors[burst_max];
    static struct mmsghdr messages[burst_max];
    static struct sockaddr_in addresses[burst_max];
    uint32_t place = load->next_socket++ % load->plan->sockets;
    const questions *questions = load->questions;
    uint64_t time = now();
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = load->next_question++ % questions->count;
        uint32_t length = questions->starts[index + 1] - questions->starts[index];
        memcpy(buffers[i], questions->octets + questions->starts[index], length);
        uint16_t id = load->next_id++;
        buffers[i][0] = (uint8_t)(id >> 8);
        buffers[i][1] = (uint8_t)id;
        load->sent_at[(size_t)place << 16 | id] = time;
        vectors[i] = (struct iovec){buffers[i], length};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
        if (load->plan->addresses == 1) continue;
        // Next to one another neither in time nor in the server's tables.
        uint32_t offset = (uint32_t)(load->next_address++ * 7919ull % load->plan->addresses);
        addresses[i] = load->plan->address;
        addresses[i].sin_addr.s_addr = htonl(ntohl(addresses[i].sin_addr.s_addr) + offset);
        messages[i].msg_hdr.msg_name = &addresses[i];
        messages[i].msg_hdr.msg_namelen = sizeof addresses[i];
    }
    int sent = sendmmsg(load->sockets[place], messages, count, 0);
    if (sent > 0) load->result->sent += (uint64_t)sent;
}

// Whether a reply ends in an OPT record with an extended error and nothing else in it.
static int is_explained(const uint8_t *reply, uint32_t length) {
    static const uint8_t head[] = {0, 15, 0, 2};
    return length >= 29 && memcmp(reply + length - 6, head, sizeof head) == 0;
}

static void receive(load *load, uint32_t place, int flags) {
    static uint8_t buffers[burst_max][reply_octets_max];
    static struct iovec vectors[burst_max];
    static struct mmsghdr messages[burst_max];
    for (int i = 0; i < burst_max; i++) {
        vectors[i] = (struct iovec){buffers[i], reply_octets_max};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    int got = recvmmsg(load->sockets[place], messages, burst_max, flags, NULL);
    if (got <= 0) return;
    uint64_t time = now();
    for (int i = 0; i < got; i++) {
        uint16_t id = (uint16_t)(buffers[i][0] << 8 | buffers[i][1]);
        uint64_t *sent_at = &load->sent_at[(size_t)place << 16 | id];
        // Whoever answers with an error has not done the work.
        int is_good = messages[i].msg_len >= 12 && *sent_at && (buffers[i][3] & 15) == 0;
        if (!is_good) {
            load->result->wrong++;
            load->result->explained += (uint64_t)is_explained(buffers[i], messages[i].msg_len);
            continue;
        }
        uint64_t steps = (time - *sent_at) / latency_step;
        *sent_at = 0;
        if (steps >= latency_max) steps = latency_max - 1;
        load->result->latency[steps]++;
        load->result->reply_octets = messages[i].msg_len;
        load->result->answered++;
    }
}

static void receive_all(load *load) {
    for (uint32_t place = 0; place < load->plan->sockets; place++)
        receive(load, place, MSG_DONTWAIT);
}

static void run_paced(load *load) {
    const plan *plan = load->plan;
    uint64_t step = 1000000000ull * plan->burst / plan->rate;
    uint64_t start = now(), end = start + plan->milliseconds * 1000000ull, due = start;
    while (due < end) {
        uint64_t time = now();
        if (time >= due) {
            // A pause of the machine is not made good by a flood.
            if (time - due > 20000000) due = time;
            send_burst(load, plan->burst);
            due += step;
        } else {
            receive_all(load);
            uint64_t left = due - now();
            if (!plan->spins && left < 1000000000 && left > 80000) {
                struct timespec pause = {0, (long)(left - 60000)};
                nanosleep(&pause, NULL);
            }
        }
    }
    // What is still on its way counts.
    uint64_t last = now() + (plan->is_patient ? 3000000000 : 50000000);
    while (now() < last && load->result->answered + load->result->wrong < load->result->sent)
        receive_all(load);
}

static void run_in_turn(load *load) {
    uint64_t end = now() + load->plan->milliseconds * 1000000ull;
    struct timeval patience = {1, 0};
    for (uint32_t i = 0; i < load->plan->sockets; i++)
        setsockopt(load->sockets[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    while (now() < end) {
        uint32_t place = load->next_socket % load->plan->sockets;
        send_burst(load, 1);
        receive(load, place, MSG_WAITFORONE);
    }
}

static uint64_t quantile(const result *result, uint64_t thousandths) {
    uint64_t wanted = result->answered * thousandths / 1000, seen = 0;
    for (uint32_t i = 0; i < latency_max; i++) {
        seen += result->latency[i];
        if (seen > wanted) return i * (uint64_t)latency_step;
    }
    return latency_max * (uint64_t)latency_step;
}

static int read_questions(questions *questions) {
    size_t room = 1 << 16, length = 0;
    questions->octets = malloc(room);
    questions->starts = calloc(questions_max + 1, sizeof *questions->starts);
    if (!questions->octets || !questions->starts) return ENOMEM;
    int high, low;
    while (questions->count < questions_max && (high = getchar()) != EOF) {
        if ((low = getchar()) == EOF) return EINVAL;
        size_t octets = (size_t)high << 8 | (size_t)low;
        if (octets < 12 || octets > question_octets_max) return EINVAL;
        if (length + octets > room) {
            uint8_t *grown = realloc(questions->octets, room *= 2);
            if (!grown) return ENOMEM;
            questions->octets = grown;
        }
        if (fread(questions->octets + length, 1, octets, stdin) != octets) return EINVAL;
        length += octets;
        questions->starts[++questions->count] = (uint32_t)length;
    }
    return questions->count ? 0 : EINVAL;
}

int main(int count, char **words) {
    if (count != 8 && count != 9) return 2;
    plan plan = {
        .address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[2]))},
        .addresses = (uint32_t)atoi(words[3]),
        .sockets = (uint32_t)atoi(words[4]),
        .burst = (uint32_t)atoi(words[5]),
        .rate = (uint32_t)atoi(words[6]),
        .milliseconds = (uint32_t)atoi(words[7]),
        .spins = count == 9 && strcmp(words[8], "spin") == 0,
        .is_patient = count == 9 && strcmp(words[8], "patient") == 0,
    };
    questions questions = {0};
    if (!inet_aton(words[1], &plan.address.sin_addr) || plan.addresses < 1 || plan.sockets < 1 ||
        plan.sockets > sockets_max || plan.burst < 1 || plan.burst > burst_max || read_questions(&questions) != 0)
        return 2;
    static result result;
    load load = {.plan = &plan, .questions = &questions, .result = &result};
    // Of many questions each run asks others.
    load.next_question = (uint32_t)(now() / 1000 % questions.count);
    load.sent_at = calloc((size_t)plan.sockets << 16, sizeof *load.sent_at);
    if (!load.sent_at || open_sockets(&load) != 0) return 1;
    if (plan.rate) run_paced(&load);
    else run_in_turn(&load);
    printf("%lu %lu %lu %lu %u %lu %lu %lu\n", result.sent, result.answered, result.wrong,
           result.explained, result.reply_octets, quantile(&result, 500), quantile(&result, 990),
           quantile(&result, 999));
    free(load.sent_at);
    free(questions.octets);
    free(questions.starts);
    return 0;
}
