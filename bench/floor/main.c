/* SPDX-License-Identifier: MIT
 *
 * floor: a server that pays the kernel's price of a request and nothing else (loop.h); what riposte and its peers
 * cost is shown as a multiple of it. Made for bench/harness, which starts it beside them:
 *
 *      floor --port 12000 --shape get --value-size 32
 *
 * Listens on 127.0.0.1, answers every request with the same bytes, and runs until it is killed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "riposte/bytes.h"

enum {
    EXIT_USAGE = 64,
    EXIT_SYSTEM = 71,
    BACKLOG = 4096,
    VALUE_SIZE_MAX = 1 << 20,
    ANSWERS_SIZE_MAX = 4 << 20, /* bytes in one send; more than any socket takes at once */
    HEAD_SIZE_MAX = 128,
};

/* How an answer looks, and by how many line feeds the end of a request of riposte-load is known. */
struct shape {
    const char *name;
    unsigned lines;
    const char *head; /* %u: the size of the value */
    bool has_value;
    const char *tail;
};

static const struct shape shapes[] = {
    {"get", 1, "VALUE key:000000000000 0 %u\r\n", true, "\r\nEND\r\n"},
    {"set", 2, "STORED\r\n", false, ""},
    {"http", 3, "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n", true, ""},
};

struct arguments {
    const struct shape *shape;
    uint32_t port;
    uint32_t value_size;   /* bytes */
    uint32_t lines;        /* 0: the shape's */
    const char *spun_path; /* NULL: none */
};

static int usage(void) {
    fprintf(stderr,
            "usage: floor --port N [--shape get|set|http] [--value-size BYTES] [--lines N] [--spun FILE]\n"
            "  --lines N  line feeds of a request, where it is not riposte-load that asks\n"
            "  --spun FILE  keeps the nanoseconds spent spinning there, 8 bytes of this machine\n");
    return EXIT_USAGE;
}

static const struct shape *shape_find(const char *name) {
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        if (strcmp(name, shapes[i].name) == 0) {
            return &shapes[i];
        }
    }
    return NULL;
}

static bool argument_read(const char *flag, const char *text, struct arguments *arguments) {
    struct bytes number = bytes_from_string(text);
    if (strcmp(flag, "--shape") == 0) {
        arguments->shape = shape_find(text);
        return arguments->shape != NULL;
    }
    if (strcmp(flag, "--spun") == 0) {
        arguments->spun_path = text;
        return true;
    }
    if (strcmp(flag, "--port") == 0) {
        return bytes_parse_u32(number, &arguments->port) && arguments->port <= UINT16_MAX;
    }
    if (strcmp(flag, "--value-size") == 0) {
        return bytes_parse_u32(number, &arguments->value_size) && arguments->value_size <= VALUE_SIZE_MAX;
    }
    return strcmp(flag, "--lines") == 0 && bytes_parse_u32(number, &arguments->lines) && arguments->lines > 0;
}

/* False when the command line makes no sense. */
static bool arguments_read(int count, char **words, struct arguments *arguments) {
    *arguments = (struct arguments){.shape = &shapes[0], .value_size = 32};
    for (int i = 1; i < count; i += 2) {
        if (i + 1 == count || !argument_read(words[i], words[i + 1], arguments)) {
            return false;
        }
    }
    return arguments->port > 0;
}

/* Writes the answer once, then copies it behind itself. False: no memory. */
static bool answers_make(const struct arguments *arguments, struct answers *answers) {
    const struct shape *shape = arguments->shape;
    char head[HEAD_SIZE_MAX];
    int written = snprintf(head, sizeof(head), shape->head, (unsigned)arguments->value_size);
    size_t head_size = (size_t)written;
    size_t value_size = shape->has_value ? arguments->value_size : 0;
    size_t tail_size = strlen(shape->tail);
    *answers = (struct answers){
        .size = head_size + value_size + tail_size,
        .lines = arguments->lines > 0 ? arguments->lines : shape->lines,
    };
    answers->count = ANSWERS_SIZE_MAX / answers->size;
    answers->bytes = malloc((answers->count + 1) * answers->size);
    if (answers->bytes == NULL) {
        return false;
    }
    memcpy(answers->bytes, head, head_size);
    memset(answers->bytes + head_size, 'x', value_size);
    memcpy(answers->bytes + head_size + value_size, shape->tail, tail_size);
    for (size_t i = 1; i <= answers->count; i++) {
        memcpy(answers->bytes + i * answers->size, answers->bytes, answers->size);
    }
    return true;
}

/* A listener with the options that riposte's have; accepted sockets inherit them. -1: errno. */
static int listener_open(uint32_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0) {
        return -1;
    }
    return fd;
}

/* A counter that is a file, too; without a path one that nobody sees. NULL: errno. */
static _Atomic uint64_t *counter_map(const char *path) {
    static _Atomic uint64_t unseen;
    if (path == NULL) {
        return &unseen;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(unseen)) < 0) {
        return NULL;
    }
    void *memory = mmap(NULL, sizeof(unseen), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void descriptors_raise(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int fail(const char *what, int number) {
    fprintf(stderr, "floor: %s: %s\n", what, strerror(number));
    return EXIT_SYSTEM;
}

int main(int count, char **words) {
    struct arguments arguments;
    struct answers answers;
    if (!arguments_read(count, words, &arguments)) {
        return usage();
    }
    if (!answers_make(&arguments, &answers)) {
        return fail("the answers", ENOMEM);
    }
    descriptors_raise();
    int fd = listener_open(arguments.port);
    if (fd < 0) {
        return fail("the listener", errno);
    }
    _Atomic uint64_t *spun_ns = counter_map(arguments.spun_path);
    if (spun_ns == NULL) {
        return fail(arguments.spun_path, errno);
    }
    return fail("io_uring", -loop_run(fd, &answers, spun_ns));
}
