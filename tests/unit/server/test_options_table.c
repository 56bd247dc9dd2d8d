/* SPDX-License-Identifier: MIT
 *
 * Command lines: what they mean, and what is said of those that mean nothing.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "options_table.h"
#include "sysinfo.h"

enum { ARGUMENTS_MAX = 32 };

static struct options options;
static struct failure failure;
static char line_copy[1024];

/* Parses `line`, cut at single spaces; the program's name is added. */
static enum options_outcome parse(const char *line) {
    const char *arguments[ARGUMENTS_MAX] = {"riposte"};
    int count = 1;
    snprintf(line_copy, sizeof(line_copy), "%s", line);
    char *rest = line_copy;
    while (rest != NULL && *rest != '\0') {
        cr_assert_lt(count, ARGUMENTS_MAX);
        arguments[count++] = strsep(&rest, " ");
    }
    failure = (struct failure){0};
    return options_table_read(&options, count, arguments, &failure);
}

static void expect_accepted(const char *line) {
    enum options_outcome outcome = parse(line);
    cr_expect_eq(outcome, OPTIONS_COMPLETE, "\"%s\": %s", line, failure.text);
}

static void expect_refused(const char *line, const char *text) {
    cr_expect_eq(parse(line), OPTIONS_REFUSED, "\"%s\" was accepted", line);
    cr_expect_eq(failure.exit_status, EX_USAGE, "\"%s\"", line);
    cr_expect_str_eq(failure.text, text);
}

/* --- defaults ------------------------------------------------------------------------------------------- */

Test(options_table, have_the_documented_defaults) {
    expect_accepted("");
    cr_expect_eq(options.port, 11211);
    cr_expect_eq(options.listen.count, 0);
    cr_expect_null(options.unix_socket);
    cr_expect_eq(options.unix_mask, 0700);
    cr_expect_eq(options.memory_limit, 64 << 20);
    cr_expect_eq(options.max_item_size, 1 << 20);
    cr_expect_eq(options.conn_limit, 16384);
    cr_expect_eq(options.threads, 0);
    cr_expect_eq(options.max_reqs_per_event, 20);
    cr_expect_eq(options.listen_backlog, 4096);
    cr_expect_eq(options.conn_output_limit, 8 << 20);
    cr_expect_eq(options.conn_memory, 16 << 20);
    cr_expect_eq(options.min_rate, 256);
    cr_expect_eq(options.login_timeout, 10);
    cr_expect_eq(options.write_timeout, 60);
    cr_expect_eq(options.drain_timeout, 10);
    cr_expect_eq(options.idle_timeout, 0);
    cr_expect_eq(options.spin_us, ENGINE_SPIN_AUTO);
    cr_expect_eq(options.engine, ENGINE_AUTO);
    cr_expect_eq(options.send, ENGINE_SEND_AUTO);
    cr_expect(options.evictions && options.cas && options.flush_all && options.dumping && options.watch);
    cr_expect_eq(options.pin, ENGINE_PIN_AUTO);
    cr_expect(options.maxconns_fast);
    cr_expect_not(options.enable_shutdown || options.daemon || options.lock_memory);
    cr_expect_eq(options.stat_key_prefix, ':');
}

Test(options_table, have_a_default_for_every_row_that_its_own_kind_accepts) {
    /* options_parse asserts it while it fills the struct. */
    expect_accepted("");
    for (unsigned i = 0; i < OPTION_INDEX_COUNT; i++) {
        cr_expect_not(options.given[i], "%s", options_table.options[i].name);
    }
}

/* --- spellings ------------------------------------------------------------------------------------------ */

Test(options_table, take_a_value_apart_or_attached) {
    static const char *const lines[] = {"-p 80", "-p80", "--port 80", "--port=80", "-p 1 -p 80", "-vp80"};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        expect_accepted(lines[i]);
        cr_expect_eq(options.port, 80, "\"%s\"", lines[i]);
        cr_expect(options.given[OPTION_INDEX_port]);
    }
}

