/* SPDX-License-Identifier: MIT
 *
 * compat: constants of the kernel's interface that liburing 2.3 (Debian 12) lacks. Each line can go when the
 * oldest supported liburing is the one named beside it. A constant says nothing about the running kernel:
 * probe.c finds that out.
 */
#ifndef RIPOSTE_ENGINE_URING_COMPAT_H
#define RIPOSTE_ENGINE_URING_COMPAT_H

#include <liburing.h>

/* Flag of struct io_uring_buf_reg: buffers are used up piece by piece. Linux 6.12, liburing 2.8. */
#ifndef IOU_PBUF_RING_INC
#define IOU_PBUF_RING_INC 2
#endif

/* cqe->flags: the kernel goes on using this buffer. Linux 6.12, liburing 2.8. */
#ifndef IORING_CQE_F_BUF_MORE
#define IORING_CQE_F_BUF_MORE (1U << 4)
#endif

/* sqe->ioprio of send: drain a ring of provided buffers. Linux 6.10, liburing 2.7. */
#ifndef IORING_RECVSEND_BUNDLE
#define IORING_RECVSEND_BUNDLE (1U << 4)
#endif

/* sqe->ioprio of a zero-copy send: tell whether it copied after all. Linux 6.2, liburing 2.4. */
#ifndef IORING_SEND_ZC_REPORT_USAGE
#define IORING_SEND_ZC_REPORT_USAGE (1U << 3)
#endif
#ifndef IORING_NOTIF_USAGE_ZC_COPIED
#define IORING_NOTIF_USAGE_ZC_COPIED (1U << 31)
#endif

/* Flag of io_uring_enter: a wait is not accounted as I/O wait. Linux 6.15, liburing 2.10. */
#ifndef IORING_ENTER_NO_IOWAIT
#define IORING_ENTER_NO_IOWAIT (1U << 7)
#endif

/* params.features. Linux 6.10 and 6.15; liburing 2.7 and 2.10. */
#ifndef IORING_FEAT_RECVSEND_BUNDLE
#define IORING_FEAT_RECVSEND_BUNDLE (1U << 14)
#endif
#ifndef IORING_FEAT_NO_IOWAIT
#define IORING_FEAT_NO_IOWAIT (1U << 17)
#endif

#endif
