/* SPDX-License-Identifier: MIT
 *
 * template: see template.h.
 */
#include "template.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A text that is being put together. */
struct draft {
    char text[TEMPLATE_SIZE_MAX];
    size_t size;
};

/* Replaces the first `name` by `filling`; returns where the filling ends, or 0 when there is no such name. */
static size_t draft_fill(struct draft *draft, const char *name, struct bytes filling) {
    size_t name_size = strlen(name);
    char *found = memmem(draft->text, draft->size, name, name_size);
    if (found == NULL) {
        return 0;
    }
    size_t at = (size_t)(found - draft->text);
    size_t rest_size = draft->size - at - name_size;
    assert(at + filling.size + rest_size <= sizeof(draft->text));
    memmove(found + filling.size, found + name_size, rest_size);
    memcpy(found, filling.data, filling.size);
    draft->size = at + filling.size + rest_size;
    return at + filling.size;
}

bool template_init(struct template *template, const char *format, const struct template_place *places,
                   size_t places_count, const struct keys *keys) {
    struct draft draft = {.size = strlen(format)};
    assert(draft.size <= sizeof(draft.text));
    memcpy(draft.text, format, draft.size);
    for (size_t i = 0; i < places_count; i++) {
        draft_fill(&draft, places[i].name, places[i].filling);
    }
    size_t key_end = draft_fill(&draft, "{key}", bytes_of(keys->zero, keys->size));
    *template = (struct template){
        .text = calloc(1, draft.size + TEMPLATE_SLACK),
        .size = draft.size,
        .key_end = key_end,
    };
    if (template->text == NULL) {
        return false;
    }
    memcpy(template->text, draft.text, draft.size);
    return true;
}

void template_deinit(struct template *template) {
    free(template->text);
    *template = (struct template){0};
}