Test(options_table, let_short_forms_stand_together) {
    expect_accepted("-vvdr -AFt2");
    cr_expect_eq(options.verbose, 2);
    cr_expect(options.daemon && options.enable_coredumps && options.enable_shutdown);
    cr_expect_not(options.flush_all);
    cr_expect_eq(options.threads, 2);
}

Test(options_table, know_every_short_form_of_memcached) {
    expect_accepted(
        "-p 0 -U 0 -s /tmp/s -a 770 -l 127.0.0.1 -m 128 -M -c 100 -t 2 -I 2m -b 64 -R 30 -v -u me -P /tmp/p "
        "-d");
    expect_accepted("-r -A -F -X -W -C -D : -k -L -e /tmp/f -B auto -N 2 -f 1.5 -n 96 -o modern -Y /tmp/y");
}

Test(options_table, know_every_long_form_of_memcached) {
    expect_accepted(
        "--port=0 --udp-port=0 --unix-socket=/tmp/s --unix-mask=770 --listen=127.0.0.1 --memory-limit=128 "
        "--disable-evictions --conn-limit=100 --threads=2 --max-item-size=2m --listen-backlog=64 "
        "--max-reqs-per-event=30 --verbose --user=me --pidfile=/tmp/p --daemon");
    expect_accepted(
        "--enable-coredumps --enable-shutdown --disable-flush-all --disable-dumping --disable-watch "
        "--disable-cas --lock-memory --enable-largepages --memory-file=/tmp/f --protocol=ascii "
        "--napi-ids=2 --slab-growth-factor=1.5 --slab-min-size=96 --extended=modern "
        "--auth-file=/tmp/y");
}

Test(options_table, bound_what_connections_hold_by_items_and_by_the_largest_of_them) {
    expect_accepted("-m 1024");
    cr_expect_eq(options.conn_memory, 256 << 20);
    expect_accepted("-m 1024 -I 400m");
    cr_expect_eq(options.conn_memory, 600 << 20);
    expect_accepted("-m 1024 -I 400m --conn-memory=32m");
    cr_expect_eq(options.conn_memory, 32 << 20);
}

Test(options_table, know_their_own_flags) {
    expect_accepted(
        "--engine=epoll --send=zc --zero-copy-min=16k --spin-us=50 --no-pin --conn-output-limit=64k "
        "--write-timeout=2 --drain-timeout=1 --recv-buffer-size=4k --recv-buffer-count=2 "
        "--ring-entries=8 --completion-entries=16 --conn-memory=1m --min-rate=0");
    cr_expect_eq(options.conn_memory, 1 << 20);
    cr_expect_eq(options.min_rate, 0);
    cr_expect_eq(options.engine, ENGINE_EPOLL);
    cr_expect_eq(options.send, ENGINE_SEND_ZERO_COPY);
    cr_expect_eq(options.zero_copy_min, 16384);
    cr_expect_eq(options.spin_us, 50);
    cr_expect_eq(options.pin, ENGINE_PIN_OFF);
    cr_expect_eq(options.conn_output_limit, 65536);
    cr_expect_eq(options.write_timeout, 2);
    cr_expect_eq(options.drain_timeout, 1);
    cr_expect_eq(options.recv_buffer_size, 4096);
    cr_expect_eq(options.recv_buffer_count, 2);
    cr_expect_eq(options.ring_entries, 8);
    cr_expect_eq(options.completion_entries, 16);
    expect_accepted("--engine=uring --send=bundle --spin-us=auto");
    cr_expect_eq(options.engine, ENGINE_URING);
    cr_expect_eq(options.send, ENGINE_SEND_BUNDLE);
    cr_expect_eq(options.spin_us, ENGINE_SPIN_AUTO);
    expect_accepted("--engine auto --send plain --spin-us 0");
    cr_expect_eq(options.send, ENGINE_SEND_PLAIN);
    cr_expect_eq(options.spin_us, 0);
}

