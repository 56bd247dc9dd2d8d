/* SPDX-License-Identifier: MIT
 *
 * verdict: the shared word and its changes. See verdict.h.
 */
#include "verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VERDICT_SIZE = 4096 };

enum verdict_state { VERDICT_SERVES, VERDICT_PAUSED, VERDICT_TAKEN, VERDICT_BACK, VERDICT_STATES_COUNT };

static uint64_t word_of(const struct verdict *verdict, enum verdict_state state) {
    return verdict->attempt * VERDICT_STATES_COUNT + state;
}

static int verdict_map(struct verdict *verdict) {
    /* SHARED: the word is both processes'. */
    void *memory = mmap(NULL, VERDICT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, verdict->fd, 0);
    if (memory == MAP_FAILED) {
        int error = -errno;
        verdict_close(verdict);
        return error;
    }
    verdict->word = memory;
    return 0;
}

int verdict_create(struct verdict *verdict) {
    *verdict = (struct verdict){.fd = memfd_create("riposte-take-over", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    /* Seals: who shortened it would kill the other with SIGBUS (memfd_create(2)). */
    if (verdict->fd < 0 || ftruncate(verdict->fd, VERDICT_SIZE) < 0 ||
        fcntl(verdict->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
        int error = -errno;
        verdict_close(verdict);
        return error;
    }
    return verdict_map(verdict);
}

int verdict_open(struct verdict *verdict, int fd, uint64_t attempt) {
    struct stat status;
    *verdict = (struct verdict){.fd = fd, .attempt = attempt};
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || fstat(fd, &status) < 0 ||
        status.st_size != VERDICT_SIZE) {
        verdict_close(verdict);
        return -EINVAL;
    }
    return verdict_map(verdict);
}

void verdict_close(struct verdict *verdict) {
    if (verdict->word != NULL) {
        munmap((void *)verdict->word, VERDICT_SIZE);
    }
    if (verdict->fd >= 0) {
        close(verdict->fd);
    }
    *verdict = (struct verdict){.fd = -1};
}

void verdict_begin(struct verdict *verdict) {
    verdict->attempt++;
    /* seq_cst, here and below: rare, and nothing is gained by less. */
    atomic_store(verdict->word, word_of(verdict, VERDICT_SERVES));
}

void verdict_pause(struct verdict *verdict) {
    uint64_t expected = word_of(verdict, VERDICT_SERVES);
    /* In vain where the new one has taken it already, which verdict_keep finds. */
    atomic_compare_exchange_strong(verdict->word, &expected, word_of(verdict, VERDICT_PAUSED));
}

static bool verdict_change(struct verdict *verdict, enum verdict_state wanted) {
    uint64_t found = atomic_load(verdict->word);
    while (found == word_of(verdict, VERDICT_SERVES) || found == word_of(verdict, VERDICT_PAUSED)) {
        if (atomic_compare_exchange_weak(verdict->word, &found, word_of(verdict, wanted))) {
            return true;
        }
    }
    return found == word_of(verdict, wanted);
}

bool verdict_keep(struct verdict *verdict) {
    return verdict_change(verdict, VERDICT_BACK);
}

bool verdict_take(struct verdict *verdict) {
    return verdict_change(verdict, VERDICT_TAKEN);
}
