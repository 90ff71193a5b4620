/* vault/importkit -- files that other programs write, in tests; for *_test.c
 * only. */
#ifndef VAULT_IMPORTKIT_PRIV_H
#define VAULT_IMPORTKIT_PRIV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/file.h"
#include "vault/vault_priv.h"

OWNER(struct vault, vault_free);

/* Commands run there, and files are read from there. */
static char folder[] = "/tmp/import_test.XXXXXX";

static inline bool
run(const char *command)
{
	char line[8000];

	(void)snprintf(
	    line, sizeof(line), "cd %s && { %s; } >log 2>&1", folder, command);
	/* NOLINTNEXTLINE(cert-env33-c): a command of the test itself */
	return system(line) == 0;
}

static inline void
must_run(const char *command)
{
	if (!run(command))
		fail_msg("failed: %s", command);
}

static inline enum rc
import(struct vault *vault, const char *name, const char *passphrase,
    struct certs *certs, struct err *err)
{
	char path[200];
	struct buf bytes BUF_OWNED = BUF_SMALL;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(file_read(path, &bytes, NULL), RC_OK);
	return vault_import(
	    vault, buf_span(&bytes), span_str(passphrase), certs, err);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define UMLAUTS              \
	"Gr\xc3\xbc\xc3\x9f" \
	"e aus K\xc3\xb6ln"
/* the same, each byte a character: what OpenSSL before 1.1 made of it */
#define UMLAUTS_TWICE                        \
	"Gr\xc3\x83\xc2\xbc\xc3\x83\xc2\x9f" \
	"e aus K\xc3\x83\xc2\xb6ln"
#define UMLAUTS_LATIN1 \
	"Gr\xfc\xdf"   \
	"e aus K\xf6ln"
#define EURO "\xe2\x82\xac 5, \xf0\x9f\x98\x80"
#define EXPORT "openssl pkcs12 -export -inkey sign.key -in sign.crt -out f "

struct sample {
	const char *name, *command, *passphrase;
	size_t keys, certs;
};

static inline void
expect_read(const struct sample *sample)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct certs certs CERTS_OWNED = CERTS_NONE;
	struct err err = ERR_NONE;

	must_run(sample->command);
	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	enum rc rc = import(vault, "f", sample->passphrase, &certs, &err);
	if (rc != RC_OK || vault->len != sample->keys ||
	    certs.len != sample->certs)
		fail_msg("%s: got %s (%s), %zu keys, %zu certificates",
		    sample->name, rc_name(rc), err.text, vault->len, certs.len);
}

/* And with another passphrase it is not. */
static inline void
expect_refused(const struct sample *sample)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct certs certs CERTS_OWNED = CERTS_NONE;
	struct err err = ERR_NONE;

	assert_int_equal(vault_new(&vault, NULL), RC_OK);
	enum rc rc = import(vault, "f", "wrong", &certs, &err);
	if (rc != RC_REFUSED || strcmp(err.text, "wrong passphrase") != 0 ||
	    vault->len + certs.len != 0)
		fail_msg(
		    "%s: got %s (%s)", sample->name, rc_name(rc), err.text);
}

static inline void
expect_samples(const struct sample *samples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		expect_read(&samples[i]);
		if (samples[i].passphrase[0] != '\0')
			expect_refused(&samples[i]);
	}
}

static inline void
need(const char *program)
{
	char command[100];

	(void)snprintf(command, sizeof(command), "command -v %s", program);
	if (!run(command))
		skip();
}

/* ---- once: sign.key, mail.key with certificates of root.crt; other.key ---- */

#define NEW_KEY                                   \
	"openssl genpkey -algorithm EC -pkeyopt " \
	"ec_paramgen_curve:P-256 -out "
#define ISSUE(name, usage)                                                     \
	NEW_KEY name                                                           \
	    ".key && "                                                         \
	    "openssl req -new -key " name ".key -subj /CN=" name               \
	    " -out csr && "                                                    \
	    "printf 'keyUsage=" usage "\\nextendedKeyUsage=emailProtection\\n" \
	    "subjectAltName=email:alice@example.org\\n' >ext && "              \
	    "openssl x509 -req -in csr -CA root.crt -CAkey root.key -days 30 " \
	    "-extfile ext -out " name ".crt"

static inline int
kit_begin(void **state)
{
	if (mkdtemp(folder) == NULL)
		return -1;
	must_run(NEW_KEY "root.key && openssl req -x509 -key root.key "
			 "-subj /CN=Root -days 30 -out root.crt");
	must_run(ISSUE("sign", "digitalSignature"));
	must_run(ISSUE("mail", "keyAgreement"));
	must_run(NEW_KEY "other.key");
	return 0;
}

static inline int
kit_end(void **state)
{
	char line[200];

	(void)snprintf(line, sizeof(line), "rm -r %s", folder);
	/* NOLINTNEXTLINE(cert-env33-c): a command of the test itself */
	return system(line);
}

#endif
