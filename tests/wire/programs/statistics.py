# SPDX-License-Identifier: MIT
"""stats and its kin: the names in src/protocol/memcached/README.md, values that strict readers can read, counters that count."""

import re
import time

from harness.outcome import check, check_equal
from harness.registry import BOTH, test

ALWAYS = """
    pid uptime time version libevent pointer_size rusage_user rusage_system max_connections curr_connections
    total_connections rejected_connections connection_structures response_obj_oom response_obj_count
    response_obj_bytes read_buf_count read_buf_bytes read_buf_bytes_free read_buf_oom reserved_fds cmd_get
    cmd_set cmd_flush cmd_touch cmd_meta get_hits get_misses get_expired get_flushed delete_misses delete_hits
    incr_misses incr_hits decr_misses decr_hits cas_misses cas_hits cas_badval touch_hits touch_misses
    store_too_large store_no_memory auth_cmds auth_errors bytes_read bytes_written limit_maxbytes
    accepting_conns listen_disabled_num time_in_listen_disabled_us threads conn_yields hash_power_level
    hash_bytes hash_is_expanding slab_reassign_rescues slab_reassign_chunk_rescues
    slab_reassign_inline_reclaim slab_reassign_busy_items slab_reassign_busy_deletes slab_reassign_busy_nomem
    slab_reassign_last_busy_status slab_reassign_running slabs_moved malloc_fails log_worker_dropped
    log_worker_written log_watcher_skipped log_watcher_sent log_watchers unexpected_napi_ids
    round_robin_fallback bytes curr_items total_items slab_global_page_pool expired_unfetched
    evicted_unfetched evictions reclaimed crawler_reclaimed crawler_items_checked lrutail_reflocked
""".split()
CRAWLER = ["lru_crawler_running", "lru_crawler_starts"]
MAINTAINER = """
    lru_maintainer_juggles evicted_active moves_to_cold moves_to_warm moves_within_lru direct_reclaims
    lru_bumps_dropped
""".split()
REASSIGN = [name for name in ALWAYS if name.startswith("slab_reassign_")] + ["slabs_moved"]
SETTINGS = """
    maxbytes maxconns tcpport udpport inter verbosity oldest evictions domain_socket umask shutdown_command
    growth_factor chunk_size num_threads num_threads_per_udp stat_key_prefix detail_enabled reqs_per_event
    cas_enabled tcp_backlog binding_protocol auth_enabled_sasl auth_enabled_ascii item_size_max maxconns_fast
    hashpower_init slab_reassign slab_automove slab_automove_ratio slab_automove_window slab_chunk_max
    lru_crawler lru_crawler_sleep lru_crawler_tocrawl tail_repair_time flush_enabled dump_enabled
    hash_algorithm lru_maintainer_thread lru_segmented hot_lru_pct warm_lru_pct hot_max_factor warm_max_factor
    temp_lru temporary_ttl idle_timeout watcher_logbuf_size worker_logbuf_size read_buf_mem_limit track_sizes
    inline_ascii_response num_napi_ids memory_file client_flags_size
""".split()


def check_names(expected, got, what):
    missing, surplus = sorted(set(expected) - set(got)), sorted(set(got) - set(expected))
    check(not missing and not surplus, f"{what}: missing {missing}, surplus {surplus}")


@test(families=BOTH, waits=True)
def stats_has_exactly_its_names(lab):
    """84 always and nine more by default; fewer and more by -o."""
    usual = ALWAYS + CRAWLER + MAINTAINER
    for flags, names in (([], usual),
                         (["-o", "no_lru_crawler"], ALWAYS + MAINTAINER),
                         (["-o", "no_lru_maintainer"], ALWAYS + CRAWLER),
                         (["-o", "no_slab_reassign"], [name for name in usual if name not in REASSIGN]),
                         (["-o", "no_maxconns_fast"], [name for name in usual if name != "rejected_connections"]),
                         (["-o", "idle_timeout=100"], usual + ["idle_kicks"])):
        server = lab.start(*flags)
        check_names(names, lab.connect(server).stats(), f"stats with {flags}")
        server.stop()
    check_equal(84, len(ALWAYS), "names that are always there")


