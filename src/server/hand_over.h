/* SPDX-License-Identifier: MIT
 *
 * hand_over: the steps of a start and of serving that concern another process of riposte: the one that this one takes over from, and
 * the one that takes over from it. take_over/giver.h has the drawing. Main thread only.
 */
#ifndef RIPOSTE_SERVER_HAND_OVER_H
#define RIPOSTE_SERVER_HAND_OVER_H

#include "failure.h"
#include "server.h"

/* --take-over: who is there, and what it offers. Nothing in an ordinary start. */
bool hand_over_ask(struct server *server, struct failure *failure);
void hand_over_end(struct server *server);

/* Until it serves this process is the first to be killed where memory runs out, and not the one that has everything (victim.h). */
bool hand_over_hold_victim(struct server *server, struct failure *failure);

/* A step has failed. Where the other one has said no meanwhile, that is why: *failure says so. */
void hand_over_explain(struct server *server, struct failure *failure);

/* The way to this process, for one that takes over from it: before the sandbox is closed. */
bool hand_over_open_control(struct server *server, struct failure *failure);
void hand_over_close_control(struct server *server);

/* All is ready but what the other one still has: it pauses. */
bool hand_over_await(struct server *server, struct failure *failure);

/*
 * The store is new, because the memory of the other one's items cannot be used here (why: some words about them): asks for them one by
 * one, where the other one knows how, and says what has come of it.
 */
bool hand_over_take_items(struct server *server, const char *why, struct failure *failure);

/* What clients are being sent of the items stays in place until they have it; ended where this process does not serve. */
bool hand_over_take_values(struct server *server, struct failure *failure);
void hand_over_drop_values(struct server *server);

/*
 * Files that this process is to remove by the rights of root once it serves. A server without these may have been made to say anything: of its
 * files its own janitor knows.
 */
void hand_over_dropped(const struct server *server, struct socket_files *dropped);

/* What the other one has counted. Before workers have joined the store. */
bool hand_over_take_numbers(struct server *server, struct failure *failure);

/* From here on this process serves, and no other. */
bool hand_over_take(struct server *server, struct failure *failure);

/* Clients are answered. */
bool hand_over_release(struct server *server, struct failure *failure);

/*
 * Until the other one has told the service manager whom to follow. The parent of a process in the background (-d) ends only then: by its end a
 * reload is over, and the next one begins with MAINPID. What this one says before that, the manager does not listen to.
 */
bool hand_over_await_word(struct server *server, struct failure *failure);

/* From now on another process may take over. */
void hand_over_begin(struct server *server);

/* SIGUSR2: starts one that does, or says why it cannot. */
void hand_over_start_taker(struct server *server);

/* SIGCHLD: one that was started may have ended. */
void hand_over_on_child(struct server *server);

/* In the course of serving: true when another process serves, or nobody does. */
bool hand_over_turn(struct server *server, uint64_t now_ns);
int hand_over_timeout_ms(const struct server *server, uint64_t now_ns);

/* Another process serves: what this one was asked to do meanwhile is its. As soon as it is so. */
void hand_over_pass_on(struct server *server);

/*
 * The same, last of all, for a moment in which nothing else is left of this process: who was about to send it a signal when the other one
 * began to serve has sent it by then. Of the last look and the end nothing stands between. Nothing where this one has served to the end.
 */
void hand_over_leave(struct server *server);

/*
 * This one stops: what the other one, which has ended or does so, is asked to do does not come on top of that. A service manager asks each
 * process: where the other one's word was first, this one's own signal is waited for, for a moment in which it serves, and is no second one.
 */
void hand_over_part(struct server *server);

/* Whether another process has the listeners and the items: nothing of them is shut down or removed here. */
bool hand_over_is_elsewhere(const struct server *server);

/* --check --take-over: says what would not be carried over; 0, 1 or 2 as --check. */
int hand_over_check(struct server *server, FILE *file);

#endif
