/* SPDX-License-Identifier: MIT
 *
 * wrap: puts word after word. See wrap.h.
 */
#include "wrap.h"

#include <stdbool.h>

void wrap_break(struct wrap *wrap) {
    fprintf(wrap->file, "\n%*s", (int)wrap->indent, "");
    wrap->at = wrap->indent;
}

void wrap_words(struct wrap *wrap, struct bytes line) {
    while (line.size > 0) {
        size_t size = bytes_before(line, ' ');
        bool begun = wrap->at > 0;
        if (begun && wrap->at > wrap->indent && wrap->at + 1 + size > wrap->columns) {
            wrap_break(wrap);
        }
        begun = wrap->at > 0;
        fprintf(wrap->file, "%s%.*s", begun ? " " : "", (int)size, line.data);
        wrap->at += (unsigned)size + begun;
        line = bytes_after(line, size == line.size ? size : size + 1);
    }
}
