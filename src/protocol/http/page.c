/* SPDX-License-Identifier: MIT
 *
 * page: three files and their answers. The files become part of the program when it is built: the assembler copies them into its
 * read-only data, between two labels each. The Makefile knows that this object is made from them.
 */
#include "page.h"

#include "answer.h"
#include "riposte/check.h"

#define PAGE_FILE(name, path)                                                                                \
    __asm__(".section .rodata\n"                                                                             \
            "http_page_" #name ": .incbin \"src/protocol/http/page/" path "\"\n"                             \
            "http_page_" #name "_end: .byte 0\n"                                                             \
            ".text\n");                                                                                      \
    extern const char http_page_##name[];                                                                    \
    extern const char http_page_##name##_end[];

PAGE_FILE(html, "page.html")
PAGE_FILE(css, "page.css")
PAGE_FILE(js, "page.js")

static const struct page_file {
    const char *path;
    const char *type;
    const char *begin;
    const char *end;
} files[] = {
    {"/", "text/html; charset=utf-8", http_page_html, http_page_html_end},
    {"/page.css", "text/css; charset=utf-8", http_page_css, http_page_css_end},
    {"/page.js", "text/javascript; charset=utf-8", http_page_js, http_page_js_end},
};
enum { FILES_COUNT = sizeof(files) / sizeof(files[0]) };

/* At /riposte/ in any case; at / where no files are. */
static const struct page_file *page_find(const struct http_call *call, struct bytes path) {
    static const char prefix[] = "/riposte";
    const size_t prefix_size = sizeof(prefix) - 1;
    if (path.size > prefix_size && memcmp(path.data, prefix, prefix_size) == 0) {
        path = bytes_of(path.data + prefix_size, path.size - prefix_size);
    } else if (call->worker->service->files != NULL && !http_endpoint_is_admin(call->endpoint)) {
        return NULL;
    }
    for (unsigned i = 0; i < FILES_COUNT; i++) {
        if (bytes_equal_string(path, files[i].path)) {
            return &files[i];
        }
    }
    return NULL;
}

bool http_page_is(const struct http_call *call, struct bytes path) {
    return page_find(call, path) != NULL;
}

/* The program's own memory needs no release. */
static void page_release(void *owner) {
    (void)owner;
}

void http_page(struct http_call *call, const struct http_request *request) {
    const struct page_file *file = page_find(call, request->target.path);
    assert(file != NULL);
    struct bytes body = bytes_of(file->begin, (size_t)(file->end - file->begin));
    const struct http_answer answer = {
        .status = HTTP_STATUS_OK,
        .type = bytes_from_string(file->type),
        .size = body.size,
        /* Nothing but these files runs or is drawn, nothing is sent elsewhere, no other page may frame it. */
        .fields = bytes_from_string(
            "Cache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
            "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
            "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'\r\n"),
    };
    size_t head_size;
    http_answer_head(call, &request->exchange, &answer, 0, &head_size);
    reply_commit(call->reply, head_size);
    if (!request->exchange.head_only) {
        reply_pin(call->reply, body, page_release, NULL);
    }
    http_answer_end(call, &request->exchange, answer.status);
}