Test(options_table, the_last_word_about_cpus_counts) {
    static const struct {
        const char *line;
        enum engine_pin pin;
    } rows[] = {{"", ENGINE_PIN_AUTO},
                {"--pin=auto", ENGINE_PIN_AUTO},
                {"--pin=on", ENGINE_PIN_ON},
                {"--pin=off", ENGINE_PIN_OFF},
                {"--no-pin", ENGINE_PIN_OFF},
                {"--pin=on --no-pin", ENGINE_PIN_OFF},
                {"--no-pin --pin=on", ENGINE_PIN_ON}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect_accepted(rows[i].line);
        cr_expect_eq(options.pin, rows[i].pin, "%s", rows[i].line);
    }
}

/* --- values --------------------------------------------------------------------------------------------- */

Test(options_table, count_memory_in_mebibytes_or_as_said) {
    static const struct {
        const char *line;
        uint64_t size;
    } rows[] = {{"-m 100", UINT64_C(100) << 20},
                {"-m 65536k", UINT64_C(64) << 20},
                {"-m 2g", UINT64_C(2) << 30},
                {"-m 512M", UINT64_C(512) << 20}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        expect_accepted(rows[i].line);
        cr_expect_eq(options.memory_limit, rows[i].size, "%s", rows[i].line);
    }
    expect_accepted("-m 50%");
    cr_expect_eq(options.memory_limit, sysinfo_memory_size() / 2);
}

Test(options_table, collect_listen_addresses) {
    expect_accepted("-l 127.0.0.1 --listen=[::1]:80,*");
    cr_expect_eq(options.listen.count, 2);
    cr_expect_str_eq(options.listen.texts[0], "127.0.0.1");
    cr_expect_str_eq(options.listen.texts[1], "[::1]:80,*");
}

Test(options_table, let_the_udp_port_stand_in_for_a_missing_tcp_port) {
    expect_accepted("-U 500");
    cr_expect_eq(options.port, 500);
    expect_accepted("-U 500 -p 600");
    cr_expect_eq(options.port, 600);
    expect_accepted("-U 0");
    cr_expect_eq(options.port, 11211);
}

Test(options_table, take_a_free_port_by_minus_one) {
    expect_accepted("-p -1");
    cr_expect_eq(options.port, -1);
    expect_accepted("--port=-1");
    cr_expect_eq(options.port, -1);
}

Test(options_table, keep_the_limits_of_items) {
    expect_accepted("-m 64 -I 32m");
    expect_accepted("-I 1k");
    expect_accepted("-m 2g -I 1g");
    expect_refused("-m 64 -I 33m", "-I 33m is more than half of -m 64m; raise -m or lower -I");
    expect_refused("-m 1", "-I 1m is more than half of -m 1m; raise -m or lower -I");
    expect_refused("-I 1023", "-I 1023: expected a size from 1k to 1g");
    expect_refused("-m 4g -I 2g", "-I 2g: expected a size from 1k to 1g");
}

/* --- -o ------------------------------------------------------------------------------------------------- */

