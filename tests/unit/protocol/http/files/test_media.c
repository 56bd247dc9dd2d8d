/* SPDX-License-Identifier: MIT
 *
 * media: types by the ending of a name.
 */
#include <criterion/criterion.h>

#include "media.h"

Test(http_media, goes_by_what_is_behind_the_last_point_of_the_name) {
    static const struct {
        const char *path;
        const char *type;
    } rows[] = {
        {"/index.html", "text/html; charset=utf-8"},
        {"a.HTML", "text/html; charset=utf-8"},
        {"/a.b/c.js", "text/javascript; charset=utf-8"},
        {"/x.tar.gz", "application/gzip"},
        {"/x.woff2", "font/woff2"},
        {"/a.html/b", "application/octet-stream"},
        {"/html", "application/octet-stream"},
        {"/.html", "application/octet-stream"},
        {".html", "application/octet-stream"},
        {"/a.", "application/octet-stream"},
        {"", "application/octet-stream"},
        {"/a.unknown", "application/octet-stream"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert(bytes_equal_string(http_media_type(bytes_from_string(rows[i].path)), rows[i].type), "%s",
                  rows[i].path);
    }
}
