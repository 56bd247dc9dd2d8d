/* SPDX-License-Identifier: MIT
 *
 * capabilities: by system call, without a library. See capabilities.h.
 */
#include "capabilities.h"

#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

void capabilities_set_no_new_privs(void) {
    int failed = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)failed; /* every Linux since 3.5 takes it */
}

void capabilities_clear_bounding_set(void) {
    for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
            return;
        }
    }
}

/* Permitted and effective become `capabilities`, a bit each; inheritable and ambient none. */
static bool capabilities_set(uint64_t capabilities) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        data[i].effective = data[i].permitted = (uint32_t)(capabilities >> (32 * i));
    }
    int failed = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    (void)failed; /* Linux 4.3; before, there are none */
    return syscall(SYS_capset, &header, data) == 0;
}

static bool capabilities_read(struct capabilities *read) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    *read = (struct capabilities){0};
    if (syscall(SYS_capget, &header, data) != 0) {
        return false;
    }
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        read->effective |= (uint64_t)data[i].effective << (32 * i);
        read->permitted |= (uint64_t)data[i].permitted << (32 * i);
        read->inheritable |= (uint64_t)data[i].inheritable << (32 * i);
    }
    return true;
}

static bool capabilities_write(const struct capabilities *written) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        data[i].effective = (uint32_t)(written->effective >> (32 * i));
        data[i].permitted = (uint32_t)(written->permitted >> (32 * i));
        data[i].inheritable = (uint32_t)(written->inheritable >> (32 * i));
    }
    return syscall(SYS_capset, &header, data) == 0;
}

bool capabilities_suspend_resource(struct capabilities *before) {
    if (!capabilities_read(before)) {
        return false;
    }
    struct capabilities without = *before;
    without.effective &= ~(UINT64_C(1) << CAP_SYS_RESOURCE);
    return without.effective == before->effective || capabilities_write(&without);
}

void capabilities_resume(const struct capabilities *before) {
    capabilities_write(before); /* what is permitted can be had again (capabilities(7)) */
}

bool capabilities_drop(void) {
    return capabilities_set(0);
}

void capabilities_keep_file_removal(void) {
    capabilities_set_no_new_privs();
    capabilities_clear_bounding_set();
    /* DAC_OVERRIDE: write to the folder; FOWNER: remove another user's file from one with the sticky bit. */
    capabilities_set(UINT64_C(1) << CAP_DAC_OVERRIDE | UINT64_C(1) << CAP_FOWNER);
}

void capabilities_keep_memory_lock(void) {
    /* A process cannot take what it has not: then there is nothing to keep. */
    if (!capabilities_set(UINT64_C(1) << CAP_IPC_LOCK)) {
        capabilities_set(0);
    }
}
