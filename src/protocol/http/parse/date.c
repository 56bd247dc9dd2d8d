/* SPDX-License-Identifier: MIT
 *
 * date: reads three forms, writes one. Days and dates are turned into each other by the arithmetic of Howard Hinnant's
 * "chrono-Compatible Low-Level Date Algorithms" (https://howardhinnant.github.io/date_algorithms.html): years
 * begin in March, so that the leap day is their last.
 */
#include "date.h"

#include <assert.h>

#include "text.h"

enum {
    DAY_S = 24 * 60 * 60,
    DAYS_OF_ERA = 146097,    /* days in 400 years */
    DAYS_TO_1970 = 719468,   /* from 1 March of the year 0 */
    CENTURY_AHEAD_YEARS = 50 /* RFC 9110 section 5.6.7 */
};

static const char day_names[7][10] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct date {
    unsigned year;
    unsigned month; /* 1 to 12 */
    unsigned day;   /* 1 to 31 */
    unsigned hour;
    unsigned minute;
    unsigned second; /* 60 is a leap second, and read as the next one */
};

static uint64_t days_of(unsigned year, unsigned month, unsigned day) {
    uint64_t march_year = year - (month <= 2);
    uint64_t era = march_year / 400;
    uint64_t year_of_era = march_year % 400;
    uint64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    uint64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_OF_ERA + day_of_era - DAYS_TO_1970;
}

static struct date date_of(uint64_t unix_s) {
    uint64_t days = unix_s / DAY_S + DAYS_TO_1970;
    uint64_t day_of_era = days % DAYS_OF_ERA;
    uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t march_month = (5 * day_of_year + 2) / 153;
    unsigned month = (unsigned)(march_month < 10 ? march_month + 3 : march_month - 9);
    uint64_t second_of_day = unix_s % DAY_S;
    return (struct date){
        .year = (unsigned)(days / DAYS_OF_ERA * 400 + year_of_era + (month <= 2)),
        .month = month,
        .day = (unsigned)(day_of_year - (153 * march_month + 2) / 5 + 1),
        .hour = (unsigned)(second_of_day / 3600),
        .minute = (unsigned)(second_of_day / 60 % 60),
        .second = (unsigned)(second_of_day % 60),
    };
}

