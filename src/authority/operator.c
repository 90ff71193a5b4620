#include "authority/operator.h"

#include <openssl/pem.h>

#include "authority/hierarchy.h"
#include "authority/person.h"
#include "authority/schema.h"
#include "base/own.h"
#include "os/clock.h"
#include "pki/crypto.h"

#define DER_MAX ((size_t)64 * 1024)

/* One change of the list, as it is tried. */
struct change {
	struct span der;     /* of who is added; or nothing */
	const char *address; /* of who is removed */
	struct buf *ret;     /* the address of who was added */
};

static enum rc
add(struct sql *sql, const struct change *change, struct err *err)
{
	struct person person PERSON_OWNED = {0};
	int64_t now = clock_now();

	TRY(person_find(sql, change->der, now, &person, err));
	TRY(person_add_operator(sql, &person, now, err));
	buf_clear(change->ret);
	return buf_add_str(change->ret, person.address, err);
}

static enum rc
try(struct sql *sql, const struct change *change, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;

	TRY(sql_act_begin(sql, &act, err));
	if (change->address == NULL)
		TRY(add(sql, change, err));
	else
		TRY(person_remove_operator(
		    sql, change->address, clock_now(), err));
	return sql_act_commit(&act, err);
}

static enum rc
make(const char *folder, const struct change *change, struct err *err)
{
	struct settings settings SETTINGS_OWNED;
	struct sql *sql OWNED(sql_free) = NULL;
	unsigned tries = 0;
	enum rc rc;

	settings_init(&settings);
	TRY(settings_load(folder, &settings, err));
	TRY(schema_open(folder, &settings, &sql, err));
	do
		rc = try(sql, change, err);
	while (rc == RC_AGAIN && sql_again(&tries));
	return rc;
}

enum rc
operator_add(
    const char *folder, struct span pem, struct buf *address, struct err *err)
{
	BIO *in OWNED(BIO_free_all) = BIO_new_mem_buf(pem.data, (int)pem.len);
	X509 *cert OWNED(X509_free) =
	    in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	struct buf der BUF_OWNED = BUF(DER_MAX);

	if (cert == NULL) {
		(void)crypto_failed(err, "PEM");
		return err_set(err, RC_SYNTAX, "no certificate in PEM");
	}
	TRY(hierarchy_der(cert, &der, err));
	const struct change change = {.der = buf_span(&der), .ret = address};
	return make(folder, &change, err);
}

enum rc
operator_remove(const char *folder, const char *address, struct err *err)
{
	const struct change change = {.address = address};

	return make(folder, &change, err);
}
