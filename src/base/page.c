/* SPDX-License-Identifier: MIT
 *
 * page: puts word after word. See page.h.
 */
#include "page.h"

#include <stdbool.h>

void page_break(struct page *page) {
    fprintf(page->file, "\n%*s", (int)page->indent, "");
    page->at = page->indent;
}

void page_words(struct page *page, struct bytes line) {
    while (line.size > 0) {
        size_t size = bytes_before(line, ' ');
        bool begun = page->at > 0;
        if (begun && page->at > page->indent && page->at + 1 + size > page->columns) {
            page_break(page);
        }
        begun = page->at > 0;
        fprintf(page->file, "%s%.*s", begun ? " " : "", (int)size, line.data);
        page->at += (unsigned)size + begun;
        line = bytes_after(line, size == line.size ? size : size + 1);
    }
}