Test(options_table, take_every_name_of_o) {
    static const char *const names[] = {"maxconns_fast",
                                        "no_maxconns_fast",
                                        "hashpower=16",
                                        "no_hashexpand",
                                        "slab_reassign",
                                        "no_slab_reassign",
                                        "slab_automove",
                                        "slab_automove=2",
                                        "no_slab_automove",
                                        "slab_automove_ratio=0.8",
                                        "slab_automove_window=30",
                                        "slab_automove_freeratio=0.01",
                                        "tail_repair_time=10",
                                        "hash_algorithm=murmur3",
                                        "lru_crawler",
                                        "no_lru_crawler",
                                        "lru_crawler_sleep=100",
                                        "lru_crawler_tocrawl=5",
                                        "lru_maintainer",
                                        "no_lru_maintainer",
                                        "hot_lru_pct=20",
                                        "warm_lru_pct=40",
                                        "hot_max_factor=0.2",
                                        "warm_max_factor=2.0",
                                        "temporary_ttl=61",
                                        "idle_timeout=30",
                                        "watcher_logbuf_size=256",
                                        "worker_logbuf_size=64",
                                        "slab_sizes=100-200",
                                        "slab_chunk_max=512",
                                        "no_chunked_items",
                                        "track_sizes",
                                        "inline_ascii_resp",
                                        "no_inline_ascii_resp",
                                        "modern",
                                        "no_modern",
                                        "drop_privileges",
                                        "no_drop_privileges",
                                        "relaxed_privileges",
                                        "resp_obj_mem_limit=64",
                                        "read_buf_mem_limit=64",
                                        "sock_cookie_id=1"};
    char line[256];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(line, sizeof(line), "-o %s", names[i]);
        expect_accepted(line);
    }
}

Test(options_table, obey_what_o_says) {
    expect_accepted("-o no_maxconns_fast,hashpower=20,idle_timeout=30 -o slab_automove=0,,lru_crawler");
    cr_expect_not(options.maxconns_fast);
    cr_expect_eq(options.hashpower, 20);
    cr_expect_eq(options.idle_timeout, 30);
    cr_expect_eq(options.slab_automove, 0);
    cr_expect(options.lru_crawler);
    expect_accepted("-o slab_automove");
    cr_expect_eq(options.slab_automove, 1);
    expect_accepted("-o no_slab_automove");
    cr_expect_eq(options.slab_automove, 0);
    expect_accepted("-o no_maxconns_fast,maxconns_fast");
    cr_expect(options.maxconns_fast);
}

Test(options_table, turn_off_what_is_modern_until_it_is_turned_on_again) {
    expect_accepted("-o no_modern");
    cr_expect_not(options.maxconns_fast || options.slab_reassign || options.lru_crawler ||
                  options.lru_maintainer);
    cr_expect_eq(options.slab_automove, 0);
    expect_accepted("-o no_modern,lru_crawler");
    cr_expect(options.lru_crawler && !options.lru_maintainer);
    expect_accepted("-o modern");
    cr_expect(options.maxconns_fast && options.slab_reassign && options.lru_crawler &&
              options.lru_maintainer);
}

Test(options_table, refuse_wrong_names_and_values_of_o) {
    expect_refused("-o idel_timeout=3", "unknown name -o idel_timeout; did you mean -o idle_timeout?");
    expect_refused("-o no_idle_timeout", "unknown name -o no_idle_timeout; did you mean -o idle_timeout?");
    expect_refused("-o zzz", "unknown name -o zzz; --help lists the names of -o");
    expect_refused("-o idle_timeout", "-o idle_timeout needs a number from 0 to 2000000");
    expect_refused("-o idle_timeout=", "-o idle_timeout : expected a number from 0 to 2000000");
    expect_refused("-o hashpower=33", "-o hashpower 33: expected a number from 12 to 32");
    expect_refused("-o hash_algorithm=md5", "-o hash_algorithm md5: expected one of jenkins|murmur3|xxh3");
    expect_refused("-o lru_crawler=1", "-o lru_crawler 1: expected no value");
}

Test(options_table, refuse_whole_features_that_are_not_here) {
    expect_refused("-o modern,ext_path=/x:1g",
                   "-o ext_path: extstore is not here: items live in memory only");
    expect_refused("-o proxy_config=x",
                   "-o proxy_config: the proxy is not here; use mcrouter or twemproxy in front");
    expect_refused("-S", "-S: SASL belongs to the binary protocol, which is not spoken here");
}

