/* SPDX-License-Identifier: MIT
 *
 * option: one option of a command line: what it is called, what it takes, where its value is kept.
 *
 * A program lists its options in a table (options.h). Here is what concerns one row: the text of a value into
 * its field and back. `values` is the program's own struct; `offset` says where in it the field is, `kind` of
 * which type. Allocates nothing. Any thread may call the functions that do not write.
 */
#ifndef RIPOSTE_BASE_OPTION_H
#define RIPOSTE_BASE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OPTION_VALUE_SIZE_MAX = 256,       /* longest text that is written, terminator included */
    OPTION_LIST_COUNT_MAX = 64,        /* values of one LIST */
    OPTION_SUBOPTIONS_SIZE_MAX = 4096, /* bytes of all SUBOPTIONS arguments together */
    OPTION_AUTO_VALUE = -1,            /* of an AUTO, where "auto" was given */
};

/* How a value is written and kept. The C type of each stands below. */
enum option_kind {
    OPTION_ON,         /* no value; sets true */
    OPTION_OFF,        /* no value; sets false */
    OPTION_SWITCH,     /* a suboption; NAME sets true, no_NAME false */
    OPTION_REPEAT,     /* no value; adds one */
    OPTION_SHOW,       /* prints something and ends; may take one of the words in `argument` */
    OPTION_MODE,       /* the same, but the reading goes on: the others say what it is about */
    OPTION_COUNT,      /* a plain number */
    OPTION_LEVEL,      /* a suboption: NAME=number, NAME for 1, no_NAME for 0 */
    OPTION_POWER,      /* a power of two; k, m, g may follow */
    OPTION_THOUSANDS,  /* a number; k, m, g (powers of 1000) may follow */
    OPTION_DURATION,   /* seconds, kept in ns; ns, us, ms, s, m, h may follow */
    OPTION_SIZE,       /* bytes; k, m, g may follow */
    OPTION_KILOBYTES,  /* KiB, kept in bytes; k, m, g may follow */
    OPTION_MEMORY,     /* MiB, kept in bytes; k, m, g, % (of the machine's) may follow */
    OPTION_PORT,       /* a port; -1 where the minimum allows it */
    OPTION_AUTO,       /* "auto" or a plain number */
    OPTION_OCTAL,      /* permission bits */
    OPTION_CHARACTER,  /* one printable character */
    OPTION_WORD,       /* one of the words in `argument`; kept as its index */
    OPTION_DECIMAL,    /* digits with at most one point; kept as text */
    OPTION_TEXT,       /* anything but nothing */
    OPTION_LIST,       /* texts, one more each time */
    OPTION_SUBOPTIONS, /* names of the section of suboptions, separated by commas, as in getsubopt(3) */
    OPTION_OTHER,      /* read by a function of the program's */
};

/* SHOW_ARGUMENT is the first of the words in `argument`, SHOW_ARGUMENT + 1 the second, and so on. */
enum option_show { SHOW_NOT, SHOW_PLAIN, SHOW_ARGUMENT };

struct option_list {
    const char *texts[OPTION_LIST_COUNT_MAX]; /* borrowed from the argument vector */
    unsigned count;
};

/* Every SUBOPTIONS argument, cut into NAME, VALUE, NAME ... at its commas and equal signs. */
struct option_suboptions {
    char text[OPTION_SUBOPTIONS_SIZE_MAX];
    size_t size; /* bytes in use */
};

#define OPTION_TYPE_ON         bool
#define OPTION_TYPE_OFF        bool
#define OPTION_TYPE_SWITCH     bool
#define OPTION_TYPE_REPEAT     uint32_t
#define OPTION_TYPE_SHOW       enum option_show
#define OPTION_TYPE_MODE       enum option_show
#define OPTION_TYPE_COUNT      uint32_t
#define OPTION_TYPE_LEVEL      uint32_t
#define OPTION_TYPE_POWER      uint32_t
#define OPTION_TYPE_THOUSANDS  uint64_t
#define OPTION_TYPE_DURATION   uint64_t
#define OPTION_TYPE_SIZE       uint64_t
#define OPTION_TYPE_KILOBYTES  uint64_t
#define OPTION_TYPE_MEMORY     uint64_t
#define OPTION_TYPE_PORT       int32_t
#define OPTION_TYPE_AUTO       int32_t
#define OPTION_TYPE_OCTAL      uint32_t
#define OPTION_TYPE_CHARACTER  char
#define OPTION_TYPE_WORD       uint32_t /* or an enum whose values are the words' indices */
#define OPTION_TYPE_DECIMAL    const char *
#define OPTION_TYPE_TEXT       const char *
#define OPTION_TYPE_LIST       struct option_list
#define OPTION_TYPE_SUBOPTIONS struct option_suboptions

/* Accepted with one warning, or the end of the start; the help says why. */
enum option_effect { EFFECT_OBEYED, EFFECT_IGNORED, EFFECT_REFUSED };

struct option {
    const char *name; /* long form without dashes, or the suboption's name */
    char letter;      /* short form; 0: none */
    unsigned section; /* index into the table's sections */
    enum option_kind kind;
    enum option_effect effect;
    size_t offset; /* of its field; unused by OTHER */
    const char
        *initial;    /* the default as it would be typed; "" or NULL leaves the field zero; "yes" is true */
    int64_t minimum; /* of what is a number, both included, in the field's unit */
    uint64_t maximum;
    const char
        *argument; /* what --help calls the value; the words of a WORD ("auto|ascii"); NULL: takes none */
    const char *help;

    /* OTHER only: reads the text; false when it is not what `expected` says. */
    bool (*read)(void *values, const char *text);
    const char *expected;
};

enum option_need { OPTION_NEEDS_NO_VALUE, OPTION_MAY_HAVE_VALUE, OPTION_NEEDS_VALUE };

enum option_need option_need(const struct option *option);

/*
 * Puts `text` (NULL: no value was given) into the option's field; false when it is no such value or breaks a
 * limit. Texts are borrowed, but those of SUBOPTIONS are copied.
 */
bool option_set(const struct option *option, void *values, const char *text);

/* What no_NAME does to a SWITCH or a LEVEL; false for every other kind. */
bool option_clear(const struct option *option, void *values);

/* Whether there are limits to speak of. */
bool option_is_limited(const struct option *option);

/* What the option takes, for messages: "a number from 1 to 1024". */
void option_expected(const struct option *option, char text[OPTION_VALUE_SIZE_MAX]);

/*
 * The field as a word: yes, 1048576, auto, NULL. A text longer than the buffer is cut. Not for SUBOPTIONS and
 * OTHER.
 */
void option_format(const struct option *option, const void *values, char text[OPTION_VALUE_SIZE_MAX]);

#endif
