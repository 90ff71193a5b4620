#include "cmd/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "codec/when.h"
#include "os/file.h"

enum rc
support_check_path(const char *path, struct err *err)
{
	if (strcmp(path, "-") == 0)
		return err_set(err, RC_SYNTAX,
		    "-: standard input is for something else here: name a "
		    "file");
	return RC_OK;
}

enum rc
support_of_option(const char *option, enum rc rc, struct err *err)
{
	return rc == RC_OK ? RC_OK : err_prefix(err, rc, "%s", option);
}

static enum rc
read_certs(
    const char *path, const char *name, struct certs *ret, struct err *err)
{
	struct buf bytes BUF_OWNED = BUF((size_t)4 << 20);
	size_t before = ret->len;

	TRY(file_read(path, &bytes, err));
	enum rc rc = certs_parse(ret, buf_span(&bytes), err);
	if (rc != RC_OK)
		return err_prefix(err, rc, "%s", name);
	if (ret->len == before)
		return err_set(err, RC_ABSENT,
		    "%s holds no certificate (PEM or DER)", name);
	return RC_OK;
}

enum rc
support_read_certs(const char *path, struct certs *ret, struct err *err)
{
	TRY(support_check_path(path, err));
	return read_certs(path, path, ret, err);
}

enum rc
support_read_input_certs(struct certs *ret, struct err *err)
{
	return read_certs("-", "standard input", ret, err);
}

enum rc
support_read_line(const char *path, struct buf *out, struct err *err)
{
	TRY(support_check_path(path, err));
	TRY(file_read(path, out, err));
	ptrdiff_t end = span_find_byte(buf_span(out), '\n');
	if (end >= 0)
		buf_cut(out, (size_t)end);
	if (out->len > 0 && out->data[out->len - 1] == '\r')
		buf_cut(out, out->len - 1);
	return RC_OK;
}

enum rc
support_read_identity(const char *id, const char *passphrase_file,
    struct identity_file *ret, struct err *err)
{
	struct buf passphrase BUF_OWNED = BUF_SECRET(4096);

	if (id == NULL)
		return RC_OK;
	if (passphrase_file != NULL)
		TRY(support_of_option("--passphrase-file",
		    support_read_line(passphrase_file, &passphrase, err), err));
	return support_of_option("--identity",
	    identity_load(id, buf_span(&passphrase), ret, err), err);
}

enum rc
support_parse_time(
    const char *option, const char *text, int64_t *ret, struct err *err)
{
	enum rc rc = when_parse(span_str(text), ret, err);

	return rc == RC_OK ? RC_OK : err_prefix(err, rc, "%s %s", option, text);
}

static enum rc
write_into(const char *path, struct span bytes, struct err *err)
{
	FILE *file = fopen(path, "we");
	bool good;

	if (file == NULL)
		return err_errno(err, "%s", path);
	good = fwrite(bytes.data, 1, bytes.len, file) == bytes.len;
	good = fclose(file) == 0 && good;
	return good ? RC_OK : err_errno(err, "%s", path);
}

enum rc
support_save(
    const char *path, struct span bytes, unsigned mode, struct err *err)
{
	char *target = realpath(path, NULL);
	struct stat old;

	if (target == NULL)
		return file_save(path, bytes, mode, err);
	bool is_file = stat(target, &old) == 0 && S_ISREG(old.st_mode);
	enum rc rc = is_file ? file_save(target, bytes, mode, err)
			     : write_into(target, bytes, err);
	free(target);
	return rc;
}

enum rc
support_write(struct span bytes, struct err *err)
{
	if (fwrite(bytes.data, 1, bytes.len, stdout) != bytes.len ||
	    fflush(stdout) != 0)
		return err_errno(err, "standard output");
	return RC_OK;
}
