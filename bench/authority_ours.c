/* What of an authority's work can be done without its server.
 *
 *   template   what is signed of a certificate for a mailbox is written, and
 *              looked at by all rules of authority/lint; not signed
 */
#include "authority/profile.h"

#include <openssl/ec.h>

#include "authority/signer.h"
#include "bench/worker.h"
#include "os/clock.h"
#include "pki/crypto.h"

#define NAME "Example"
#define URL "http://127.0.0.1:8080"

struct level {
	struct signer *signer;
	X509 *cert;
};

static struct level root, issuing;
static EVP_PKEY *person;
static uint8_t *person_info;
static int person_info_len;
static struct err err;

static void
need(enum rc rc, const char *what)
{
	if (rc != RC_OK)
		die("%s: %s", what, err.text);
}

static EVP_PKEY *
make_key(const char *curve)
{
	EVP_PKEY *key = EVP_EC_gen(curve);

	must(key != NULL, "key");
	return key;
}

static void
make_level(enum profile_kind kind, const char *curve, const struct level *above,
    struct level *ret)
{
	EVP_PKEY *key = make_key(curve);
	const struct profile_order order = {.kind = kind,
	    .public_key = key,
	    .name = NAME,
	    .organization = NAME,
	    .published_at = above != NULL ? URL : NULL,
	    .crl_parts = 1,
	    .now = clock_now()};

	need(signer_key(key, &ret->signer, &err), "signer");
	const struct profile_issuer issuer =
	    above != NULL ? (struct profile_issuer){above->cert, above->signer}
			  : (struct profile_issuer){NULL, ret->signer};
	need(profile_issue(&order, &issuer, &ret->cert, &err), "issuer");
	EVP_PKEY_free(key);
}

static void
make_levels(struct worker *worker)
{
	make_level(PROFILE_ROOT, "P-384", NULL, &root);
	make_level(PROFILE_MAIL_CA, "P-256", &root, &issuing);
	person = make_key("P-256");
	person_info_len = i2d_PUBKEY(person, &person_info);
	must(person_info_len > 0, "key");
}

static void
from_template(struct worker *worker)
{
	const struct profile_order order = {.kind = PROFILE_SIGNING,
	    .public_key = person,
	    .key_info = span_of(person_info, (size_t)person_info_len),
	    .address = "person1@example.org",
	    .published_at = URL,
	    .crl_parts = 1,
	    .now = clock_now()};
	const struct profile_issuer issuer = {issuing.cert, issuing.signer};

	need(profile_check(&order, &issuer, &err), "certificate");
}

static const struct job jobs[] = {
    {"template", make_levels, from_template},
    {NULL, NULL, NULL},
};

int
main(int argc, char **argv)
{
	return worker_main(argc, argv, jobs);
}
