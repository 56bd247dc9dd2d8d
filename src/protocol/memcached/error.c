/* SPDX-License-Identifier: MIT
 *
 * error: see error.h.
 */
#include "error.h"

static const char *error_text(enum mc_error error) {
    switch (error) {
    case MC_ERROR_UNKNOWN:
        return "ERROR\r\n";
    case MC_ERROR_HTTP:
        return "";
    case MC_ERROR_FORMAT:
        return "CLIENT_ERROR bad command line format\r\n";
    case MC_ERROR_DATA_CHUNK:
        return "CLIENT_ERROR bad data chunk\r\n";
    case MC_ERROR_EXPTIME:
        return "CLIENT_ERROR invalid exptime argument\r\n";
    case MC_ERROR_DELTA:
        return "CLIENT_ERROR invalid numeric delta argument\r\n";
    case MC_ERROR_NOT_NUMBER:
        return "CLIENT_ERROR cannot increment or decrement non-numeric value\r\n";
    case MC_ERROR_FLUSH_REFUSED:
        return "CLIENT_ERROR flush_all not allowed\r\n";
    case MC_ERROR_TOO_LARGE:
        return "SERVER_ERROR object too large for cache\r\n";
    case MC_ERROR_NO_MEMORY_STORE:
        return "SERVER_ERROR out of memory storing object\r\n";
    case MC_ERROR_NO_MEMORY:
        return "SERVER_ERROR out of memory\r\n";
    case MC_ERROR_NO_MEMORY_READ:
        return "SERVER_ERROR Out of memory during read\r\n";
    case MC_ERROR_NO_MEMORY_GET:
        return "SERVER_ERROR out of memory writing get response\r\n";
    case MC_ERROR_NO_MEMORY_STATS:
        return "SERVER_ERROR out of memory writing stats\r\n";
    case MC_ERROR_NO_MEMORY_ITEM:
        return "SERVER_ERROR Out of memory allocating new item\r\n";
    case MC_ERROR_META_DUPLICATE:
        return "CLIENT_ERROR duplicate flag\r\n";
    case MC_ERROR_META_FLAG:
        return "CLIENT_ERROR invalid flag\r\n";
    case MC_ERROR_META_ARITHMETIC:
        return "CLIENT_ERROR invalid or duplicate flag\r\n";
    case MC_ERROR_META_FLAGS_TOO_MANY:
        return "CLIENT_ERROR options flags are too long\r\n";
    case MC_ERROR_META_TOKEN:
        return "CLIENT_ERROR bad token in command line format\r\n";
    case MC_ERROR_META_INITIAL:
        return "CLIENT_ERROR invalid numeric initial value\r\n";
    case MC_ERROR_META_DELTA:
        return "CLIENT_ERROR invalid numeric delta value\r\n";
    case MC_ERROR_META_KEY:
        return "CLIENT_ERROR error decoding key\r\n";
    case MC_ERROR_META_OPAQUE:
        return "CLIENT_ERROR opaque token too long\r\n";
    case MC_ERROR_META_SET_MODE:
        return "CLIENT_ERROR invalid mode for ms M token\r\n";
    case MC_ERROR_META_ARITHMETIC_MODE:
        return "CLIENT_ERROR invalid mode for ma M token\r\n";
    }
    return "ERROR\r\n";
}

struct bytes error_line(enum mc_error error) {
    return bytes_from_string(error_text(error));
}
