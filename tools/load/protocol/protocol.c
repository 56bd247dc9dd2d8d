/* SPDX-License-Identifier: MIT
 *
 * protocol: the table of protocols.
 */
#include "protocol.h"

#include <assert.h>

static const struct protocol *const protocols[PROTOCOL_COUNT] = {
    [PROTOCOL_MEMCACHED] = &protocol_memcached, [PROTOCOL_META] = &protocol_meta,
    [PROTOCOL_NOOP] = &protocol_noop,           [PROTOCOL_HTTP] = &protocol_http,
    [PROTOCOL_RESP] = &protocol_resp,
};

const struct protocol *protocol_of(enum protocol_kind kind) {
    assert(kind < PROTOCOL_COUNT);
    return protocols[kind];
}
