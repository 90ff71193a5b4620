/* cmd/recovery_copy -- all keys that open letters, in a file under a code.
 *
 * A PKCS#12 whose passphrase is the code as it is printed, with its hyphens, so
 * that any program opens it.  Signing keys are not in it: they never leave
 * their device.
 */
#ifndef CMD_RECOVERY_COPY_H
#define CMD_RECOVERY_COPY_H

#include "cmd/home.h"

struct recovery_options {
	struct home_options home;
	const char *code_file, *to, *from;
	struct strlist words;
};

/* Write it, read it back and open it; only then it counts (edge/rest_run). */
enum rc recovery_export(const struct recovery_options *o, struct err *err);
/* Take the keys up, on this device or a new one. */
enum rc recovery_import(const struct recovery_options *o, struct err *err);

/* cmd/recovery.c: the 16 bytes of the code in the file, or typed in. */
enum rc recovery_read_code(
    const struct recovery_options *o, struct buf *secret, struct err *err);

#endif
