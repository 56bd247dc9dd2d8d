/* SPDX-License-Identifier: MIT
 *
 * match: which entries of a bucket carry a tag.
 *
 * The answer is a hint: whoever follows a match loads that entry again, with acquire, and looks at its tag
 * and its key. A key that is there during the whole look must be found, and is: its entry's tag does not
 * change (an exchange keeps the key), and each tag is read by one load of the bytes that hold it. Without a
 * branch in either variant, so that nothing is mispredicted by where in its bucket a key stands. Two
 * variants, in files of their own: 16 instructions with SSE2, which every x86-64 has, 56 without;
 * ThreadSanitizer follows the latter only.
 */
#ifndef RIPOSTE_STORE_MATCH_H
#define RIPOSTE_STORE_MATCH_H

#if defined(__SSE2__) && !defined(__SANITIZE_THREAD__)
#include "match_sse2.h"
#else
#include "match_words.h"
#endif

/* Takes the first match out of the set and returns its entry's index. The set is not empty. */
static inline unsigned match_next(uint32_t *set) {
    unsigned bit = (unsigned)__builtin_ctz(*set);
    *set &= *set - 1;
    return bit / MATCH_BITS_PER_ENTRY;
}

#endif
