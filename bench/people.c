#include "bench/people.h"

#include <stdio.h>

#include <openssl/pem.h>

#include "bench/worker.h"

static BIO *
open_one(const char *folder, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	BIO *file = BIO_new_file(path, "r");
	must(file != NULL, path);
	return file;
}

static X509 *
load_cert(const char *folder, const char *name)
{
	BIO *file = open_one(folder, name);
	X509 *cert = PEM_read_bio_X509(file, NULL, NULL, NULL);

	must(cert != NULL, name);
	BIO_free(file);
	return cert;
}

static EVP_PKEY *
load_key(const char *folder, const char *name)
{
	BIO *file = open_one(folder, name);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(file, NULL, NULL, NULL);

	must(key != NULL, name);
	BIO_free(file);
	return key;
}

void
people_load(struct people *people, const char *folder)
{
	people->alice = load_cert(folder, "alice.crt");
	people->alice_key = load_key(folder, "alice.key");
	people->bob = load_cert(folder, "bob.crt");
	people->bob_key = load_key(folder, "bob.key");
}
