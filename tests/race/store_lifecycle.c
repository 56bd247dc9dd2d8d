/* SPDX-License-Identifier: MIT
 *
 * Workers that join, leave and sleep all the time, in a store that is too small, while the limit goes up
 * and down and an outsider reads the statistics; values are pinned by one thread and unpinned by another.
 *
 * Checked: values are whole, also pinned ones; the statistics never show more memory than the limit that
 * was in force; at the end nothing has leaked, whatever was handed from worker to worker.
 */
#include "torture.h"

enum { KEYS = 2000, LIVES = 150, OPERATIONS_PER_LIFE = 400, MAILBOXES = 16 };
static const size_t LIMIT_MAX = 1024 * 1024;

struct mail {
    struct item_view view;
    uint64_t number;
};

struct lifecycle {
    _Atomic(struct mail *) mailboxes[MAILBOXES]; /* pinned values on their way to another thread */
};

static void receive(struct mail *mail) {
    if (mail == NULL) {
        return;
    }
    torture_read(mail->view.value, mail->number);
    store_unpin(mail->view.pin);
    free(mail);
}

static void send(struct torture_thread *thread, const struct item_view *view, uint64_t number) {
    struct lifecycle *lifecycle = thread->torture->shared;
    if (!store_pin(view)) {
        return;
    }
    struct mail *mail = malloc(sizeof(*mail));
    *mail = (struct mail){.view = *view, .number = number};
    receive(atomic_exchange(&lifecycle->mailboxes[random_below(&thread->random, MAILBOXES)], mail));
}

static void step(struct torture_thread *thread) {
    const struct put_options set = {.mode = PUT_SET};
    uint64_t number = random_below(&thread->random, KEYS);
    struct torture_key key;
    struct item_view view;
    if (random_below(&thread->random, 2) == 0) {
        torture_put(thread, number, number, 0, &set, NULL);
    } else if (store_get(thread->worker, torture_key(&key, number), &view) == STORE_OK) {
        torture_read(view.value, number);
        if (random_below(&thread->random, 16) == 0) {
            send(thread, &view, number);
        }
    }
}

static void look_at_statistics(struct torture_thread *thread) {
    struct store_levels levels;
    store_stats(thread->torture->store, &levels);
    torture_check(levels.memory_size <= LIMIT_MAX, "%" PRIu64 " bytes", levels.memory_size);
}

static void run(struct torture_thread *thread) {
    for (unsigned life = 0; life < LIVES * thread->torture->scale; life++) {
        for (unsigned i = 0; i < OPERATIONS_PER_LIFE; i++) {
            step(thread);
            torture_pause(thread);
        }
        look_at_statistics(thread);
        store_memory_limit_set(thread->worker, LIMIT_MAX / (1 + random_below(&thread->random, 3)));
        if (random_below(&thread->random, 4) == 0) {
            store_offline(thread->worker);
        }
        store_worker_leave(thread->worker);
        look_at_statistics(thread);
        thread->worker = store_worker_join(thread->torture->store, atomic_load(&thread->torture->now_ns));
        torture_check(thread->worker != NULL, "it did not get in again");
    }
}

/* So that the last limit has no store above it. */
static void raise_limit(struct torture *torture) {
    struct store_worker *worker = store_worker_join(torture->store, atomic_load(&torture->now_ns));
    torture_check(store_memory_limit_set(worker, LIMIT_MAX), "it was in force before");
    store_worker_leave(worker);
}

int main(int argument_count, char **arguments) {
    struct torture torture;
    struct lifecycle lifecycle = {0};
    void (*const runs[])(struct torture_thread *) = {run};
    torture_open(&torture, argument_count, arguments, LIMIT_MAX, true);
    torture.shared = &lifecycle;
    torture_run(&torture, runs, 1);
    for (unsigned i = 0; i < MAILBOXES; i++) {
        receive(atomic_load(&lifecycle.mailboxes[i]));
    }
    raise_limit(&torture);
    torture_close(&torture, "lifecycle");
    return 0;
}
