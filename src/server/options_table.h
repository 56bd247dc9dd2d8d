/* SPDX-License-Identifier: MIT
 *
 * options_table: every flag and every -o name, once, and the struct that holds their values.
 *
 * Parsing, --help and the README's table are made from these rows:
 *
 *      X(section, field, name, letter, kind, effect, default, minimum, maximum, argument, help)
 *
 *      section   heading under which --help shows it; EXTENDED rows are names of -o
 *      field     member of struct options; its C type comes from the kind (option.h)
 *      name      long form without dashes, or the -o name
 *      letter    short form, 0 for none
 *      effect    OBEYED; IGNORED: accepted with one warning, help says why; REFUSED: ends the start, help says why
 *      default   as it would be typed; "" leaves the field zero
 *      minimum,  of numbers and sizes, both included; in the field's unit
 *      maximum
 *      argument  what --help calls the value; the words of a WORD, in the order of its values; NULL: takes none
 *
 * A struct options is made once by the main thread before any other exists, and constant afterwards. Its texts
 * point into the argument vector or into the struct itself, which is therefore never copied.
 */
#ifndef RIPOSTE_SERVER_OPTIONS_TABLE_H
#define RIPOSTE_SERVER_OPTIONS_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "options.h"
#include "riposte/engine.h"
#include "units.h"

#define OPTIONS_LISTEN(X)                                                                                    \
    X(LISTEN, port, "port", 'p', PORT, OBEYED, "11211", -1, 65535, "PORT",                                   \
      "TCP port; 0 turns TCP off, -1 takes a free one")                                                      \
    X(LISTEN, listen, "listen", 'l', LIST, OBEYED, "", 0, 0, "ADDRESS,...",                                  \
      "addresses to listen on: host, host:port, [v6]:port, unix:path, * for all; default 127.0.0.1; may be " \
      "repeated")                                                                                            \
    X(LISTEN, unix_socket, "unix-socket", 's', TEXT, OBEYED, "", 0, 0, "PATH",                               \
      "a Unix socket to listen on; TCP is off then unless -p or -l is given; a stale file of that name is "  \
      "removed")                                                                                             \
    X(LISTEN, unix_mask, "unix-mask", 'a', OCTAL, OBEYED, "700", 0, 0777, "MODE",                            \
      "permission bits of the Unix socket, octal")                                                           \
    X(LISTEN, listen_backlog, "listen-backlog", 'b', COUNT, OBEYED, "4096", 1, 1000000, "N",                 \
      "connections that may wait to be accepted; the kernel cuts it to net.core.somaxconn")                  \
    X(LISTEN, udp_port, "udp-port", 'U', PORT, OBEYED, "0", 0, 65535, "PORT",                                \
      "there is no UDP: anything but 0 costs a warning; without -p it is the TCP port too")

