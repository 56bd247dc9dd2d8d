/* SPDX-License-Identifier: MIT
 *
 * thread: the life of a worker's thread, from what the loop needs to what it leaves (thread.c: thread_main).
 *
 *      thread_set_up           transport, connection table; an engine that begins with a pause goes on at thread_pause
 *      loop_run                turn after turn, until the last connection has ended or all can be moved (freeze.h)
 *      freeze_end              FROZEN: connections become records
 *      thread_pause            the engine pauses: reports and waits (start.h); START_SERVE: back to loop_run
 *      thread_part             another process serves: connections that could not go there hear the end
 *      thread_tear_down        the mirror of thread_set_up
 */
#ifndef RIPOSTE_ENGINE_THREAD_H
#define RIPOSTE_ENGINE_THREAD_H

/* Thread entry; argument is the worker. */
void *thread_main(void *argument);

#endif
