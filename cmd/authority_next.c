#include "cmd/authority_next.h"

#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>

#include "authority/hierarchy.h"
#include "base/own.h"
#include "codec/base64.h"
#include "os/file.h"
#include "pki/crypto.h"

#define PEM_MAX ((size_t)256 * 1024)
#define SPKI_MAX ((size_t)8 * 1024)
#define TXT_STRING 255     /* RFC 1035 section 3.3.14: <character-string> */
#define DKIM_BITS_MIN 1024 /* RFC 8301 section 3.2 */

static enum rc
read_key(const struct settings *settings, EVP_PKEY **ret, struct err *err)
{
	struct buf pem BUF_OWNED = BUF_SECRET(PEM_MAX);

	enum rc rc = file_read(settings->dkim_key, &pem, err);
	if (rc != RC_OK)
		return err_prefix(err, rc, "--dkim-key");
	BIO *bio OWNED(BIO_free_all) = BIO_new_mem_buf(pem.data, (int)pem.len);
	EVP_PKEY *key OWNED(EVP_PKEY_free) =
	    bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, NULL, "") : NULL;
	if (key == NULL || !EVP_PKEY_is_a(key, "RSA") ||
	    EVP_PKEY_get_bits(key) < DKIM_BITS_MIN)
		return err_set(err, RC_UNFIT,
		    "--dkim-key %s: want an RSA key of %d bits or more, PEM, "
		    "without a passphrase",
		    settings->dkim_key, DKIM_BITS_MIN);
	*ret = take(key);
	return RC_OK;
}

static enum rc
add_strings(struct span text, struct buf *out, struct err *err)
{
	while (text.len > 0) {
		struct span part = span_first(text, TXT_STRING);
		TRY(buf_add_format(out, err, "%s\"%.*s\"",
		    out->len > 0 ? " " : "", SPAN_ARGS(part)));
		text = span_after(text, part.len);
	}
	return RC_OK;
}

enum rc
authority_next_dkim(
    const struct settings *settings, struct buf *out, struct err *err)
{
	struct buf text BUF_OWNED = BUF(2 * SPKI_MAX);
	EVP_PKEY *key OWNED(EVP_PKEY_free) = NULL;
	uint8_t der[SPKI_MAX], *at = der;

	TRY(read_key(settings, &key, err));
	int len = i2d_PUBKEY(key, NULL);
	if (len <= 0 || (size_t)len > sizeof(der) || i2d_PUBKEY(key, &at) < 0)
		return crypto_failed(err, "DKIM key");
	TRY(buf_add_str(&text, "v=DKIM1; k=rsa; p=", err));
	TRY(base64_encode(span_of(der, (size_t)len), 0, &text, err));
	return add_strings(buf_span(&text), out, err);
}

static void
print_secrets(const struct settings *settings)
{
	printf("2. Keep a copy of ");
	if (settings->passphrase_file != NULL)
		printf("%s", settings->passphrase_file);
	else if (settings->pkcs11 == NULL)
		printf("the systemd credential authority-passphrase");
	else if (settings->pin_file != NULL)
		printf("%s", settings->pin_file);
	else
		printf("the systemd credential authority-pin");
	printf(" elsewhere:\n"
	       "   without it nobody can use the keys again, and no backup has "
	       "it.\n");
}

static void
print_offline(const struct authority_next *next)
{
	const char *offline = next->offline;

	if (offline != NULL && strcmp(offline, AUTHORITY_NEXT_FILES) != 0)
		printf("3. Lock away the token with the keys of the root and "
		       "the timestamping CA.\n");
	else if (next->settings->pkcs11 != NULL && offline == NULL)
		printf("3. The keys of the root and the timestamping CA are in "
		       "the same token, where\n   whoever has this machine "
		       "can use them; --offline-pkcs11 puts them elsewhere.\n");
	else
		printf("3. Keep %s/root.key and tsa-ca.key elsewhere, "
		       "offline; they are not\n   needed to run.\n",
		    next->folder);
}

/* Behind "https://", without a port. */
static struct span
host_of(const char *url)
{
	const char *host = strstr(url, "//");

	host = host != NULL ? host + 2 : url;
	/* an IPv6 address has colons of its own */
	size_t len =
	    host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	return span_of((const uint8_t *)host, len);
}

static void
print_dns(const struct authority_next *next)
{
	const struct settings *settings = next->settings;
	struct span host = host_of(settings->url);

	printf("4. In the DNS: %.*s has the address of %s;\n"
	       "   the MX of %s leads to %s, on port 25; and\n"
	       "   %s._domainkey.%s. IN TXT ( %.*s )\n",
	    SPAN_ARGS(host), settings->listen, settings->domain,
	    settings->mx_listen, settings->dkim_selector, settings->domain,
	    SPAN_ARGS(next->dkim_text));
	printf("5. Let everybody reach %s, which stands in every\n"
	       "   certificate: it is at %s.\n",
	    settings->http_url, settings->http_listen);
	printf("6. Have %s relay letters from %s\n   without a login.\n",
	    settings->smarthost,
	    settings->send_from != NULL ? settings->send_from : "this machine");
}

static void
print_later(const char *folder)
{
	printf("8. When the first people have certificates, make two or more "
	       "of them operators, who\n   decide where a device is lost: "
	       "letterlock-authority operator add %s --certificate FILE\n"
	       "   and \"desk_listen\" in %s/authority.json.\n"
	       "9. Now and then letterlock-authority backup %s TO, and "
	       "audit verify %s;\n"
	       "   once a year, with the keys of step 3, lists %s.\n",
	    folder, folder, folder, folder, folder);
}

void
authority_next_print(const struct authority_next *next)
{
	const struct settings *settings = next->settings;

	printf("The authority for %s is in %s.\n\n"
	       "Next:\n"
	       "1. Copy %s/root.pem to those who shall trust it.\n",
	    settings->domain, next->folder, next->folder);
	print_secrets(settings);
	print_offline(next);
	print_dns(next);
	printf("7. letterlock-authority run %s\n"
	       "   It stamps while the kernel says that something keeps the "
	       "clock right; where the\n   kernel cannot know: \"clock\": "
	       "\"trusted\" in %s/authority.json.\n",
	    next->folder, next->folder);
	print_later(next->folder);
}
