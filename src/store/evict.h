/* SPDX-License-Identifier: MIT
 *
 * evict: choosing what to push out of a full store.
 *
 *      homes    ... | | | | | | | | | | ...      one hand for all workers; each takes the next few homes
 *                       ^ hand -->               for itself, until its window is full
 *      window   dead items go first, then those above the age of the store's oldest, the oldest first
 *
 * Why this comes close to least recently used, without lists and without a shared write on use: the hash
 * puts every key in a random home, so a window of homes is a fair sample of the store. From window to
 * window the hand learns an age that only about one item in ten exceeds: where no item of a window does,
 * the age sinks a little, where more than a quarter do, it rises. Only what is above it goes. So a recently
 * used item stays however often the hand passes, and few old items among many new ones (large values among
 * small ones) are found before the new ones go. Exact LRU would evict the oldest of all; here an item goes
 * at most about a tenth of the order too early.
 *
 * Age is the time since the last use, in sixteenths of a second; an item that was never read since it was
 * stored counts as EVICT_UNREAD_WEIGHT times as old. That keeps a scan of items that nobody reads again
 * from washing out those that are read, and settles ties: many stores fill a small cache within a sixteenth
 * of a second. Items that replies are being sent from (pins) stay: their memory would not come free.
 *
 * A use writes `used` only when it changes at the resolution in force (used_shift): whole seconds while
 * nothing is evicted or a pass of the hand takes long, sixteenths while the store turns over fast. So a hot
 * item's line is written at most 16 times a second.
 */
#ifndef RIPOSTE_STORE_EVICT_H
#define RIPOSTE_STORE_EVICT_H

#include "state.h"

/*
 * Takes items out until they amount to `size` bytes or the hand has made two rounds, and returns the bytes;
 * their memory comes back through limbo. Takes dead items only where the store may not evict. Stops when
 * limbo has no room. Worker's own thread.
 */
size_t evict_items(struct store_worker *worker, size_t size);

#endif