@test(families=BOTH)
def every_value_is_one_word_and_the_usual_ones_are_numbers(lab):
    """Strict readers take numbers for granted everywhere but in version and libevent."""
    figures = lab.connect(lab.start()).stats()
    for name, value in figures.items():
        if name in ("version", "libevent"):
            continue
        pattern = r"\d+\.\d+" if name.startswith("rusage") else r"\d+"
        check(re.fullmatch(pattern, value), f"{name} is {value!r}")


@test(families=BOTH)
def settings_have_exactly_their_names(lab):
    """And the values that dashboards parse."""
    server = lab.start("-c", "500", "-t", "2", "-R", "7", "-m", "128")
    settings = lab.connect(server).stats("settings")
    check_names(SETTINGS, settings, "stats settings")
    expected = {"maxbytes": str(128 << 20), "maxconns": "500", "num_threads": "2", "reqs_per_event": "7",
                "evictions": "on", "cas_enabled": "yes", "flush_enabled": "yes", "client_flags_size": "4",
                "item_size_max": str(1 << 20), "memory_file": "(null)", "auth_enabled_ascii": "no", "udpport": "0",
                "umask": "700", "domain_socket": server.socket_path}
    for name, value in expected.items():
        check_equal(value, settings[name], name)
    if settings["lru_crawler"] == "yes":
        check_equal("yes", settings["lru_maintainer_thread"], "lru_maintainer_thread")
        for name in ("lru_crawler_sleep", "lru_crawler_tocrawl", "hot_lru_pct", "warm_lru_pct", "hot_max_factor"):
            check(re.fullmatch(r"[0-9.]+", settings[name]), f"{name} is {settings[name]!r}")


@test(families=BOTH, reference=True)
def commands_are_counted_as_memcached_counts_them(lab):
    """One of each, and what each adds."""
    client = lab.connect(lab.start())
    before = client.stats()

    def grew(expected, *requests):
        nonlocal before
        for request, reply in requests:
            client.ask(request, reply)
        after = client.stats()
        for name, amount in expected.items():
            check_equal(amount, int(after[name]) - int(before[name]), f"growth of {name} after {requests[-1][0]!r}")
        before = after

    grew({"cmd_get": 3, "get_misses": 3, "get_hits": 0}, ("get a b c", "END"))
    grew({"cmd_set": 1, "curr_items": 1, "total_items": 1}, ("set a 0 0 1\r\n1", "STORED"))
    grew({"cmd_set": 1, "curr_items": 0, "total_items": 0}, ("add a 0 0 1\r\nx", "NOT_STORED"))
    grew({"cmd_get": 2, "get_hits": 1, "get_misses": 1}, ("get a b", "VALUE a 0 1\r\n1\r\nEND"))
    grew({"incr_hits": 1, "incr_misses": 1}, ("incr a 1", "2"), ("incr b 1", "NOT_FOUND"))
    grew({"decr_hits": 1, "decr_misses": 1}, ("decr a 1", "1"), ("decr b 1", "NOT_FOUND"))
    grew({"cmd_touch": 2, "touch_hits": 1, "touch_misses": 1}, ("touch a 0", "TOUCHED"), ("touch b 0", "NOT_FOUND"))
    grew({"cas_misses": 1, "cas_badval": 1, "cas_hits": 0},
         ("cas b 0 0 1 1\r\nx", "NOT_FOUND"), ("cas a 0 0 1 0\r\nx", "EXISTS"))
    grew({"delete_hits": 1, "delete_misses": 1, "curr_items": -1}, ("delete a", "DELETED"), ("delete a", "NOT_FOUND"))
    grew({"cmd_flush": 1, "total_items": 0}, ("flush_all", "OK"))
    grew({"cmd_flush": 1}, ("flush_all x", "CLIENT_ERROR invalid exptime argument"))
    grew({"get_expired": 1, "get_misses": 1}, ("set a 0 -1 1\r\nx", "STORED"), ("get a", "END"))
    too_large = "set a 0 0 2000000\r\n" + "x" * 2_000_000
    grew({"store_too_large": 1}, (too_large, "SERVER_ERROR object too large for cache"))