#define OPTIONS_LIMIT(X)                                                                                     \
    X(LIMIT, memory_limit, "memory-limit", 'm', MEMORY, OBEYED, "64", UNITS_MIB, UNITS_GIB * 1024 * 1024,    \
      "SIZE", "memory for items, index and buffers: MiB, or with k, m, g, or % of the machine's")            \
    X(LIMIT, max_item_size, "max-item-size", 'I', SIZE, OBEYED, "1m", UNITS_KIB, UNITS_GIB, "SIZE",          \
      "largest item, header and key included; at most half of -m")                                           \
    X(LIMIT, conn_limit, "conn-limit", 'c', COUNT, OBEYED, "16384", 1, 1000000, "N",                         \
      "connections at a time; the descriptor limit is raised to fit")                                        \
    X(LIMIT, threads, "threads", 't', COUNT, OBEYED, "", 1, ENGINE_WORKERS_MAX, "N",                         \
      "workers; default one per CPU of the affinity mask and the cgroup's quota")                            \
    X(LIMIT, max_reqs_per_event, "max-reqs-per-event", 'R', COUNT, OBEYED, "20", 1, 1000000, "N",            \
      "requests of one connection before others have their turn")                                            \
    X(LIMIT, conn_output_limit, "conn-output-limit", 0, SIZE, OBEYED, "8m", 4 * UNITS_KIB, UNITS_GIB,        \
      "SIZE", "unsent bytes of one connection before it is paused")                                          \
    X(LIMIT, conn_memory, "conn-memory", 0, SIZE, OBEYED, "", UNITS_MIB, 1024 * UNITS_GIB, "SIZE",           \
      "what all connections may hold together: unsent output, unread input, values on their way; default a " \
      "quarter of -m, at least 16m and one and a half of -I; with TLS 22k more for each connection")         \
    X(LIMIT, min_rate, "min-rate", 0, COUNT, OBEYED, "256", 0, 1000000000, "BYTES",                          \
      "a value on its way comes with so many bytes a second, over 10 s, or its connection is closed; 0: at " \
      "any rate")                                                                                            \
    X(LIMIT, login_timeout, "login-timeout", 0, COUNT, OBEYED, "10", 0, 86400, "SECONDS",                    \
      "a connection that must authenticate (-Y) has so long to do it, a handshake of TLS to end; 0: for "    \
      "ever")                                                                                                \
    X(LIMIT, handshake_limit, "handshake-limit", 0, COUNT, OBEYED, "1024", 1, 1000000, "N",                  \
      "handshakes of TLS under way at a time, an equal share for each worker; other clients wait")           \
    X(LIMIT, write_timeout, "write-timeout", 0, COUNT, OBEYED, "60", 1, 86400, "SECONDS",                    \
      "a client that takes none of its output for so long is closed")                                        \
    X(LIMIT, drain_timeout, "drain-timeout", 0, COUNT, OBEYED, "10", 1, 3600, "SECONDS",                     \
      "longest stop: what has been received is answered until then")                                         \
    X(LIMIT, stop_delay, "stop-delay", 0, COUNT, OBEYED, "0", 0, 3600, "SECONDS",                            \
      "goes on serving for so long after the signal to stop, with /readyz answering 503; a second signal "   \
      "ends it")

#define OPTIONS_CLIENT(X)                                                                                    \
    X(CLIENT, evictions, "disable-evictions", 'M', OFF, OBEYED, "yes", 0, 0, NULL,                           \
      "a full store answers an error instead of evicting")                                                   \
    X(CLIENT, cas, "disable-cas", 'C', OFF, OBEYED, "yes", 0, 0, NULL, "show every CAS number as 0")         \
    X(CLIENT, flush_all, "disable-flush-all", 'F', OFF, OBEYED, "yes", 0, 0, NULL,                           \
      "refuse flush_all and flush_prefix")                                                                   \
    X(CLIENT, dumping, "disable-dumping", 'X', OFF, OBEYED, "yes", 0, 0, NULL, "refuse listings of keys")    \
    X(CLIENT, watch, "disable-watch", 'W', OFF, OBEYED, "yes", 0, 0, NULL, "refuse the command watch")       \
    X(CLIENT, enable_shutdown, "enable-shutdown", 'A', ON, OBEYED, "", 0, 0, NULL,                           \
      "obey the command shutdown")                                                                           \
    X(CLIENT, auth_file, "auth-file", 'Y', TEXT, OBEYED, "", 0, 0, "PATH",                                   \
      "clients must authenticate with a name:password of this file; SIGHUP reads it again")                  \
    X(CLIENT, latency, "no-latency", 0, OFF, OBEYED, "yes", 0, 0, NULL,                                      \
      "do not count how long requests take (`stats latency`)")                                               \
    X(CLIENT, slow_us, "slow-us", 0, COUNT, OBEYED, "0", 0, 1000000000, "N",                                 \
      "remember the last 128 requests that took N microseconds or longer (`stats slow`); 0: none")           \
    X(CLIENT, stat_key_prefix, "prefix-delimiter", 'D', CHARACTER, OBEYED, ":", 0, 0, "CHARACTER",           \
      "end of the key prefix in `stats detail`; giving it turns detail on")                                  \
    X(CLIENT, protocol, "protocol", 'B', WORD, OBEYED, "auto", 0, 0, "auto|ascii|binary",                    \
      "the text protocol is spoken in any case; binary costs a warning")

