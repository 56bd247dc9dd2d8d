/* SPDX-License-Identifier: MIT
 *
 * settings: the one or two settings that answers depend on, read from the lines of `stats settings`.
 */
#ifndef MEMCACHED_SETTINGS_H
#define MEMCACHED_SETTINGS_H

#include "service.h"

/*
 * True when the setting `name` has exactly this value; `otherwise` when nobody writes settings, or none of
 * that name.
 */
bool setting_is(const struct memcached_service *service, const char *name, const char *value, bool otherwise);

#endif
