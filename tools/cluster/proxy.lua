-- SPDX-License-Identifier: MIT
--
-- memcached's own proxy over three caches: memcached -p 11210 -o proxy_config=proxy.lua (built with --enable-proxy).
--
-- The ring is libmemcached's ketama, so that clients with ketama.py find the same keys. A node that is lost is not ejected:
-- its keys are answered SERVER_ERROR until it is back, and are never old.

function mcp_config_pools()
    mcp.backend_connect_timeout(0.4)
    mcp.backend_read_timeout(0.4)
    mcp.backend_failure_limit(3)
    local nodes = {
        mcp.backend("one", "127.0.0.1", 11221),
        mcp.backend("two", "127.0.0.1", 11222),
        mcp.backend("three", "127.0.0.1", 11223),
    }
    return mcp.pool(nodes, { dist = mcp.dist_ring_hash, hash = mcp.dist_ring_hash.hash })
end

function mcp_config_routes(pool)
    mcp.attach(mcp.CMD_ANY_STORAGE, function(request) return pool(request) end)
end
