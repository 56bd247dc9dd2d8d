/* SPDX-License-Identifier: MIT
 *
 * media: a table of endings. Texts say their character set: without it a browser guesses.
 */
#include "media.h"

#include "parse/text.h"

static const struct {
    char ending[12];
    const char *type;
} types[] = {
    {"html", "text/html; charset=utf-8"},
    {"htm", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"webmanifest", "application/manifest+json"},
    {"txt", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"xml", "text/xml; charset=utf-8"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"ico", "image/x-icon"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"ttf", "font/ttf"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"wasm", "application/wasm"},
    {"mp3", "audio/mpeg"},
    {"ogg", "audio/ogg"},
    {"wav", "audio/wav"},
    {"mp4", "video/mp4"},
    {"webm", "video/webm"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
    {"tar", "application/x-tar"},
};

/* What comes behind the last point; empty when there is none, or it begins the name. */
static struct bytes ending_of(struct bytes path) {
    size_t at = path.size;
    while (at > 0 && path.data[at - 1] != '.' && path.data[at - 1] != '/') {
        at--;
    }
    bool has_point = at > 1 && path.data[at - 1] == '.' && path.data[at - 2] != '/';
    return has_point ? bytes_of(path.data + at, path.size - at) : bytes_of(NULL, 0);
}

struct bytes http_media_type(struct bytes path) {
    struct bytes ending = ending_of(path);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (http_text_equal(ending, types[i].ending)) {
            return bytes_from_string(types[i].type);
        }
    }
    return bytes_from_string("application/octet-stream");
}
