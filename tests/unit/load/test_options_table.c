/* SPDX-License-Identifier: MIT
 *
 * The command line.
 */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>
#include <string.h>

#include "exit_code.h"
#include "options_table.h"

static struct options options;
static struct failure failure;

/* `flags` are separated by single spaces. */
static enum options_outcome parse(const char *flags) {
    static char text[1024];
    const char *arguments[64] = {"riposte-load"};
    int count = 1;
    failure = (struct failure){0};
    snprintf(text, sizeof(text), "%s", flags);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
        arguments[count++] = word;
    }
    return options_table_read(&options, count, arguments, &failure);
}

static void expect_wrong(const char *flags, const char *words) {
    cr_expect_eq(parse(flags), OPTIONS_REFUSED, "%s", flags);
    cr_expect_eq(failure.exit_status, EXIT_CODE_USAGE);
    cr_expect_not_null(strstr(failure.text, words), "%s: %s", flags, failure.text);
}

Test(options_table, have_the_defaults_that_help_prints) {
    cr_assert_eq(parse("127.0.0.1"), OPTIONS_COMPLETE, "%s", failure.text);
    cr_expect_eq(options.connections_count, 64);
    cr_expect_eq(options.threads_count, 1);
    cr_expect_eq(options.depth, 1);
    cr_expect_eq(options.rate_per_s, 0);
    cr_expect_eq(options.arrival, PLAN_POISSON);
    cr_expect_eq(options.duration_ns, UINT64_C(10000000000));
    cr_expect_eq(options.warmup_ns, UINT64_C(1000000000));
    cr_expect_eq(options.keys_count, 10000);
    cr_expect_eq(options.value_sizes.size_max, 32);
    cr_expect_eq(options.ratio_gets, 100);
    cr_expect_eq(options.zipf_exponent, 0);
    cr_expect_eq(options.check, CHECK_FULL);
    cr_expect_eq(options.protocol, PROTOCOL_MEMCACHED);
    cr_expect_str_eq(options.key_prefix, "key:");
    cr_expect_null(options.json_path);
}

Test(options_table, are_read_with_their_units) {
    cr_assert_eq(
        parse("-c 512 -T 4 -d 16 -r 250k -t 500ms -w 0 -k 10m -v 100-1000 -R 90:10 --popularity zipf "
              "--cpu 1,4-6 --json out.json -q --check none --arrival fixed redis://h:1"),
        OPTIONS_COMPLETE, "%s", failure.text);
    cr_expect_eq(options.connections_count, 512);
    cr_expect_eq(options.rate_per_s, 250000);
    cr_expect_eq(options.duration_ns, UINT64_C(500000000));
    cr_expect_eq(options.warmup_ns, 0);
    cr_expect_eq(options.keys_count, 10000000);
    cr_expect_eq(options.value_sizes.size_min, 100);
    cr_expect_eq(options.value_sizes.size_max, 1000);
    cr_expect_eq(options.ratio_sets, 10);
    cr_expect_float_eq(options.zipf_exponent, 0.99, 1e-9);
    cr_expect_eq(options.cpus_count, 4);
    cr_expect_eq(options.cpus[3], 6);
    cr_expect(options.quiet);
    cr_expect_eq(options.check, CHECK_NONE);
    cr_expect_eq(options.arrival, PLAN_FIXED);
    cr_expect_eq(options.protocol, PROTOCOL_RESP);
}

Test(options_table, a_target_with_a_protocol_goes_before_the_option) {
    cr_assert_eq(parse("--protocol meta 127.0.0.1"), OPTIONS_COMPLETE);
    cr_expect_eq(options.protocol, PROTOCOL_META);
    cr_assert_eq(parse("--protocol meta http://127.0.0.1/x"), OPTIONS_COMPLETE);
    cr_expect_eq(options.protocol, PROTOCOL_HTTP);
    cr_assert_eq(parse("--protocol noop 127.0.0.1"), OPTIONS_COMPLETE);
    cr_expect_eq(options.protocol, PROTOCOL_NOOP);
}

Test(options_table, a_memcached_target_can_be_spoken_to_in_each_dialect_of_memcached) {
    cr_assert_eq(parse("--protocol noop memcached://127.0.0.1"), OPTIONS_COMPLETE);
    cr_expect_eq(options.protocol, PROTOCOL_NOOP);
    cr_assert_eq(parse("--protocol meta memcached://127.0.0.1"), OPTIONS_COMPLETE);
    cr_expect_eq(options.protocol, PROTOCOL_META);
    cr_assert_eq(parse("--protocol http memcached://127.0.0.1"), OPTIONS_COMPLETE);
    cr_expect_eq(options.protocol, PROTOCOL_MEMCACHED);
    cr_assert_eq(parse("--protocol noop redis://127.0.0.1"), OPTIONS_COMPLETE);
    cr_expect_eq(options.protocol, PROTOCOL_RESP);
    cr_assert_eq(parse("--protocol noop meta://127.0.0.1"), OPTIONS_COMPLETE);
    cr_expect_eq(options.protocol, PROTOCOL_META);
}

