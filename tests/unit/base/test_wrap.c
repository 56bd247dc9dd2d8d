/* SPDX-License-Identifier: MIT
 *
 * Where lines are broken: between words, at the column, and never inside one.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "wrap.h"

/* What `words` make of a line that has begun with `begun`; to be freed. */
static char *laid_out(const char *begun, const char *words, unsigned columns, unsigned indent) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    struct wrap wrap = {.file = file, .columns = columns, .indent = indent, .at = (unsigned)strlen(begun)};
    fputs(begun, file);
    wrap_words(&wrap, bytes_from_string(words));
    fclose(file);
    return text;
}

static void expect(char *text, const char *expected) {
    cr_expect_str_eq(text, expected);
    free(text);
}

Test(wrap, puts_a_space_between_words_and_none_at_the_margin) {
    expect(laid_out("", "one two", 20, 4), "one two");
    expect(laid_out("begun", "one two", 20, 4), "begun one two");
    expect(laid_out("begun", "", 20, 4), "begun");
}

Test(wrap, breaks_a_line_before_the_word_that_passes_the_last_column) {
    expect(laid_out("", "12345 789", 9, 2), "12345 789");
    expect(laid_out("", "12345 7890", 9, 2), "12345\n   7890");
    expect(laid_out("", "a b c d", 3, 0), "a b\nc d");
}

Test(wrap, leaves_a_word_alone_that_is_longer_than_a_line) {
    expect(laid_out("", "abcdefghij kl", 5, 0), "abcdefghij\nkl");
    expect(laid_out("    ", "abcdefghij", 5, 4), "     abcdefghij");
}
