#include "pki/ready.h"

#include <stdatomic.h>

EVP_PKEY_CTX *
ready_take(struct ready *ready, const void *what)
{
	EVP_PKEY_CTX *ctx = atomic_exchange(&ready->ctx, NULL);

	if (ctx == NULL || EVP_PKEY_CTX_get_app_data(ctx) == what)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

void
ready_give(struct ready *ready, const void *what, EVP_PKEY_CTX *ctx)
{
	EVP_PKEY_CTX_set_app_data(ctx, (void *)(uintptr_t)what);
	EVP_PKEY_CTX_free(atomic_exchange(&ready->ctx, ctx));
}

void
ready_done(struct ready *ready)
{
	EVP_PKEY_CTX_free(atomic_exchange(&ready->ctx, NULL));
}
