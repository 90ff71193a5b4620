#include "cmd/authority_lint.h"

#include <stdio.h>

#include "authority/lint.h"
#include "base/own.h"
#include "cmd/options.h"
#include "os/file.h"
#include "pki/der.h"
#include "pki/pem.h"

#define FILE_MAX ((size_t)64 * 1024)

/* PEM or DER. */
static enum rc
read_certificate(const char *path, struct buf *der, struct err *err)
{
	struct buf bytes BUF_OWNED = BUF(FILE_MAX);
	struct pem_block block PEM_BLOCK_OWNED = {0};

	TRY(file_read(path, &bytes, err));
	if (bytes.len > 0 && bytes.data[0] == DER_SEQUENCE)
		return buf_add(der, buf_span(&bytes), err);
	BIO *in OWNED(BIO_free_all) =
	    BIO_new_mem_buf(bytes.data, (int)bytes.len);
	if (in == NULL)
		return err_nomem(err, "reading a certificate");
	enum rc rc = pem_block_next(in, &block, err);
	if (rc == RC_ABSENT || (rc == RC_OK && !pem_block_is_cert(&block)))
		return err_set(
		    err, RC_SYNTAX, "%s begins with no certificate", path);
	TRY(rc);
	return buf_add(der, span_of(block.data, (size_t)block.len), err);
}

static void
print_findings(const struct lint_findings *findings)
{
	for (size_t i = 0; i < findings->len; i++)
		printf("%s: %s (%s)\n", findings->rule[i]->id,
		    findings->rule[i]->text, findings->rule[i]->source);
}

static enum rc
lint(const char *path, const char *issuer, struct err *err)
{
	struct buf der BUF_OWNED = BUF(FILE_MAX);
	struct buf above BUF_OWNED = BUF(FILE_MAX);
	struct lint_wish wish = {0};
	struct lint_findings findings = {.len = 0};

	TRY(read_certificate(path, &der, err));
	if (issuer != NULL)
		TRY(read_certificate(issuer, &above, err));
	enum rc rc = lint_take(buf_span(&der), &wish, err);
	if (rc != RC_OK)
		return err_set(err, rc, "%s is no certificate", path);
	wish.issuer = buf_span(&above);
	rc = lint_check(&wish, &findings, err);
	print_findings(&findings);
	if (rc == RC_UNFIT)
		return err_set(err, RC_REFUSED, "%s breaks %zu rule%s", path,
		    findings.len, findings.len == 1 ? "" : "s");
	return rc;
}

enum rc
lint_command(int argc, char **argv, struct err *err)
{
	struct strlist words STRLIST_OWNED = STRLIST_NONE;
	const char *issuer = NULL;
	bool help = false;
	const struct option table[] = {
	    {"issuer", OPTION_TEXT, &issuer, "FILE",
		"the certificate of its CA: compares names, keys and times",
		false},
	    {"help", OPTION_FLAG, &help, NULL, "print this", false},
	    {0},
	};

	TRY(options_parse(argc - 1, argv + 1, table, &words, err));
	if (help) {
		printf(
		    "usage: letterlock-authority lint FILE [OPTION ...]\n\n");
		options_help(table);
		return RC_OK;
	}
	if (words.len != 1)
		return err_set(err, RC_SYNTAX,
		    "want lint FILE; see letterlock-authority lint --help");
	return lint(words.item[0], issuer, err);
}
