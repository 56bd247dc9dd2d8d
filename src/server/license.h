/* SPDX-License-Identifier: MIT
 *
 * license: the text that -i prints; the same as the file LICENSE.
 */
#ifndef RIPOSTE_SERVER_LICENSE_H
#define RIPOSTE_SERVER_LICENSE_H

extern const char license_text[];

#endif
