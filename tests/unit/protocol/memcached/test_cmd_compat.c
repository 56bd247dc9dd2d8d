/* SPDX-License-Identifier: MIT
 *
 * cmd_compat: knobs that are accepted, and the errors that scripts expect of them.
 */
#include "fixture.h"

TestSuite(knobs, .init = open_all, .fini = close_all);

#define BAD_CLASS "BADCLASS invalid class id\r\n"
#define DISABLED  "CLIENT_ERROR lru crawler disabled\r\n"

/* Requests and answers, one pair a row. */
static void check_rows(const char *const (*rows)[2], size_t count) {
    for (size_t i = 0; i < count; i++) {
        talk_check(&talk, rows[i][0], rows[i][1]);
    }
}
#define CHECK_ROWS(rows) check_rows((rows), sizeof(rows) / sizeof((rows)[0]))

Test(knobs, of_lru_are_checked_and_accepted) {
    static const char *const rows[][2] = {
        {"lru\r\n", "ERROR\r\n"},
        {"lru foo\r\n", "ERROR\r\n"},
        {"lru mode\r\n", "ERROR\r\n"},
        {"lru mode flat\r\n", "OK\r\n"},
        {"lru mode segmented noreply\r\n", ""},
        {"lru mode x\r\n", "ERROR\r\n"},
        {"lru temp_ttl\r\n", "ERROR\r\n"},
        {"lru temp_ttl -1\r\n", "OK\r\n"},
        {"lru temp_ttl x\r\n", "ERROR\r\n"},
        {"lru tune 10 25 0.1 2.0\r\n", "OK\r\n"},
        {"lru tune 40 40 .5 2\r\n", "OK\r\n"},
        {"lru tune 40 41 0.1 2.0\r\n", "ERROR hot and warm pcts must not exceed 80\r\n"},
        {"lru tune 4294967295 1 0.1 2.0\r\n", "ERROR hot and warm pcts must not exceed 80\r\n"},
        {"lru tune 10 25 0 2.0\r\n", "ERROR hot/warm age factors must be greater than 0\r\n"},
        {"lru tune 10 25 0.1 -2.0\r\n", "ERROR hot/warm age factors must be greater than 0\r\n"},
        {"lru tune 10 25 0.1\r\n", "ERROR\r\n"},
        {"lru tune 10 x 0.1 2\r\n", "ERROR\r\n"},
        {"lru tune 10 25 0.1.1 2\r\n", "ERROR\r\n"},
        {"lru tune 10 25 . 2\r\n", "ERROR\r\n"},
    };
    CHECK_ROWS(rows);
}

Test(knobs, of_slabs_are_checked_and_refused_where_there_are_no_slabs) {
    static const char *const rows[][2] = {
        {"slabs\r\n", "ERROR\r\n"},
        {"slabs foo\r\n", "ERROR\r\n"},
        {"slabs automove\r\n", "ERROR\r\n"},
        {"slabs automove 0\r\nslabs automove 1\r\nslabs automove 2 noreply\r\n", "OK\r\nOK\r\n"},
        {"slabs automove 3\r\n", "ERROR\r\n"},
        {"slabs automove x\r\n", BAD_FORMAT},
        {"slabs automove ratio 0.5\r\n", "OK\r\n"},
        {"slabs automove ratio x\r\n", "ERROR\r\n"},
        {"slabs automove window 3\r\n", "OK\r\n"},
        {"slabs automove window 2\r\n", "CLIENT_ERROR automove window too low or too high\r\n"},
        {"slabs automove window 1801\r\n", "CLIENT_ERROR automove window too low or too high\r\n"},
        {"slabs automove window\r\n", BAD_FORMAT},
        {"slabs reassign\r\n", "ERROR\r\n"},
        {"slabs reassign x 2\r\n", BAD_FORMAT},
        {"slabs reassign 1 2\r\n", "CLIENT_ERROR slab reassignment disabled\r\n"},
    };
    CHECK_ROWS(rows);
}

Test(knobs, of_the_crawler_are_checked_and_accepted) {
    static const char *const rows[][2] = {
        {"lru_crawler\r\n", "ERROR\r\n"},
        {"lru_crawler foo\r\n", "ERROR\r\n"},
        {"lru_crawler enable\r\n", "OK\r\n"},
        {"lru_crawler enable x\r\n", "ERROR\r\n"},
        {"lru_crawler sleep 1000000\r\n", "OK\r\n"},
        {"lru_crawler sleep 1000001\r\n", "CLIENT_ERROR sleep must be one second or less\r\n"},
        {"lru_crawler sleep x\r\n", BAD_FORMAT},
        {"lru_crawler tocrawl 10\r\n", "OK\r\n"},
        {"lru_crawler tocrawl x\r\n", BAD_FORMAT},
        {"lru_crawler crawl all\r\n", "OK\r\n"},
        {"lru_crawler crawl 1,2,63\r\n", "OK\r\n"},
        {"lru_crawler crawl 1,64\r\n", BAD_CLASS},
        {"lru_crawler crawl 0\r\n", BAD_CLASS},
        {"lru_crawler crawl 1,\r\n", BAD_CLASS},
        {"lru_crawler crawl x\r\n", BAD_CLASS},
        {"lru_crawler metadump\r\n", "ERROR\r\n"},
        {"lru_crawler metadump x\r\n", BAD_CLASS},
        {"lru_crawler metadump all x\r\n", "ERROR\r\n"},
        {"lru_crawler disable\r\n", "OK\r\n"},
        {"lru_crawler crawl all\r\n", DISABLED},
        {"lru_crawler metadump all\r\n", DISABLED},
        {"lru_crawler mgdump all\r\n", DISABLED},
        {"lru_crawler sleep 10\r\n", "OK\r\n"},
        {"lru_crawler enable\r\n", "OK\r\n"},
        {"lru_crawler crawl all\r\n", "OK\r\n"},
    };
    CHECK_ROWS(rows);
}

static void no_crawler(struct talk_server *changed) {
    changed->config.lru_crawler = false;
}

Test(knobs, of_the_crawler_begin_as_the_option_says) {
    reopen_with(no_crawler);
    talk_check(&talk, "lru_crawler crawl all\r\nlru_crawler enable\r\nlru_crawler crawl all\r\n",
               DISABLED "OK\r\nOK\r\n");
}
