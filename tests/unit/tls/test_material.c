/* SPDX-License-Identifier: MIT
 *
 * Files of certificates: what can be read, what is said of what cannot, and when they are others.
 */
#include "material.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certificate.h"

TestSuite(material, .timeout = 60);

static char folder[CERTIFICATE_PATH_SIZE_MAX];
static char message[TLS_MESSAGE_SIZE_MAX];
static struct certificate own;
static struct tls_config config;
static struct material *material;

static void begin(void) {
    certificate_folder_make(folder);
    own = certificate_make(folder, "own", &(struct certificate_wish){.name = "a.test", .days = 30});
    config = (struct tls_config){.certificates = {{own.chain_path, own.key_path}}, .certificates_count = 1};
}

static void end(void) {
    certificate_folder_remove(folder);
}

static void expect_refused(int error, const char *text) {
    cr_expect_eq(material_read(&config, &material, message), error);
    cr_expect_not_null(strstr(message, text), "%s", message);
}

Test(material, holds_what_stands_in_the_files, .init = begin, .fini = end) {
    config.ca_path = own.chain_path;
    cr_assert_eq(material_read(&config, &material, message), 0);
    struct bytes chain = material_bytes(&material->chains[0]);
    cr_expect(chain.size > 27 && memcmp(chain.data, "-----BEGIN CERTIFICATE-----", 27) == 0);
    cr_expect_eq(material_bytes(&material->authorities).size, chain.size);
    material_free(material);
}

Test(material, says_which_file_is_missing, .init = begin, .fini = end) {
    config.certificates[0].key_path = "/nowhere/key.pem";
    expect_refused(-ENOENT, "ssl_key /nowhere/key.pem cannot be read: No such file or directory");
}

Test(material, takes_no_folder_no_empty_file_and_none_beyond_the_bound, .init = begin, .fini = end) {
    config.ca_path = folder;
    expect_refused(-EINVAL, "ssl_ca_cert");
    config.ca_path = own.chain_path;
    cr_assert_eq(truncate(own.chain_path, 0), 0);
    expect_refused(-ENODATA, "ssl_chain_cert");
    cr_assert_eq(truncate(own.chain_path, TLS_FILE_SIZE_MAX + 1), 0);
    expect_refused(-EFBIG, "ssl_chain_cert");
    cr_assert_eq(truncate(own.chain_path, TLS_FILE_SIZE_MAX), 0);
    cr_assert_eq(material_read(&config, &material, message), 0);
    material_free(material);
}

Test(material, notices_a_file_that_was_written_replaced_or_removed, .init = begin, .fini = end) {
    char moved[CERTIFICATE_PATH_SIZE_MAX + 8];
    snprintf(moved, sizeof(moved), "%s.new", own.key_path);
    cr_assert_eq(material_read(&config, &material, message), 0);
    cr_expect_not(material_changed(material));
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};
    cr_assert_eq(utimensat(AT_FDCWD, own.chain_path, times, 0), 0);
    cr_expect(material_changed(material));
    material_free(material);
    cr_assert_eq(material_read(&config, &material, message), 0);
    cr_expect_not(material_changed(material));
    cr_assert_eq(rename(own.key_path, moved), 0);
    cr_expect(material_changed(material), "gone");
    cr_assert_eq(rename(moved, own.key_path), 0);
    cr_expect_not(material_changed(material), "the same file again");
    material_free(material);
}
