/* bench/people -- Alice, who signs, and Bob, who reads, from PEM files. */
#ifndef BENCH_PEOPLE_H
#define BENCH_PEOPLE_H

#include <openssl/x509.h>

struct people {
	X509 *alice, *bob;
	EVP_PKEY *alice_key, *bob_key;
};

/* Or die(). */
void people_load(struct people *people, const char *folder);

#endif
