/* SPDX-License-Identifier: MIT
 *
 * engine: sockets, buffers, time and threads, for any request/reply protocol.
 *
 * One worker thread per CPU; each owns a transport (an io_uring, or an epoll instance), one SO_REUSEPORT
 * listener per address, its connections, its buffers and its counters. Nothing is shared between workers on
 * the path of a request. A worker's stack is 512 KiB, of which the engine and TLS use less than 64.
 *
 *      engine_create --> engine_start --> (serving) --> engine_stop --> engine_join --> engine_destroy
 *        listeners         threads          any thread or signal loop     threads end
 *
 * The engine knows no store and no protocol: it calls a struct protocol per connection and the hooks below
 * per worker.
 */
#ifndef RIPOSTE_ENGINE_H
#define RIPOSTE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "riposte/engine_counters.h"
#include "riposte/numbers.h"
#include "riposte/filter.h"
#include "riposte/protocol.h"

#ifdef __cplusplus
extern "C" {
#endif

struct engine;

enum engine_transport {
    ENGINE_AUTO, /* io_uring; epoll, for all workers, where one of them cannot have it: the kernel or a sandbox refuses
                     it, or there is no memory for a ring */
    ENGINE_URING, /* io_uring, or a start-up error */
    ENGINE_EPOLL,
};

enum engine_send {
    ENGINE_SEND_AUTO,      /* what measurement found best for each size: src/engine/README.md, "Send" */
    ENGINE_SEND_PLAIN,     /* send(2) for one piece, sendmsg(2) for several */
    ENGINE_SEND_BUNDLE,    /* several pieces through a ring of provided buffers (Linux 6.10) */
    ENGINE_SEND_ZERO_COPY, /* SEND_ZC at or above send_zero_copy_size_min (Linux 6.1 for several pieces) */
};

/* Whether worker n stays on the n-th CPU of the affinity mask that the thread of engine_create has. */
enum engine_pin {
    /*
     * While that CPU is free for it. A worker that has to wait for it, because other programs use it as well, may run on all CPUs
     * of that mask, until ten seconds or more have passed without waits; counters cpu_unpins and cpu_unpinned. Where the
     * kernel does not say what a thread waits (/proc/thread-self/schedstat, read ten times a second at most), as ON.
     */
    ENGINE_PIN_AUTO,
    ENGINE_PIN_ON,  /* always */
    ENGINE_PIN_OFF, /* never */
};

enum {
    ENGINE_WORKERS_MAX = 1024,
    ENGINE_LISTENS_MAX = 64,
    ENGINE_SPIN_AUTO = -1,
    ENGINE_SPIN_US_MAX = 10000,
    ENGINE_TIMEOUT_MS_MAX = 2000000000, /* 23 days: a worker's clock of 32 bits compares by difference */
    ENGINE_MESSAGE_SIZE_MAX = 384,
};

/* What becomes of the listeners when the engine stops. */
enum engine_stop {
    ENGINE_STOP_NONE, /* it does not stop; not for engine_stop */
    ENGINE_STOP_CLOSE, /* what waits in their queues is accepted and answered, then they refuse; those that were inherited
                              are handed back */
    ENGINE_STOP_HAND_OVER, /* somebody else accepts from them: nothing is shut down, and no file is removed but of one that nobody else can have:
                              made by an engine that has never served */
    ENGINE_STOP_PAUSE,  /* the same, but the workers stay and wait for engine_resume, or for another stop */
    ENGINE_STOP_FREEZE, /* a pause that ends no connection which can be moved: engine_move.h */
};

/* Why the engine could not be made: one sentence with the likely cure, for the operator. */
struct engine_error {
    int error;  /* negative errno */
    bool usage; /* the configuration asks for something impossible (exit 64 rather than 71) */
    char message[ENGINE_MESSAGE_SIZE_MAX]; /* ends in NUL, no line end */
};

/* What the connections of a listen may take. engine_limits_init gives the defaults. */
struct engine_limits {
    /* Of all listens with these limits, over all workers, 1 to 1,000,000; default 16384. */
    uint32_t connections_max;

    /*
     * True (default): a connection over the limit reads the protocol's reject text and is closed. False:
     * accepting pauses until there is a place.
     */
    bool reject_when_full;

    uint32_t requests_per_round_max; /* of one connection before others are served, >= 1; default 20 (-R) */

    /* Unconsumed bytes of one connection before it is closed; default 1 MiB + 64 KiB. */
    uint32_t input_size_max;

    uint32_t output_size_max; /* unsent bytes of one connection before it is throttled; default 8 MiB */

    /*
     * No request completed and no value moved for so long: closed. 0 (default): never; at most
     * ENGINE_TIMEOUT_MS_MAX. TCP only.
     */
    uint32_t idle_timeout_ms;
};

/* The file of a Unix socket, as stat(2) has it: whether what has its name later is still the same. */
struct engine_socket_file {
    bool is_known; /* otherwise the numbers mean nothing */
    uint64_t device;
    uint64_t inode;
};

/* One address to listen on, with the protocol spoken there. */
struct engine_listen {
    const struct protocol *protocol; /* borrowed for the engine's life */

    /*
     * Copied. Listens that point to the same limits share their connections_max; NULL: those of the
     * configuration.
     */
    const struct engine_limits *limits;

    /*
     * The protocol's `context` on the worker whose worker_start returned worker_user. NULL: worker_user
     * itself.
     */
    void *(*context_of)(void *worker_user);

    /* What stands between the wire and the protocol; NULL: nothing. Borrowed for the engine's life. */
    const struct filter *filter;

    /*
     * The filter's `context`, as context_of is the protocol's; listen_index: of this one in the configuration. Where the engine is
     * frozen (ENGINE_STOP_FREEZE) it outlives worker_stop, until engine_join or the next worker_start, for connections that stay behind.
     */
    void *(*filter_context_of)(void *worker_user, unsigned listen_index);

    /*
     * Sockets that listen already (systemd.socket(5), a hand-over): duplicated instead of binding, so the
     * originals stay the caller's. All must have one address, which is filled in. Borrowed until engine_create
     * returns. However the engine stops, they go on listening and their queues are left to whoever accepts next. No
     * two engines may accept from one at a time: whether an accept waits is a mode of the socket.
     */
    const int *inherited_fds;
    unsigned inherited_count; /* 0: bind `address` */

    /*
     * The process that made them gives them up: they end as if this engine had made them, a Unix socket with its file,
     * once the workers serve. Until it is
     * sure that it does, stop with ENGINE_STOP_HAND_OVER. Nothing of theirs, mode or backlog, is changed before the workers serve, so that with a pause before engine_start
     * the other process may go on accepting until engine_resume.
     */
    bool is_taken;

    /* is_taken, AF_UNIX: its file as that process knows it. Not known: what has the name when the engine is created. */
    struct engine_socket_file taken_file;

    struct sockaddr_storage address; /* AF_INET, AF_INET6 (v6 only) or AF_UNIX; port 0 takes a free one */
    socklen_t address_size;          /* in bytes, of the part of `address` that is used */
    unsigned unix_mode;              /* permission bits of a Unix socket's file, 0 to 0777 */
};

/* Called on the worker's own thread, in this order; all optional. */
struct engine_hooks {
    void *user; /* passed to worker_start; borrowed */

    /*
     * The worker's thread runs, before its first connection. Returns worker_user; NULL with worker_start set
     * ends the start with ENOMEM.
     */
    void *(*worker_start)(void *user, unsigned worker_index);

    /*
     * Once per turn, between the requests of the turn before and those of this one: now_ns is the monotonic
     * time at which the next requests will be executed. Returns within how many ms it wants to be called
     * again although nothing happens: 0 for "no need". Called once more before the worker sleeps, because what the
     * last requests have left behind counts, too.
     */
    unsigned (*turn)(void *worker_user, uint64_t now_ns);

    /* All requests of the turn are executed, their answers about to be handed to the transport. now_ns as in `turn`. */
    void (*turn_end)(void *worker_user, uint64_t now_ns);

    /* The worker is about to sleep; it is back. No request runs in between. */
    void (*offline)(void *worker_user);
    void (*online)(void *worker_user, uint64_t now_ns);

    /* The last call of this worker; all its connections are closed. */
    void (*worker_stop)(void *worker_user);
};

/* Zeroed fields mean what their comment says for 0; engine_config_init gives the documented defaults. */
struct engine_config {
    /* 1 to ENGINE_WORKERS_MAX; 0: one per CPU of the affinity mask and the control group's quota. */
    unsigned workers_count;

    enum engine_pin pin;              /* default ENGINE_PIN_AUTO */
    enum engine_transport transport;  /* default ENGINE_AUTO */
    enum engine_send send;            /* default ENGINE_SEND_AUTO */
    uint32_t send_zero_copy_size_min; /* bytes of one send; default 65536 */
    int spin_us;                      /* ENGINE_SPIN_AUTO (default), 0 never, else 1 to ENGINE_SPIN_US_MAX */

    /*
     * Rings take the operations that the engine uses and no others, whoever writes into them (io_uring_register_restrictions,
     * Linux 5.10); default false.
     */
    bool restrict_rings;

    struct engine_limits limits; /* of listens that have none of their own */

    /*
     * Bytes that all connections may hold together: unsent output that was copied, unread input, what sessions
     * hold. At least 1 MiB; default 64 MiB. At the bound those are closed first that hold most without moving
     * anything.
     */
    uint64_t conn_memory_size_max;

    uint32_t listen_backlog; /* default 4096; the kernel cuts it to net.core.somaxconn */

    /*
     * Bytes that buffers and rings of all workers together may take (engine_fixed_memory_size); 0 (default): no bound.
     * Those of the next four that are 0 shrink with the number of workers until they fit; their defaults are for a few
     * workers.
     */
    size_t fixed_memory_size_max;
    uint32_t recv_buffer_size;   /* bytes, power of two, 1 KiB to 1 MiB; default 64 KiB (incremental), 2 KiB
                                    otherwise */
    uint32_t recv_buffer_count;  /* power of two, 2 to 32768; default 8 (incremental), 256 otherwise */
    uint32_t ring_entries;       /* submission entries, power of two, 8 to 32768; default 1024 */
    uint32_t completion_entries; /* completion entries, power of two, >= 2; default 4 x ring_entries */

    /*
     * Connections whose filter is opening (a handshake), over all workers, each of which has an equal share, at least 1;
     * default 1024. Beyond it clients wait to be accepted, and those that have said nothing for a second make room.
     */
    uint32_t openings_max;

    /* Time-outs, 1 to ENGINE_TIMEOUT_MS_MAX. */
    uint32_t opening_timeout_ms; /* a filter is not open: closed; default 10000 */
    uint32_t write_timeout_ms;   /* output waits and the client takes none of it: closed; default 60000 */
    uint32_t drain_timeout_ms;   /* longest stop; default 10000 */
    uint32_t linger_timeout_ms;  /* longest wait for the client's end after our last byte; default 1000 */

    const struct engine_listen *listens; /* listens_count of them; copied */
    unsigned listens_count;              /* 1 to ENGINE_LISTENS_MAX */
    struct engine_hooks hooks;
};

/* Fills `limits` with the defaults named above. */
void engine_limits_init(struct engine_limits *limits);

/* Fills `config` with the defaults named above; listens and hooks empty. */
void engine_config_init(struct engine_config *config);

/*
 * Opens the listeners and probes the kernel. `config` is copied, but for what is borrowed. 0 and *engine, to
 * be destroyed by the caller; or a negative errno and *error. Call from the thread that will call
 * engine_join.
 */
int engine_create(const struct engine_config *config, struct engine **engine, struct engine_error *error);

/*
 * Starts the workers and waits until each one accepts connections. 0, or a negative errno and *error (all
 * threads are gone then).
 */
int engine_start(struct engine *engine, struct engine_error *error);

/*
 * Begins the stop: no more accepts, what has been received is answered and flushed, then connections close;
 * workers end within drain_timeout_ms. Any thread may call, more than once: the first kind counts, but a pause or a
 * freeze gives way to CLOSE and HAND_OVER, which end the engine for good. Not from a signal handler.
 */
void engine_stop(struct engine *engine, enum engine_stop kind);

/*
 * A filter of that worker, below the number of workers, may be ready (FILTER_NEXT_LATER): it is asked soon. Any thread, from engine_create to
 * engine_destroy.
 */
void engine_wake_worker(struct engine *engine, unsigned worker_index);

/*
 * After engine_stop with ENGINE_STOP_PAUSE: waits until all workers have ended their connections, within a second, and have been
 * taken back from hooks (worker_stop). With ENGINE_STOP_FREEZE: until all connections are frozen, the same otherwise. Nobody is accepted from then on, what waits in the queues of the listeners stays
 * there. Asked for before engine_start, which then returns with the workers waiting, and no hook called. One thread.
 */
void engine_await_pause(struct engine *engine);

/*
 * Calls worker_start of all workers of a paused engine, but of those for which it has succeeded: engine_resume does not call it then, and
 * does not fail. 0, or a negative errno and *error of one of them: the engine pauses, and may be asked again. The thread that has waited.
 */
int engine_prepare(struct engine *engine, struct engine_error *error);

/*
 * The workers of a paused engine serve again (worker_start is called anew, unless engine_prepare has). 0, or a negative errno and
 * *error: one of them could not, and the others are stopped. The thread that has waited.
 */
int engine_resume(struct engine *engine, struct engine_error *error);

/*
 * Every worker's loop comes round once, also that of one that sleeps: its counter `turns` grows. One that does not grow hangs.
 * Any thread, from engine_start to engine_destroy.
 */
void engine_wake(struct engine *engine);

/*
 * The listening sockets of listen `listen_index`: the first fds_count_max go to `fds`; returns how many there
 * are. They stay the engine's: duplicate what is to outlive engine_destroy (dup(2), SCM_RIGHTS). Any thread,
 * from engine_create to engine_destroy.
 */
unsigned engine_listener_fds(const struct engine *engine, unsigned listen_index, int *fds,
                             unsigned fds_count_max);

/* Waits for the end of all workers. */
void engine_join(struct engine *engine);

/*
 * Frees everything. After engine_join, or after engine_create when the engine was never started. Removes the
 * files of Unix sockets that it made, unless they were handed over.
 */
void engine_destroy(struct engine *engine);

/* --- what is running: any thread, from engine_create to engine_destroy, where nothing else is said --- */

/* 1 to ENGINE_WORKERS_MAX. */
unsigned engine_workers_count(const struct engine *engine);

/* "io_uring" or "epoll". Static storage. */
const char *engine_transport_name(const struct engine *engine);

/*
 * The features in use, words separated by one space ("multishot-accept incremental-buffers bundle"); lives as
 * long as the engine.
 */
const char *engine_features(const struct engine *engine);

/* Why `auto` took epoll: one sentence, "" when it did not. Lives as long as the engine. */
const char *engine_fallback_reason(const struct engine *engine);

/*
 * Bytes of buffers and rings that the engine takes at start for all workers together; what connections need
 * comes on top.
 */
size_t engine_fixed_memory_size(const struct engine *engine);

/*
 * Bytes that connections hold now: unsent output that was copied, unread input, what sessions hold. The
 * bound is conn_memory_size_max of the configuration.
 */
uint64_t engine_conn_memory_size(const struct engine *engine);

/*
 * The file of a Unix socket that the engine has made, or been given with it; not known of other listens. Any thread, from engine_create to
 * engine_destroy.
 */
struct engine_socket_file engine_listener_file(const struct engine *engine, unsigned listen_index);

/* The port that listen `listen_index` got, host byte order; 0 for a Unix socket. */
uint16_t engine_port(const struct engine *engine, unsigned listen_index);

/* Connections that may wait in the queue of a listener: what net.core.somaxconn leaves of listen_backlog. */
uint32_t engine_listen_backlog(const struct engine *engine);

/*
 * Counters of one worker, 0 to workers_count - 1; read them with counter_read. Lives as long as the engine.
 */
const struct engine_counters *engine_worker_counters(const struct engine *engine, unsigned worker_index);

/* The sums over all workers, written with counter_set. */
void engine_counters_sum(const struct engine *engine, struct engine_counters *sum);

/*
 * What only grows, worker by worker, for an engine that goes on with it: there worker i goes on where worker i was, and those that are more than its
 * workers are counted to the first again. While the engine is frozen, or waits for its first engine_resume; the thread that has
 * waited with engine_await_pause.
 */
void engine_counters_save(const struct engine *engine, struct record_writer *writer);
void engine_counters_load(struct engine *engine, struct numbers *numbers);

/* The other end of a connection. */
union engine_peer {
    struct sockaddr
        any; /* sa_family: AF_INET, AF_INET6, AF_UNIX (which has no address), AF_UNSPEC: it has just gone */
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* One connection or listener, as its worker saw it. */
struct engine_conn {
    int fd;
    uint16_t worker_index;
    uint8_t listen_index;   /* which of config.listens accepted it; for a listener: which it is */
    bool listening;         /* a listener, not a connection */
    bool throttled;         /* not read because its unsent output has passed the bound */
    bool sending;           /* output waits for the client */
    bool receiving;         /* a request has begun and its rest has not come */
    bool discarding;        /* what it sends belongs to a request that was refused, and is dropped */
    bool waiting;           /* requests of it have come and wait for those of others */
    bool closing;           /* past its last reply */
    uint32_t quiet_s;       /* since a request of it was completed or a value moved */
    union engine_peer peer; /* not of a listener */
    const struct sockaddr_storage *local; /* of the listen; as long as the engine lives */
    char *identity; /* who it has proved to be to its filter; NULL: nobody in particular. Lives as the list */
};

struct engine_conn_list;

/*
 * Asks every worker for a list of its connections; each answers in bounded pieces between its turns, with at most
 * 64 connections a turn. NULL while another list is being made, or when memory ends. Any worker's thread. End it
 * with engine_conn_list_end.
 */
struct engine_conn_list *engine_conn_list_begin(struct engine *engine);

/* True when all workers have answered; then the thread that began it may read it. */
bool engine_conn_list_ready(const struct engine_conn_list *list);

/*
 * The next one, each once: worker by worker, the listeners of a worker first; NULL at the end. Lives until
 * engine_conn_list_end. Where memory ended, a worker's part is shorter than it could be.
 */
const struct engine_conn *engine_conn_list_next(struct engine_conn_list *list);

/* Ready or not: frees the list, or leaves that to the last worker that still answers. */
void engine_conn_list_end(struct engine_conn_list *list);

/* What the kernel says of the process and of its network namespace. */
struct engine_kernel_figures {
    struct rusage usage; /* of the process: getrusage(2) */
    /* Of accept queues since engine_create: TcpExt ListenOverflows of /proc/net/netstat. */
    uint64_t listen_overflows;
    uint64_t listen_drops; /* the same, ListenDrops */
    bool listens_known;    /* the file can be read; otherwise both are 0 */
};

/* Figures that were right a second ago at most: the kernel is asked no more often. now_ns: monotonic. Waits for nobody. Any thread. */
struct engine_kernel_figures engine_kernel(const struct engine *engine, uint64_t now_ns);

#ifdef __cplusplus
}
#endif

#endif