@test(families=BOTH, reference=True)
def a_changed_item_is_not_another_one(lab):
    """total_items: stores, and numbers that grow longer; not what changes an item where it lies."""
    client = lab.connect(lab.start())

    def total():
        return int(client.stats()["total_items"])

    def adds(amount, request, reply):
        before = total()
        client.ask(request, reply)
        check_equal(amount, total() - before, f"growth of total_items after {request!r}")

    adds(1, "set a 0 0 1\r\n8", "STORED")
    for request, reply in (("incr a 1", "9"), ("decr a 9", "0"), ("ma a D8", "HD"), ("ma a T100", "HD"), ("touch a 50", "TOUCHED"),
                           ("touch a 0", "TOUCHED"), ("gat 0 a", "VALUE a 0 1\r\n9\r\nEND"), ("mg a T100", "HD"), ("md a I", "HD"),
                           ("append b 0 0 1\r\n1", "NOT_STORED"), ("touch b 1", "NOT_FOUND")):
        adds(0, request, reply)
    for request, reply in (("incr a 1", "10"), ("ma a D90", "HD"), ("append a 0 0 1\r\n0", "STORED"), ("prepend a 0 0 0\r\n", "STORED"),
                           ("ms a 1 MS\r\nx", "HD"), ("mg b N0", "HD W"), ("ma c N0", "HD")):
        adds(1, request, reply)
    adds(0, "touch b 100", "TOUCHED")


@test(families=BOTH, reference=True)
def gat_counts_as_touches(lab):
    """Every key of gat and gats: cmd_touch, touch_hits, touch_misses."""
    client = lab.connect(lab.start())
    client.set("a", "x")
    client.ask("gat 0 a a", "VALUE a 0 1\r\nx\r\nVALUE a 0 1\r\nx\r\nEND")
    figures = client.stats()
    check_equal(("2", "2"), (figures["cmd_touch"], figures["touch_hits"]), "cmd_touch and touch_hits")


@test(families=BOTH, reference=True)
def stats_reset_clears_counters_and_keeps_levels(lab):
    """RESET; cmd_get is 0 again, curr_items and limit_maxbytes stay."""
    client = lab.connect(lab.start())
    client.set("a", "x")
    client.get("a")
    client.ask("stats reset", "RESET")
    figures = client.stats()
    expected = {"cmd_get": "0", "cmd_set": "0", "get_hits": "0", "curr_items": "1"}
    check_equal(expected, {name: figures[name] for name in expected}, "counters and a level after reset")


@test(families=BOTH)
def sub_commands_that_readers_ask_for_answer(lab):
    """items, slabs, sizes and conns end in END; an unknown one is ERROR; a trailing space is plain stats."""
    client = lab.connect(lab.start())
    client.set("a", "x")
    for name in ("items", "slabs", "conns"):
        client.stats(name)
    check({"active_slabs", "total_malloced"} <= client.stats("slabs").keys(), "stats slabs has its totals")
    check_equal({"sizes_status": "disabled"}, client.stats("sizes"), "stats sizes")
    check("pid" in client.stats(" "), "stats with spaces behind it")
    client.ask("stats noreply", "ERROR")
    client.ask("stats foo", "ERROR")


@test(families=BOTH)
def sub_commands_are_whole_words_and_what_is_not_here_is_an_error(lab):
    """stats s is not settings; extstore and proxy are not here."""
    client = lab.connect(lab.start())
    for name in ("s", "set", "settingsx", "extstore", "proxy", "proxybe", "proxyfuncs"):
        client.ask(f"stats {name}", "ERROR")


@test(families=BOTH)
def stats_conns_shows_who_is_connected(lab):
    """Address, state and idle time of each connection, and the listeners."""
    server = lab.start()
    clients = [lab.connect(server) for _ in range(3)]
    for client in clients:
        client.version()
    figures = clients[0].stats("conns")
    numbers = {name.split(":")[0] for name in figures}
    states = [value for name, value in figures.items() if name.endswith(":state")]
    check(states.count("conn_listening") >= 1, f"a listener is shown: {states}")
    check(len(states) - states.count("conn_listening") >= 3, f"three connections are shown: {states}")
    for number in numbers:
        check(re.match(r"(tcp:[\d.]+:\d+|tcp6:\[.*\]:\d+|unix:.*)$", figures[f"{number}:addr"]),
              f"address {figures[f'{number}:addr']!r}")
        check(figures[f"{number}:secs_since_last_cmd"].isdigit(), "secs_since_last_cmd is a number")


