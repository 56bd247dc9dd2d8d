/* SPDX-License-Identifier: MIT
 *
 * loop: the life of a turn, in order (loop.c: loop_turn):
 *
 *      loop_wait            submit what was armed; spin, or sleep, until something happens
 *      loop_read_clock      once: everything in the turn has this time
 *      affinity_turn        whether this thread had to wait for its CPU (tie.h), ten times a second at most
 *      turn_begin           how long it may last (turn.h)
 *      hooks.turn           the store's quiescent state
 *      transport reap       events -> accept_on_connection (accept.c), serve_on_recv, serve_on_sent (serve.c)
 *      woken?               the engine stops: drain_begin, freeze_begin; a filter is ready; a connection list waits
 *      serve_turn           prefetch over all connections with input, then on_input for each, in rounds
 *      loop_judge_spin      whether what a spin found was worth it (spin.h)
 *      return_buffers       what is unread was copied out (input.c): no client holds a shared buffer
 *      overdue_turn         what time has run out for
 *      accept_turn          accepting again where a pause is over
 *      conn_list_turn       a piece of the connection list, while one is asked for
 *      drain_turn           while stopping: which connections are done; or freeze_turn: which can be moved
 *      shed_turn            what all connections hold together is bounded
 *      hooks.turn_end       answers are about to be sent
 *      arm_turn             one send per connection with output; receives; the end of those that close
 *
 * Between two turns: transport_failed? failover_turn: the ring has failed for good.
 *
 * The life of a request: kernel fills a buffer -> completion -> conn_find -> serve_on_recv -> input_append
 * -> prefetch -> on_input (parse, execute, reply) -> arm_turn -> transport arm: one send -> completion ->
 * serve_on_sent -> reply_sent.
 */
#ifndef RIPOSTE_ENGINE_LOOP_H
#define RIPOSTE_ENGINE_LOOP_H

struct worker;

/* Reads the clock for what follows: now_ns and now_ms of the worker. */
void loop_read_clock(struct worker *worker);

/* Turn after turn, until nothing is left to do in this stage, or nothing can be served any more (transport_failed). */
void loop_run(struct worker *worker);

#endif