Test(options_table, bound_the_length_of_all_o_together) {
    static char long_text[OPTION_SUBOPTIONS_SIZE_MAX + 16] = "-o";
    memset(long_text + 2, ',', sizeof(long_text) - 3);
    const char *arguments[] = {"riposte", long_text};
    cr_expect_eq(options_table_read(&options, 2, arguments, &failure), OPTIONS_REFUSED);
    long_text[2 + OPTION_SUBOPTIONS_SIZE_MAX - 1] = '\0';
    cr_expect_eq(options_table_read(&options, 2, arguments, &failure), OPTIONS_COMPLETE);
}

/* --- what is refused ------------------------------------------------------------------------------------ */

Test(options_table, suggest_the_flag_that_was_meant) {
    expect_refused("--prot=80", "unknown flag --prot; did you mean --port?");
    expect_refused("--memory-limt 3", "unknown flag --memory-limt; did you mean --memory-limit?");
    expect_refused("--thread", "unknown flag --thread; did you mean --threads?");
    expect_refused("--idle_timeout=3", "unknown flag --idle_timeout; did you mean -o idle_timeout?");
    expect_refused("--replicate", "unknown flag --replicate; --help lists the flags");
    expect_refused("-T 2", "unknown flag -T; did you mean -t, --threads?");
    expect_refused("-z", "unknown flag -z; did you mean -Z, --enable-ssl?");
    expect_refused("-9", "unknown flag -9; --help lists the flags");
}

Test(options_table, refuse_values_outside_their_limits) {
    expect_refused("-p 65536", "-p 65536: expected a port from -1 to 65535");
    expect_refused("-p http", "-p http: expected a port from -1 to 65535");
    expect_refused("-p -2", "-p -2: expected a port from -1 to 65535");
    expect_refused("-t 0", "-t 0: expected a number from 1 to 1024");
    expect_refused("-t 1025", "-t 1025: expected a number from 1 to 1024");
    expect_refused("-c 0", "-c 0: expected a number from 1 to 1000000");
    expect_refused("-R 0", "-R 0: expected a number from 1 to 1000000");
    expect_refused("-m 64q", "-m 64q: expected a percentage or a size from 1m to 1048576g");
    expect_refused("-m 0", "-m 0: expected a percentage or a size from 1m to 1048576g");
    expect_refused("-m 101%", "-m 101%: expected a percentage or a size from 1m to 1048576g");
    expect_refused("-a 1000", "-a 1000: expected an octal number up to 777");
    expect_refused("-a 8", "-a 8: expected an octal number up to 777");
    expect_refused("-D ::", "-D ::: expected one printable character");
    expect_refused("-B text", "-B text: expected one of auto|ascii|binary");
    expect_refused("-f abc", "-f abc: expected a decimal number");
    expect_refused("--engine=fast", "--engine fast: expected one of auto|uring|epoll");
    expect_refused("--spin-us=10001", "--spin-us 10001: expected auto or a number from 0 to 10000");
    expect_refused("--spin-us=-1", "--spin-us -1: expected auto or a number from 0 to 10000");
    expect_refused("--ring-entries=100", "--ring-entries 100: expected a power of two from 8 to 32k");
    expect_refused("--recv-buffer-size=2m", "--recv-buffer-size 2m: expected a power of two from 1k to 1m");
}

Test(options_table, refuse_missing_and_surplus_values) {
    expect_refused("-p", "-p needs a port from -1 to 65535");
    expect_refused("--port", "--port needs a port from -1 to 65535");
    expect_refused("-s", "-s needs a text");
    expect_refused("-s ", "-s needs a text");
    expect_refused("--unix-socket=", "--unix-socket : expected a text");
    expect_refused("--daemon=yes", "--daemon yes: expected no value");
    expect_refused("--version=2", "--version 2: expected no value");
    expect_refused("--help=html", "--help html: expected nothing or markdown|man|bash|zsh|fish");
}