@test(families=BOTH)
def stats_cachedump_lists_items(lab):
    """ITEM lines; arguments are checked."""
    client = lab.connect(lab.start())
    client.set("a", "hello")
    client.ask("stats cachedump", "CLIENT_ERROR bad command line")
    client.ask("stats cachedump 1", "CLIENT_ERROR bad command line")
    client.ask("stats cachedump 64 0", "CLIENT_ERROR Illegal slab id")
    found = []
    for index in range(64):
        client.send(f"stats cachedump {index} 0\r\n")
        found += client.read_lines_until("END")
    check(len(found) == 1 and re.fullmatch(rb"ITEM a \[5 b; \d+ s\]", found[0]), f"the items are {found}")


@test(families=BOTH)
def own_figures_stand_apart(lab):
    """stats riposte names program, version, engine, memory and every worker; plain stats has none of it."""
    server = lab.start("-t", "3")
    client = lab.connect(server)
    figures = client.stats("riposte")
    check_equal("riposte", figures["name"], "name")
    check_equal("io_uring" if lab.engine == "uring" else "epoll", figures["transport"], "transport")
    for name in ("memory_size", "memory_size_max", "connections_current", "recv_buffers_empty", "listen_overflows",
                 "worker_0_requests", "worker_2_connections", "closed_slow_reader"):
        check(name in figures, f"{name} is missing")


@test(families=BOTH, reference=True)
def bytes_read_and_written_count_what_went_over_the_wire(lab):
    """A value of 100 KB in and out."""
    client = lab.connect(lab.start())
    before = client.stats()
    client.set("a", "x" * 100_000)
    client.get("a")
    after = client.stats()
    for name in ("bytes_read", "bytes_written"):
        grown = int(after[name]) - int(before[name])
        check(100_000 <= grown <= 110_000, f"{name} grew by {grown}")


@test(families=BOTH)
def latencies_are_told_by_command(lab):
    """stats latency: count and percentiles of what was met; --no-latency refuses it."""
    client = lab.connect(lab.start())
    client.set("a", "x")
    for _ in range(10):
        client.get("a")
    found = client.stats("latency")
    check_equal("10", found["latency:get:count"], "gets")
    check_equal("1", found["latency:set:count"], "sets")
    shares = [float(found[f"latency:get:{name}_us"]) for name in ("p50", "p99", "p99.9", "max")]
    check(0 < shares[0] and shares == sorted(shares), f"percentiles rise: {shares}")
    client = lab.connect(lab.start("--no-latency"))
    client.ask("stats latency", "CLIENT_ERROR stats latency not allowed")


@test(families=BOTH)
def slow_requests_are_remembered(lab):
    """--slow-us: time, command, key, size, microseconds and connection of the last 128, the newest first."""
    client = lab.connect(lab.start("--slow-us=1"))
    client.ask("stats slow", "END")
    client.set("a b".replace(" ", "%"), "x" * 500_000)
    found = client.stats("slow")
    check_equal(("set", "a%25b"), (found["slow:1:command"], found["slow:1:key"]), "the newest")
    check(int(found["slow:1:us"]) >= int(found["slow:1:own_us"]) >= 0, "its duration and its own part")
    check(abs(float(found["slow:1:time"]) - time.time()) < 60, "when")
    check(int(found["slow:1:size"]) > 0 and int(found["slow:1:connection"]) > 0, "size and connection")
    for i in range(200):
        client.set(f"k{i}", "x" * 50_000)
    found = client.stats("slow")
    check_equal(128, sum(name.endswith(":us") for name in found), "so many are remembered")
    check_equal("k199", found["slow:1:key"], "the newest key")
    for flags in ((), ("--slow-us=1", "-X")):
        lab.connect(lab.start(*flags)).ask("stats slow", "CLIENT_ERROR stats slow not allowed")