static char *write_digits(char *at, unsigned number, unsigned digits) {
    for (unsigned i = digits; i > 0; i--) {
        at[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    return at + digits;
}

static char *write_text(char *at, const char *text, size_t size) {
    memcpy(at, text, size);
    return at + size;
}

void http_date_write(char *text, uint64_t unix_s) {
    struct date date = date_of(unix_s);
    char *at = write_text(text, day_names[(unix_s / DAY_S + 4) % 7], 3); /* 1 January 1970 was a Thursday */
    at = write_text(at, ", ", 2);
    at = write_digits(at, date.day, 2);
    at = write_text(at, " ", 1);
    at = write_text(at, month_names[date.month - 1], 3);
    at = write_text(at, " ", 1);
    at = write_digits(at, date.year, 4);
    at = write_text(at, " ", 1);
    at = write_digits(at, date.hour, 2);
    at = write_text(at, ":", 1);
    at = write_digits(at, date.minute, 2);
    at = write_text(at, ":", 1);
    at = write_digits(at, date.second, 2);
    at = write_text(at, " GMT", 4);
    assert(at == text + HTTP_DATE_SIZE);
}

/* --- reading ------------------------------------------------------------------------------------------------ */

/* Takes bytes off the front of `left`; `good` falls at the first that does not fit and stays so. */
struct date_reader {
    struct bytes left;
    bool good;
};

static void skip_text(struct date_reader *reader, const char *text) {
    size_t size = strlen(text);
    reader->good = reader->good && reader->left.size >= size && memcmp(reader->left.data, text, size) == 0;
    if (reader->good) {
        reader->left = bytes_of(reader->left.data + size, reader->left.size - size);
    }
}

/* `digits` of them; with `padded` the first may be a space. */
static unsigned read_digits(struct date_reader *reader, unsigned digits, bool padded) {
    unsigned number = 0;
    reader->good = reader->good && reader->left.size >= digits;
    for (unsigned i = 0; i < digits && reader->good; i++) {
        char byte = reader->left.data[i];
        bool is_pad = padded && i == 0 && byte == ' ';
        reader->good = is_pad || http_text_is_digit(byte);
        number = number * 10 + (is_pad ? 0 : (unsigned)(byte - '0'));
    }
    if (reader->good) {
        reader->left = bytes_of(reader->left.data + digits, reader->left.size - digits);
    }
    return number;
}

static unsigned read_month(struct date_reader *reader) {
    for (unsigned i = 0; i < 12; i++) {
        if (reader->left.size >= 3 && memcmp(reader->left.data, month_names[i], 3) == 0) {
            skip_text(reader, month_names[i]);
            return i + 1;
        }
    }
    reader->good = false;
    return 0;
}

static void read_time(struct date_reader *reader, struct date *date) {
    date->hour = read_digits(reader, 2, false);
    skip_text(reader, ":");
    date->minute = read_digits(reader, 2, false);
    skip_text(reader, ":");
    date->second = read_digits(reader, 2, false);
}

/* The name of a day, whole or its first three letters; false when there is none. */
static bool skip_day_name(struct date_reader *reader, bool whole) {
    for (unsigned i = 0; i < 7; i++) {
        size_t size = whole ? strlen(day_names[i]) : 3;
        if (reader->left.size > size && memcmp(reader->left.data, day_names[i], size) == 0) {
            reader->left = bytes_of(reader->left.data + size, reader->left.size - size);
            return true;
        }
    }
    return false;
}

static void read_imf(struct date_reader *reader, struct date *date) {
    reader->good = skip_day_name(reader, false);
    skip_text(reader, ", ");
    date->day = read_digits(reader, 2, false);
    skip_text(reader, " ");
    date->month = read_month(reader);
    skip_text(reader, " ");
    date->year = read_digits(reader, 4, false);
    skip_text(reader, " ");
    read_time(reader, date);
    skip_text(reader, " GMT");
}

static void read_rfc850(struct date_reader *reader, unsigned now_year, struct date *date) {
    reader->good = skip_day_name(reader, true);
    skip_text(reader, ", ");
    date->day = read_digits(reader, 2, false);
    skip_text(reader, "-");
    date->month = read_month(reader);
    skip_text(reader, "-");
    date->year = now_year / 100 * 100 + read_digits(reader, 2, false);
    if (date->year > now_year + CENTURY_AHEAD_YEARS) {
        date->year -= 100;
    }
    skip_text(reader, " ");
    read_time(reader, date);
    skip_text(reader, " GMT");
}

static void read_asctime(struct date_reader *reader, struct date *date) {
    reader->good = skip_day_name(reader, false);
    skip_text(reader, " ");
    date->month = read_month(reader);
    skip_text(reader, " ");
    date->day = read_digits(reader, 2, true);
    skip_text(reader, " ");
    read_time(reader, date);
    skip_text(reader, " ");
    date->year = read_digits(reader, 4, false);
}

static bool date_exists(const struct date *date) {
    static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = date->year % 4 == 0 && (date->year % 100 != 0 || date->year % 400 == 0);
    return date->year >= 1970 && date->month >= 1 && date->day >= 1 &&
           date->day <= days[date->month - 1] + (unsigned)(leap && date->month == 2) && date->hour < 24 &&
           date->minute < 60 && date->second <= 60;
}

bool http_date_read(struct bytes text, uint64_t now_unix_s, uint64_t *unix_s) {
    struct date date = {0};
    struct date_reader reader = {text, false};
    if (text.size < 4) {
        return false;
    }
    if (text.data[3] == ',') {
        read_imf(&reader, &date);
    } else if (text.data[3] == ' ') {
        read_asctime(&reader, &date);
    } else {
        read_rfc850(&reader, date_of(now_unix_s).year, &date);
    }
    if (!reader.good || reader.left.size > 0 || !date_exists(&date)) {
        return false;
    }
    *unix_s = days_of(date.year, date.month, date.day) * DAY_S + date.hour * UINT64_C(3600) +
              date.minute * UINT64_C(60) + date.second;
    return true;
}
