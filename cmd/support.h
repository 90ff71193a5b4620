/* cmd/support -- what several commands do alike. */
#ifndef CMD_SUPPORT_H
#define CMD_SUPPORT_H

#include "pki/cert.h"
#include "vault/identity.h"

/* Add the certificates of a PEM or DER file; RC_ABSENT if there are none in
 * it. */
enum rc support_read_certs(
    const char *path, struct certs *ret, struct err *err);
/* The same of standard input. */
enum rc support_read_input_certs(struct certs *ret, struct err *err);

/* RC_SYNTAX: `path` is "-", and standard input has something else. */
enum rc support_check_path(const char *path, struct err *err);

/* What reading the value of an option came to: an error names the option too. */
enum rc support_of_option(const char *option, enum rc rc, struct err *err);

/* The first line of a file, without its line end; `out` must be secret. */
enum rc support_read_line(const char *path, struct buf *out, struct err *err);

/* The identity ID with the passphrase in a file; both may be NULL. */
enum rc support_read_identity(const char *id, const char *passphrase_file,
    struct identity_file *ret, struct err *err);

/* The value of --at. */
enum rc support_parse_time(
    const char *option, const char *text, int64_t *ret, struct err *err);

/* Into the file that a person names: replaced as a whole, also behind a link;
 * a device or pipe is written to. */
enum rc support_save(
    const char *path, struct span bytes, unsigned mode, struct err *err);

/* All of it to standard output, or RC_IO. */
enum rc support_write(struct span bytes, struct err *err);

#endif
