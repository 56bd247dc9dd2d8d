/* SPDX-License-Identifier: MIT
 *
 * engine_counters: what each worker of an engine counts. riposte/engine.h includes it, and says who may read them.
 */
#ifndef RIPOSTE_ENGINE_COUNTERS_H
#define RIPOSTE_ENGINE_COUNTERS_H

#include "riposte/counter.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The engine's counters, one set per worker. X(name, kind, help): kind is COUNT (only grows), LEVEL (now) or MOST (the
 * largest there was).
 */
#define ENGINE_COUNTERS(X)                                                                                   \
    X(connections_current, LEVEL, "connections open now")                                                    \
    X(connections_accepted, COUNT, "connections accepted since start")                                       \
    X(connections_rejected, COUNT, "connections turned away because of the connection limit")                \
    X(connections_slots, LEVEL, "connection slots that were ever used")                                      \
    X(closed_by_client, COUNT, "connections the client ended")                                               \
    X(closed_by_protocol, COUNT, "connections closed after a last reply (quit, protocol error)")             \
    X(closed_error, COUNT, "connections ended by a socket error (reset, broken pipe, time-out of TCP)")      \
    X(closed_idle, COUNT, "connections closed by the idle time-out")                                         \
    X(closed_slow_reader, COUNT, "connections closed because the client did not take its output")            \
    X(closed_input_too_large, COUNT,                                                                         \
      "connections closed because an unfinished request passed the input bound")                             \
    X(closed_no_memory, COUNT, "connections closed because memory ended")                                    \
    X(closed_conn_memory, COUNT,                                                                             \
      "connections closed because all together held too much, and they most without taking anything")        \
    X(closed_opening, COUNT, "connections closed because their handshake took too long, or others waited")   \
    X(closed_shutdown, COUNT, "connections closed because the server stops")                                 \
    X(closed_handed_over, COUNT,                                                                             \
      "connections closed because another process takes over and cannot have them")                          \
    X(connections_moved, COUNT, "connections taken over from another engine, or taken back")                 \
    X(bytes_read, COUNT, "bytes received")                                                                   \
    X(bytes_written, COUNT, "bytes the kernel took")                                                         \
    X(requests, COUNT, "requests completed")                                                                 \
    X(yields, COUNT, "times a connection had used its requests of a turn (-R) and others went first")        \
    X(output_pauses, COUNT, "times a connection was paused because its unsent output passed the bound")      \
    X(memory_pauses, COUNT, "turns that ended early because all connections together held too much")         \
    X(input_copies, COUNT, "times an unfinished request was copied out of the shared receive buffers")       \
    X(turns, COUNT, "turns of the loop")                                                                     \
    X(turns_costly, COUNT, "turns in which costly requests waited: their CPU time is measured")              \
    X(turns_busy, COUNT, "turns that began with what the one before had left: their CPU time, too")          \
    X(turns_long, COUNT, "such turns that took more than 2 ms of CPU time, sends and receives included")     \
    X(turn_longest_us, MOST, "CPU time of the longest such turn since the start")                            \
    X(enters, COUNT, "system calls that submit or wait (io_uring_enter, epoll_wait)")                        \
    X(sleeps, COUNT, "waits that gave the CPU away")                                                         \
    X(spins, COUNT, "waits that looked for work without sleeping first")                                     \
    X(spin_hits, COUNT, "spins that found a request of a connection that had asked before")                  \
    X(spun_ns, COUNT, "time of all spins")                                                                   \
    X(cpu_wait_ns, COUNT, "time for which workers were ready to run and others had their CPU (schedstat)")   \
    X(cpu_unpins, COUNT, "times a worker was kept on its CPU no longer because it had to wait for it")       \
    X(cpu_unpinned, LEVEL, "workers that are not kept on their CPU now because they have to wait for it")    \
    X(accept_arms, COUNT, "accept requests armed")                                                           \
    X(accept_errors, COUNT, "accepts that failed")                                                           \
    X(accept_backoffs, COUNT, "pauses of accepting for want of descriptors or memory")                       \
    X(recvs, COUNT, "receives that brought bytes")                                                           \
    X(recv_arms, COUNT, "receive requests armed")                                                            \
    X(recv_buffers_empty, COUNT, "receives that found no free buffer (ENOBUFS)")                             \
    X(sends_plain, COUNT, "sends of one piece")                                                              \
    X(sends_gathered, COUNT, "sends of several pieces (sendmsg)")                                            \
    X(sends_bundle, COUNT, "sends from a ring of provided buffers")                                          \
    X(sends_zero_copy, COUNT, "zero-copy sends")                                                             \
    X(sends_zero_copy_copied, COUNT, "zero-copy sends that the kernel copied after all")                     \
    X(sends_file, COUNT, "sends of bytes of a file (sendfile)")                                              \
    X(file_waits, COUNT, "times that bytes of a file had to be fetched from a disk before they were sent")   \
    X(files_cut, COUNT, "connections closed because a file ended, or could not be read, while it was sent")  \
    X(sends_short, COUNT, "sends of which the kernel took only a part")                                      \
    X(completions, COUNT, "completions reaped")                                                              \
    X(completions_stray, COUNT, "completions that came after their connection, or request, was gone")        \
    X(completion_overflows, COUNT, "times completions did not fit the completion queue")                     \
    X(ring_errors, COUNT, "times io_uring_enter failed in a way that a kernel should not")                   \
    X(ring_failovers, COUNT, "workers whose ring failed for a second, so that they went on with epoll")

struct engine_counters {
#define ENGINE_COUNTER_FIELD(name, kind, help) struct counter name;
    ENGINE_COUNTERS(ENGINE_COUNTER_FIELD)
#undef ENGINE_COUNTER_FIELD
};

#ifdef __cplusplus
}
#endif

#endif
