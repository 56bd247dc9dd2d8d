/* SPDX-License-Identifier: MIT
 *
 * rights: capabilities by system call, without a library. See rights.h.
 */
#include "rights.h"

#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

void rights_never_more(void) {
    int failed = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)failed; /* every Linux since 3.5 takes it */
}

void rights_bound(void) {
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
            return;
        }
    }
}

/* Permitted and effective become `capabilities`, a bit each; inheritable and ambient none. */
static bool rights_set(uint64_t capabilities) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        data[i].effective = data[i].permitted = (uint32_t)(capabilities >> (32 * i));
    }
    int failed = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    (void)failed; /* Linux 4.3; before, there are none */
    return syscall(SYS_capset, &header, data) == 0;
}

bool rights_give_away(void) {
    return rights_set(0);
}

void rights_keep_to_remove_files(void) {
    rights_never_more();
    rights_bound();
    /* DAC_OVERRIDE: write to the folder; FOWNER: remove another user's file from one with the sticky bit. */
    rights_set(UINT64_C(1) << CAP_DAC_OVERRIDE | UINT64_C(1) << CAP_FOWNER);
}

void rights_keep_to_lock_memory(void) {
    /* A process cannot take what it has not: then there is nothing to keep. */
    if (!rights_set(UINT64_C(1) << CAP_IPC_LOCK)) {
        rights_set(0);
    }
}
