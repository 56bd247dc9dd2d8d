/* SPDX-License-Identifier: MIT
 *
 * media: the media type of a file by the ending of its name.
 */
#ifndef HTTP_MEDIA_H
#define HTTP_MEDIA_H

#include "riposte/bytes.h"

/* For what comes behind the last point of the last part of `path`; "application/octet-stream" for any other. */
struct bytes http_media_type(struct bytes path);

#endif
