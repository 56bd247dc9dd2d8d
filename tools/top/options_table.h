/* SPDX-License-Identifier: MIT
 *
 * options_table: the command line of riposte-top.
 */
#ifndef TOP_OPTIONS_TABLE_H
#define TOP_OPTIONS_TABLE_H

#include "options.h"
#include "tls.h"

struct options {
    bool once;
    uint64_t delay_ns;
    uint32_t columns; /* of --once */
    enum option_show help, version;
    struct tls_settings tls;
    struct option_list servers;
    bool given[16];
};

extern const struct options_table options_table;

/* Prints help or version itself (OPTIONS_SHOW). Texts point into the argument vector. */
enum options_outcome options_table_read(struct options *options, int arguments_count,
                                        const char *const *arguments, struct failure *failure);

#endif