#define OPTIONS_PROCESS(X)                                                                                   \
    X(PROCESS, user, "user", 'u', TEXT, OBEYED, "", 0, 0, "USER",                                            \
      "become this user once the ports are open (root only)")                                                \
    X(PROCESS, sandbox, "sandbox", 0, WORD, OBEYED, "auto", 0, 0, "auto|on|off",                             \
      "give up what a running server has no use for (files, system calls, operations of rings, rights); "    \
      "auto: "                                                                                               \
      "as far as the kernel knows how; on: all of it, or it does not start")                                 \
    X(PROCESS, daemon, "daemon", 'd', ON, OBEYED, "", 0, 0, NULL, "go to the background once ready")         \
    X(PROCESS, pidfile, "pidfile", 'P', TEXT, OBEYED, "", 0, 0, "PATH",                                      \
      "write the process id here; removed at exit")                                                          \
    X(PROCESS, enable_coredumps, "enable-coredumps", 'r', ON, OBEYED, "", 0, 0, NULL,                        \
      "allow core files of any size")                                                                        \
    X(PROCESS, lock_memory, "lock-memory", 'k', ON, OBEYED, "", 0, 0, NULL,                                  \
      "keep all memory from being paged out")                                                                \
    X(PROCESS, enable_largepages, "enable-largepages", 'L', ON, OBEYED, "", 0, 0, NULL,                      \
      "large pages for the store, where the system has some to give")                                        \
    X(PROCESS, memory_file, "memory-file", 'e', TEXT, OBEYED, "", 0, 0, "PATH",                              \
      "keep the items in this file (on tmpfs or a DAX mount): the next start after a stop in order has "     \
      "them, "                                                                                               \
      "after a crash it has none")                                                                           \
    X(PROCESS, take_over, "take-over", 0, COUNT, OBEYED, "", 1, INT32_MAX, "PID",                            \
      "take over from the server that has this process id: sockets, items and connections; it ends then")    \
    X(PROCESS, hand_over_timeout, "hand-over-timeout", 0, COUNT, OBEYED, "5", 1, 3600, "SECONDS",            \
      "whoever takes over has so long from the pause on; then this server goes on")                          \
    X(PROCESS, verbose, "verbose", 'v', REPEAT, OBEYED, "", 0, 0, NULL,                                      \
      "say more: connections and how they end; -vv every command and its answer")                            \
    X(PROCESS, log_file, "log-file", 0, TEXT, OBEYED, "", 0, 0, "FILE",                                      \
      "write the log there, with time and level, rather than to standard error; SIGHUP opens it again")      \
    X(PROCESS, log_format, "log-format", 0, WORD, OBEYED, "text", 0, 0, "text|json",                         \
      "lines of the log as text or as JSON objects")                                                         \
    X(PROCESS, extended, "extended", 'o', SUBOPTIONS, OBEYED, "", 0, 0, "NAME[=VALUE],...",                  \
      "further options, listed below")                                                                       \
    X(PROCESS, check, "check", 0, MODE, OBEYED, "", 0, 0, "json",                                            \
      "try what a start with these flags needs, say what is good, could be better or is wrong, and end: 0, " \
      "1 or 2")                                                                                              \
    X(PROCESS, probe, "probe", 0, TEXT, OBEYED, "", 0, 0, "ADDRESS",                                         \
      "ask the server at an address, written as for -l, whether it serves, for 2 s at most, and end: 0 or "  \
      "1")                                                                                                   \
    X(PROCESS, help, "help", 'h', SHOW, OBEYED, "", 0, 0, OPTIONS_HELP_WORDS,                                \
      "this list; as tables, for the manual, or as what completes the command line in a shell")              \
    X(PROCESS, license, "license", 'i', SHOW, OBEYED, "", 0, 0, NULL, "the licence")                         \
    X(PROCESS, version, "version", 'V', SHOW, OBEYED, "", 0, 0, NULL, "name and version")

