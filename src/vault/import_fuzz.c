/* Whatever is called a file of keys: all or nothing comes out of it, without
 * a passphrase and with one, and none of it keeps us busy. */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "vault/vault_priv.h"

#define WORK 20000 /* rounds */
#define PASS "x"

OWNER(struct vault, vault_free);

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static FILE *
open_seed(const char *folder, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "wb");
	if (file == NULL)
		abort();
	return file;
}

static void
write_pkcs12(
    const char *folder, const char *name, EVP_PKEY *key, int nid, int mac)
{
	FILE *file = open_seed(folder, name);
	PKCS12 *p12 =
	    PKCS12_create(PASS, "a", key, NULL, NULL, nid, nid, 1, mac, 0);

	if (p12 == NULL || !i2d_PKCS12_fp(file, p12))
		abort();
	PKCS12_free(p12);
	fclose(file);
}

static void
write_seeds(const char *folder)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *old = BIO_new_fp(open_seed(folder, "old-pem"), BIO_CLOSE);
	FILE *pkcs8 = open_seed(folder, "pkcs8");
	unsigned char pass[] = PASS;

	if (key == NULL ||
	    !PEM_write_bio_PrivateKey_traditional(
		old, key, EVP_aes_128_cbc(), pass, 1, NULL, NULL) ||
	    !i2d_PKCS8PrivateKey_nid_fp(pkcs8, key,
		NID_pbe_WithSHA1And3_Key_TripleDES_CBC, PASS, 1, NULL, NULL))
		abort();
	BIO_free(old);
	fclose(pkcs8);
	write_pkcs12(folder, "aes", key, NID_aes_256_cbc, 1);
	write_pkcs12(
	    folder, "3des", key, NID_pbe_WithSHA1And3_Key_TripleDES_CBC, -1);
	EVP_PKEY_free(key);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *folder = getenv("FUZZ_SEEDS");

	if (folder != NULL)
		write_seeds(folder);
	return 0;
}

static void
import(struct span file, const char *passphrase)
{
	struct vault *vault OWNED(vault_free) = NULL;
	struct certs certs CERTS_OWNED = CERTS_NONE;

	if (vault_new(&vault, NULL) != RC_OK)
		abort();
	enum rc rc = import_limited(
	    vault, file, span_str(passphrase), &certs, WORK, NULL);
	if ((rc == RC_OK) == (vault->len + certs.len == 0))
		bug("not all or nothing");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	import(span_of(data, len), "");
	import(span_of(data, len), PASS);
	return 0;
}