Test(options_table, refuse_arguments_that_are_no_flags) {
    expect_refused("start", "unexpected argument 'start'; flags begin with - or --");
    expect_refused("-v -", "unexpected argument '-'; flags begin with - or --");
    expect_refused("-- -v", "unexpected argument '-v' after --");
    expect_accepted("-v --");
}

/* --- what is shown -------------------------------------------------------------------------------------- */

Test(options_table, show_something_and_look_no_further) {
    cr_expect_eq(parse("-h --nonsense"), OPTIONS_SHOW);
    cr_expect_eq(options.help, SHOW_PLAIN);
    cr_expect_eq(parse("-p 80 --help=markdown"), OPTIONS_SHOW);
    cr_expect_eq(options.help, SHOW_ARGUMENT);
    cr_expect_eq(parse("-V"), OPTIONS_SHOW);
    cr_expect_eq(options.version, SHOW_PLAIN);
    cr_expect_eq(parse("--license"), OPTIONS_SHOW);
    cr_expect_eq(options.license, SHOW_PLAIN);
    cr_expect_eq(parse("-vh"), OPTIONS_SHOW);
}

/* --- warnings ------------------------------------------------------------------------------------------- */

static char warnings[4096];

static void warning_append(void *user, const char *text) {
    unsigned *count = user;
    (*count)++;
    strncat(warnings, text, sizeof(warnings) - strlen(warnings) - 2);
    strncat(warnings, "\n", sizeof(warnings) - strlen(warnings) - 1);
}

static unsigned warnings_of(const char *line) {
    unsigned count = 0;
    warnings[0] = '\0';
    expect_accepted(line);
    options_table_warn(&options, warning_append, &count);
    return count;
}

Test(options_table, read_on_behind_a_check) {
    expect_accepted("--check -t 3");
    cr_expect_eq(options.check, SHOW_PLAIN);
    cr_expect_eq(options.threads, 3);
    expect_accepted("-t 3 --check=json -c 7");
    cr_expect_eq(options.check, SHOW_ARGUMENT);
    cr_expect_eq(options.conn_limit, 7);
}

Test(options_table, warn_once_of_what_has_no_effect) {
    cr_expect_eq(warnings_of("-f 1.5 -f 1.6"), 1);
    cr_expect_str_eq(warnings, "-f, --slab-growth-factor has no effect: items are not kept in slabs\n");
    cr_expect_eq(warnings_of("-o no_lru_crawler,lru_crawler -o lru_crawler"), 1);
    cr_expect_str_eq(warnings, "-o lru_crawler has no effect: expired items are always swept\n");
    cr_expect_eq(warnings_of("-n 48 -e /tmp/x -N 2 -o slab_reassign,hash_algorithm=jenkins"), 4);
}

Test(options_table, warn_of_udp_and_of_the_binary_protocol) {
    cr_expect_eq(warnings_of("-U 500 -p 600"), 1);
    cr_expect_str_eq(warnings, "-U 500: there is no UDP here; TCP listens as before\n");
    cr_expect_eq(warnings_of("-B binary"), 1);
    cr_expect_str_eq(warnings,
                     "-B binary: only the text protocol is spoken; binary connections are closed\n");
}

Test(options_table, are_silent_about_what_is_obeyed) {
    cr_expect_eq(warnings_of("-m 100 -t 1 -U 0 -B ascii -v -o idle_timeout=3,no_maxconns_fast,hashpower=14"),
                 0);
    cr_expect_eq(warnings_of(""), 0);
}

Test(options_table, turn_tcp_off_for_a_unix_socket_alone) {
    expect_accepted("-s /tmp/a.sock");
    cr_expect_eq(options.port, 0);
    expect_accepted("-s /tmp/a.sock -p 11211");
    cr_expect_eq(options.port, 11211);
    expect_accepted("-s /tmp/a.sock -l 127.0.0.1");
    cr_expect_eq(options.port, 11211);
    expect_accepted("-s /tmp/a.sock -U 5000");
    cr_expect_eq(options.port, 5000);
}