#define OPTIONS_ENGINE(X)                                                                                    \
    X(ENGINE, engine, "engine", 0, WORD, OBEYED, "auto", 0, 0, "auto|uring|epoll",                           \
      "transport; auto takes epoll where a worker cannot have a ring (refused, no locked memory)")           \
    X(ENGINE, send, "send", 0, WORD, OBEYED, "auto", 0, 0, "auto|plain|bundle|zc",                           \
      "way of sending: plain, from a ring of provided buffers, or zero-copy above --zero-copy-min")          \
    X(ENGINE, zero_copy_min, "zero-copy-min", 0, SIZE, OBEYED, "64k", 1, UNITS_GIB, "SIZE",                  \
      "smallest send that --send=zc sends without copying")                                                  \
    X(ENGINE, spin_us, "spin-us", 0, AUTO, OBEYED, "auto", 0, 10000, "auto|N",                               \
      "microseconds that a worker looks for work before it sleeps; 0 never")                                 \
    X(ENGINE, pin, "pin", 0, WORD, OBEYED, "auto", 0, 0, "auto|on|off",                                      \
      "keep each worker on a CPU of its own; auto: not while it has to wait there for other programs")       \
    X(ENGINE, no_pin, "no-pin", 0, ON, OBEYED, "", 0, 0, NULL, "the same as --pin=off")                      \
    X(ENGINE, recv_buffer_size, "recv-buffer-size", 0, POWER, OBEYED, "", UNITS_KIB, UNITS_MIB, "SIZE",      \
      "one receive buffer; a power of two; default by what the kernel offers")                               \
    X(ENGINE, recv_buffer_count, "recv-buffer-count", 0, POWER, OBEYED, "", 2, 32768, "N",                   \
      "receive buffers of one worker; a power of two; default by what the kernel offers")                    \
    X(ENGINE, ring_entries, "ring-entries", 0, POWER, OBEYED, "1024", 8, 32768, "N",                         \
      "submission entries of one worker's ring; a power of two")                                             \
    X(ENGINE, completion_entries, "completion-entries", 0, POWER, OBEYED, "", 2, 262144, "N",                \
      "completion entries of one worker's ring; a power of two; default 4 x --ring-entries")

#define OPTIONS_HTTP(X)                                                                                      \
    X(HTTP, http, "http", 0, LIST, OBEYED, "", 0, 0, "ADDRESS,...",                                          \
      "speak HTTP/1.1 there: host, host:port (8080), [v6]:port, *, or unix:PATH; may be repeated")           \
    X(HTTP, http_admin, "http-admin", 0, LIST, OBEYED, "", 0, 0, "ADDRESS,...",                              \
      "the page, /metrics and /stats.json there (port 8081) and no longer at --http")                        \
    X(HTTP, http_root, "http-root", 0, TEXT, OBEYED, "", 0, 0, "DIRECTORY",                                  \
      "serve the files beneath this directory")                                                              \
    X(HTTP, http_files_memory, "http-files-memory", 0, SIZE, OBEYED, "16m", UNITS_KIB, 1024 * UNITS_GIB,     \
      "SIZE", "of -m, for files of up to 16 KiB; larger ones are sent from the page cache")                  \
    X(HTTP, http_log, "http-log", 0, TEXT, OBEYED, "", 0, 0, "FILE",                                         \
      "a line for every request, in the combined format; - is standard output; SIGHUP opens it again")       \
    X(HTTP, http_log_json, "http-log-json", 0, ON, OBEYED, "", 0, 0, NULL, "the same as JSON objects")       \
    X(HTTP, http_conn_limit, "http-conn-limit", 0, COUNT, OBEYED, "2048", 1, 1000000, "N",                   \
      "connections that speak HTTP, beside those of -c")                                                     \
    X(HTTP, http_timeout, "http-timeout", 0, COUNT, OBEYED, "30", 1, 3600, "SECONDS",                        \
      "longest time for the head of a request, for a body beside 256 bytes/s, and without a request")        \
    X(HTTP, http_readonly, "http-readonly", 0, ON, OBEYED, "", 0, 0, NULL, "refuse PUT, POST and DELETE")    \
    X(HTTP, http_cors, "http-cors", 0, TEXT, OBEYED, "", 0, 0, "ORIGIN",                                     \
      "pages of this origin may read and write: https://app.example")                                        \
    X(HTTP, http_token_file, "http-token-file", 0, TEXT, OBEYED, "", 0, 0, "PATH",                           \
      "ask for the bearer token in the first line of this file; SIGHUP reads it again")