Test(options_table, a_number_of_requests_takes_the_place_of_the_duration) {
    cr_assert_eq(parse("-n 1000 h"), OPTIONS_COMPLETE);
    cr_expect_eq(options.duration_ns, 0);
    cr_assert_eq(parse("-n 1000 -t 2s h"), OPTIONS_COMPLETE);
    cr_expect_eq(options.duration_ns, UINT64_C(2000000000));
    cr_expect_eq(options.requests_count, 1000);
}

Test(options_table, a_sweep_is_a_list_of_rates_and_ranges) {
    cr_assert_eq(parse("--sweep 10k,50k:60k:5k,1m h"), OPTIONS_COMPLETE, "%s", failure.text);
    const uint64_t expected[] = {10000, 50000, 55000, 60000, 1000000};
    cr_assert_eq(options.sweep_count, 5);
    cr_expect_arr_eq(options.sweep_rates, expected, sizeof(expected));
    expect_wrong("--sweep 0 h", "rates");
    expect_wrong("--sweep 5:1:1 h", "rates");
    expect_wrong("--sweep 1:5:0 h", "rates");
    expect_wrong("--sweep 1,,2 h", "rates");
}

Test(options_table, what_is_wrong_is_said) {
    expect_wrong("", "target is missing");
    expect_wrong("h other", "one target, not h and other");
    expect_wrong("--nosuch h", "unknown flag --nosuch; --help lists the flags");
    expect_wrong("--conections 5 h", "unknown flag --conections; did you mean --connections?");
    expect_wrong("-D 5 h", "unknown flag -D; did you mean -d, --depth?");
    expect_wrong("-c", "-c needs a number (500, 10k, 1.5m) from 1 to 1000000");
    expect_wrong("-c 0 h", "-c 0: expected a number (500, 10k, 1.5m) from 1 to 1000000");
    expect_wrong("-c 1000001 h", "-c 1000001: expected a number");
    expect_wrong("-c many h", "-c many: expected a number");
    expect_wrong("-t long h", "-t long: expected a time (200ms, 10s, 5m) from 0s to 24h");
    expect_wrong("-w 61m h", "-w 61m: expected a time");
    expect_wrong("--check some h", "--check some: expected one of full|length|none");
    expect_wrong("--key-prefix=\t h", "expected a text without spaces");
    expect_wrong("-R 0:0 h", "gets:sets");
    expect_wrong("-R 5 h", "gets:sets");
    expect_wrong("--popularity zipf:0 h", "uniform");
    expect_wrong("--popularity normal h", "uniform");
    expect_wrong("--cpu x h", "CPU numbers");
    expect_wrong("--cpu 4-2 h", "CPU numbers");
    expect_wrong("h:99999", "65535");
}

Test(options_table, what_does_not_go_together_is_refused) {
    expect_wrong("-c 2 -T 3 h", "as many connections as threads");
    expect_wrong("-r 5 --sweep 1,2 h", "exclude each other");
    expect_wrong("-t 0 h", "no end");
    expect_wrong("-n 5 --sweep 1,2 h", "duration");
    expect_wrong("--meta-flags t meta://h", "flags with v among them");
    expect_wrong("--meta-flags vq meta://h", "neither q nor O");
    expect_wrong("--arrival closed -r 5 h", "expected poisson or fixed");
    expect_wrong("--tls-ca ca.pem h", "need --tls");
    expect_wrong("--tls-resume http://h", "need --tls");
    expect_wrong("--tls --tls-key key.pem h", "--tls-cert");
    expect_wrong("--tls --tls-version 1.1 h", "auto|1.2|1.3");
}

Test(options_table, a_target_may_say_that_it_speaks_tls) {
    cr_assert_eq(parse("--tls-ca ca.pem --tls-version 1.3 https://h/"), OPTIONS_COMPLETE, "%s", failure.text);
    cr_expect(options.tls.is_on);
    cr_expect_eq(options.protocol, PROTOCOL_HTTP);
    cr_expect_eq(options.tls.version, TLS_VERSION_1_3);
    cr_assert_eq(parse("h"), OPTIONS_COMPLETE);
    cr_expect_not(options.tls.is_on);
}

Test(options_table, may_be_called_as_other_load_generators_call_them) {
    cr_assert_eq(parse("--clients 5 --pipeline=16 --data-size 1k --test-time 2s h"), OPTIONS_COMPLETE);
    cr_expect_eq(options.connections_count, 5);
    cr_expect_eq(options.depth, 16);
    cr_expect_eq(options.value_sizes.size_max, 1024);
    cr_expect_eq(options.duration_ns, UINT64_C(2000000000));
}

Test(options_table, a_key_prefix_may_be_empty) {
    cr_assert_eq(parse("--key-prefix= h"), OPTIONS_COMPLETE, "%s", failure.text);
    cr_expect_str_eq(options.key_prefix, "");
}

Test(options_table, help_and_version_are_shown, .init = cr_redirect_stdout) {
    cr_expect_eq(parse("--help"), OPTIONS_SHOW);
    cr_expect_eq(parse("-V"), OPTIONS_SHOW);
}