#define OPTIONS_ABSENT(X)                                                                                    \
    X(ABSENT, slab_growth_factor, "slab-growth-factor", 'f', DECIMAL, IGNORED, "1.25", 0, 0, "FACTOR",       \
      "items are not kept in slabs")                                                                         \
    X(ABSENT, slab_min_size, "slab-min-size", 'n', COUNT, IGNORED, "48", 1, UINT32_MAX, "BYTES",             \
      "items are not kept in slabs")                                                                         \
    X(ABSENT, napi_ids, "napi-ids", 'N', COUNT, IGNORED, "", 0, UINT32_MAX, "N",                             \
      "the kernel's choice of listener decides which worker gets a connection")                              \
    X(ABSENT, enable_sasl, "enable-sasl", 'S', ON, REFUSED, "", 0, 0, NULL,                                  \
      "SASL belongs to the binary protocol, which is not spoken here")

/* Their files and words are names of -o. */
#define OPTIONS_TLS(X)                                                                                       \
    X(TLS, enable_ssl, "enable-ssl", 'Z', ON, OBEYED, "", 0, 0, NULL,                                        \
      "TLS on every TCP address of -l and -p that does not say notls:; needs -o ssl_chain_cert and ssl_key")

#define OPTIONS_SSL(X)                                                                                       \
    X(EXTENDED, ssl_chain_cert, "ssl_chain_cert", 0, LIST, OBEYED, "", 0, 0, "FILE",                         \
      "certificate of the server and those that lead to its root, PEM; again for another name (SNI)")        \
    X(EXTENDED, ssl_key, "ssl_key", 0, LIST, OBEYED, "", 0, 0, "FILE",                                       \
      "private key of the certificate, PEM, without a passphrase; as many as ssl_chain_cert")                \
    X(EXTENDED, ssl_ca_cert, "ssl_ca_cert", 0, TEXT, OBEYED, "", 0, 0, "FILE",                               \
      "who may have signed the certificates of clients, PEM")                                                \
    X(EXTENDED, ssl_verify_mode, "ssl_verify_mode", 0, COUNT, OBEYED, "0", 0, 3, "N",                        \
      "certificates of clients: 0 not asked for, 1 checked where shown, 2 or 3 demanded")                    \
    X(EXTENDED, ssl_ciphers, "ssl_ciphers", 0, TEXT, OBEYED, "", 0, 0, "LIST",                               \
      "cipher suites in OpenSSL's words, with : between them; names of TLS 1.3 begin with TLS_")             \
    X(EXTENDED, ssl_min_version, "ssl_min_version", 0, WORD, OBEYED, "tlsv1.2", 0, 0, "tlsv1.2|tlsv1.3",     \
      "oldest version that is spoken")                                                                       \
    X(EXTENDED, ssl_session_cache, "ssl_session_cache", 0, SWITCH, OBEYED, "yes", 0, 0, NULL,                \
      "sessions go on by ticket: a shorter handshake for a client that comes back")                          \
    X(EXTENDED, ssl_kernel_tls, "ssl_kernel_tls", 0, SWITCH, IGNORED, "", 0, 0, NULL,                        \
      "records are made by OpenSSL in the worker, not by the kernel")                                        \
    X(EXTENDED, ssl_keyformat, "ssl_keyformat", 0, COUNT, IGNORED, "1", 1, 2, "N", "keys are PEM")           \
    X(EXTENDED, ssl_wbuf_size, "ssl_wbuf_size", 0, COUNT, IGNORED, "16", 1, 65536, "KB",                     \
      "a record has at most 16 KiB, and its buffer exists while it is written")

#define OPTIONS_EXTENDED(X)                                                                                  \
    X(EXTENDED, maxconns_fast, "maxconns_fast", 0, SWITCH, OBEYED, "yes", 0, 0, NULL,                        \
      "a connection over the limit is told so and closed; with no_ accepting pauses instead")                \
    X(EXTENDED, hashpower, "hashpower", 0, COUNT, OBEYED, "13", 12, 32, "N",                                 \
      "size of the index at start: room for about 2^N items")                                                \
    X(EXTENDED, idle_timeout, "idle_timeout", 0, COUNT, OBEYED, "0", 0, 2000000, "SECONDS",                  \
      "a TCP connection without a completed request for so long is closed; 0 never")                         \
    X(EXTENDED, modern, "modern", 0, SWITCH, OBEYED, "yes", 0, 0, NULL,                                      \
      "with no_: as no_maxconns_fast, no_slab_reassign, no_slab_automove, no_lru_crawler, "                  \
      "no_lru_maintainer")                                                                                   \
    X(EXTENDED, hashexpand, "hashexpand", 0, SWITCH, IGNORED, "yes", 0, 0, NULL,                             \
      "the index always grows with the items")                                                               \
    X(EXTENDED, hash_algorithm, "hash_algorithm", 0, WORD, IGNORED, "xxh3", 0, 0, "jenkins|murmur3|xxh3",    \
      "keys are always hashed by XXH3 with a seed of this process")                                          \
    X(EXTENDED, slab_reassign, "slab_reassign", 0, SWITCH, IGNORED, "yes", 0, 0, NULL,                       \
      "items are not kept in slabs")                                                                         \
    X(EXTENDED, slab_automove, "slab_automove", 0, LEVEL, IGNORED, "1", 0, 2, "0|1|2",                       \
      "items are not kept in slabs")                                                                         \
    X(EXTENDED, slab_automove_ratio, "slab_automove_ratio", 0, DECIMAL, IGNORED, "0.80", 0, 0, "SHARE",      \
      "items are not kept in slabs")                                                                         \
    X(EXTENDED, slab_automove_window, "slab_automove_window", 0, COUNT, IGNORED, "30", 3, UINT32_MAX, "N",   \
      "items are not kept in slabs")                                                                         \
    X(EXTENDED, slab_automove_freeratio, "slab_automove_freeratio", 0, DECIMAL, IGNORED, "0.010", 0, 0,      \
      "SHARE", "items are not kept in slabs")                                                                \
    X(EXTENDED, slab_sizes, "slab_sizes", 0, TEXT, IGNORED, "", 0, 0, "N-N-...",                             \
      "items are not kept in slabs")                                                                         \
    X(EXTENDED, slab_chunk_max, "slab_chunk_max", 0, KILOBYTES, IGNORED, "512", 0, UNITS_GIB, "KB",          \
      "items are not kept in slabs")                                                                         \
    X(EXTENDED, chunked_items, "chunked_items", 0, SWITCH, IGNORED, "yes", 0, 0, NULL,                       \
      "every item is in one piece")                                                                          \
    X(EXTENDED, tail_repair_time, "tail_repair_time", 0, COUNT, IGNORED, "0", 0, UINT32_MAX, "SECONDS",      \
      "there is no list whose tail could need repair")                                                       \
    X(EXTENDED, lru_crawler, "lru_crawler", 0, SWITCH, IGNORED, "yes", 0, 0, NULL,                           \
      "expired items are always swept")                                                                      \
    X(EXTENDED, lru_crawler_sleep, "lru_crawler_sleep", 0, COUNT, IGNORED, "100", 0, 1000000, "US",          \
      "the sweep takes a bounded piece of each turn")                                                        \
    X(EXTENDED, lru_crawler_tocrawl, "lru_crawler_tocrawl", 0, COUNT, IGNORED, "0", 0, UINT32_MAX, "N",      \
      "the sweep takes a bounded piece of each turn")                                                        \
    X(EXTENDED, lru_maintainer, "lru_maintainer", 0, SWITCH, IGNORED, "yes", 0, 0, NULL,                     \
      "there are no lists to maintain")                                                                      \
    X(EXTENDED, hot_lru_pct, "hot_lru_pct", 0, COUNT, IGNORED, "20", 1, 80, "PERCENT",                       \
      "there are no lists by age")                                                                           \
    X(EXTENDED, warm_lru_pct, "warm_lru_pct", 0, COUNT, IGNORED, "40", 1, 80, "PERCENT",                     \
      "there are no lists by age")                                                                           \
    X(EXTENDED, hot_max_factor, "hot_max_factor", 0, DECIMAL, IGNORED, "0.20", 0, 0, "FACTOR",               \
      "there are no lists by age")                                                                           \
    X(EXTENDED, warm_max_factor, "warm_max_factor", 0, DECIMAL, IGNORED, "2.00", 0, 0, "FACTOR",             \
      "there are no lists by age")                                                                           \
    X(EXTENDED, temporary_ttl, "temporary_ttl", 0, COUNT, IGNORED, "61", 0, UINT32_MAX, "SECONDS",           \
      "there are no lists by age")                                                                           \
    X(EXTENDED, watcher_logbuf_size, "watcher_logbuf_size", 0, KILOBYTES, IGNORED, "256", 0, UNITS_GIB,      \
      "KB", "a watcher's output is bounded by --conn-output-limit")                                          \
    X(EXTENDED, worker_logbuf_size, "worker_logbuf_size", 0, KILOBYTES, IGNORED, "64", 0, UNITS_GIB, "KB",   \
      "workers keep no log buffers")                                                                         \
    X(EXTENDED, track_sizes, "track_sizes", 0, SWITCH, IGNORED, "", 0, 0, NULL, "sizes are not tracked")     \
    X(EXTENDED, inline_ascii_resp, "inline_ascii_resp", 0, SWITCH, IGNORED, "", 0, 0, NULL,                  \
      "reply lines are always made on the spot")                                                             \
    X(EXTENDED, drop_privileges, "drop_privileges", 0, SWITCH, IGNORED, "", 0, 0, NULL,                      \
      "system calls are not restricted; a service manager can do it")                                        \
    X(EXTENDED, relaxed_privileges, "relaxed_privileges", 0, SWITCH, IGNORED, "", 0, 0, NULL,                \
      "system calls are not restricted; a service manager can do it")                                        \
    X(EXTENDED, resp_obj_mem_limit, "resp_obj_mem_limit", 0, MEMORY, IGNORED, "", 0, 1024 * UNITS_GIB, "MB", \
      "replies are bounded by --conn-output-limit")                                                          \
    X(EXTENDED, read_buf_mem_limit, "read_buf_mem_limit", 0, MEMORY, IGNORED, "0", 0, 1024 * UNITS_GIB,      \
      "MB", "receive buffers are taken at start and do not grow")                                            \
    X(EXTENDED, sock_cookie_id, "sock_cookie_id", 0, COUNT, IGNORED, "", 0, UINT32_MAX, "N",                 \
      "sockets carry no cookie")

#define OPTIONS(X)                                                                                           \
    OPTIONS_LISTEN(X)                                                                                        \
    OPTIONS_LIMIT(X)                                                                                         \
    OPTIONS_CLIENT(X)                                                                                        \
    OPTIONS_PROCESS(X)                                                                                       \
    OPTIONS_ENGINE(X)                                                                                        \
    OPTIONS_HTTP(X)                                                                                          \
    OPTIONS_TLS(X)                                                                                           \
    OPTIONS_ABSENT(X)                                                                                        \
    OPTIONS_SSL(X)                                                                                           \
    OPTIONS_EXTENDED(X)

/* OPTION_INDEX_port and so on: the row of a field in the table. */
enum option_index {
#define OPTION_INDEX(section, field, ...) OPTION_INDEX_##field,
    OPTIONS(OPTION_INDEX)
#undef OPTION_INDEX
        OPTION_INDEX_COUNT,
};

struct options {
#define OPTION_FIELD(section, field, name, letter, kind, ...) OPTION_TYPE_##kind field;
    OPTIONS(OPTION_FIELD)
#undef OPTION_FIELD
    bool given[OPTION_INDEX_COUNT]; /* it stood on the command line */
};

/* Words of the options of kind WORD; the order is that of `argument` in the rows. */
enum options_protocol { PROTOCOL_AUTO, PROTOCOL_ASCII, PROTOCOL_BINARY };

extern const struct options_table options_table;

/*
 * Reads the command line, arguments[0] being the program, and checks what no single option can know. *failure
 * is filled exactly when the outcome is OPTIONS_REFUSED.
 */
enum options_outcome options_table_read(struct options *options, int arguments_count,
                                        const char *const *arguments, struct failure *failure);

/* Calls `line` for everything that was accepted but has no effect; nothing otherwise. */
void options_table_warn(const struct options *options, void (*line)(void *user, const char *text),
                        void *user);

/* After OPTIONS_SHOW: the help, the licence or the version, whichever was asked for. */
void options_table_show(const struct options *options, FILE *file);

#endif
