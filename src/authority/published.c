#include "authority/published.h"

#include <stdlib.h>

#include <openssl/x509v3.h>

#include "codec/hex.h"
#include "pki/cert.h"
#include "pki/pointer.h"

#define PART_DIGITS_MAX 9 /* fits into any number of ours */

static enum rc
print_id(const ASN1_OCTET_STRING *key_id, char id[PUBLISHED_ID_LEN + 1],
    struct err *err)
{
	struct buf text BUF_OWNED = BUF_SMALL;

	if (key_id == NULL ||
	    ASN1_STRING_length(key_id) != PUBLISHED_ID_LEN / 2)
		return err_set(err, RC_UNFIT,
		    "a certificate without the key identifier that we make");
	TRY(hex_encode(
	    span_of(ASN1_STRING_get0_data(key_id), PUBLISHED_ID_LEN / 2), &text,
	    err));
	memcpy(id, text.data, PUBLISHED_ID_LEN);
	id[PUBLISHED_ID_LEN] = '\0';
	return RC_OK;
}

/* libcrypto fills what it remembers of a certificate when it is asked first:
 * that is not seen from outside. */
enum rc
published_id(const X509 *ca, char id[PUBLISHED_ID_LEN + 1], struct err *err)
{
	return print_id(
	    X509_get0_subject_key_id((X509 *)(uintptr_t)ca), id, err);
}

enum rc
published_issuer_id(
    const X509 *cert, char id[PUBLISHED_ID_LEN + 1], struct err *err)
{
	return print_id(
	    X509_get0_authority_key_id((X509 *)(uintptr_t)cert), id, err);
}

int64_t
published_part(struct span serial, int64_t parts)
{
	uint32_t last = 0;

	/* the end is random in serial numbers of every kind that we made */
	for (size_t i = serial.len > 4 ? serial.len - 4 : 0; i < serial.len;
	     i++)
		last = last << 8 | serial.data[i];
	return parts > 0 ? (int64_t)last % parts : 0;
}

enum rc
published_crl(const char *url, const char *id, int64_t part, struct buf *out,
    struct err *err)
{
	return buf_add_format(out, err, "%s" PUBLISHED_CRL "%s/%lld.crl", url,
	    id, (long long)part);
}

enum rc
published_ocsp(const char *url, struct buf *out, struct err *err)
{
	return buf_add_format(out, err, "%s" PUBLISHED_OCSP, url);
}

enum rc
published_ca(const char *url, const char *id, struct buf *out, struct err *err)
{
	return buf_add_format(out, err, "%s" PUBLISHED_CA "%s.cer", url, id);
}

/* Take an id off the beginning. */
static bool
take_id(struct span *rest, char id[PUBLISHED_ID_LEN + 1])
{
	static const char fine[] = "0123456789abcdef";

	if (rest->len < PUBLISHED_ID_LEN)
		return false;
	memcpy(id, rest->data, PUBLISHED_ID_LEN);
	id[PUBLISHED_ID_LEN] = '\0';
	*rest = span_after(*rest, PUBLISHED_ID_LEN);
	return strspn(id, fine) == PUBLISHED_ID_LEN;
}

/* Take digits without zeros before them: every list has one name. */
static bool
take_part(struct span *rest, int64_t *ret)
{
	int64_t part = 0;
	size_t len = 0;

	while (len < rest->len && rest->data[len] >= '0' &&
	       rest->data[len] <= '9' && len < PART_DIGITS_MAX)
		part = part * 10 + (rest->data[len++] - '0');
	if (len == 0 || (len > 1 && rest->data[0] == '0'))
		return false;
	*rest = span_after(*rest, len);
	*ret = part;
	return true;
}

static bool
take_text(struct span *rest, const char *text)
{
	if (!span_starts(*rest, text))
		return false;
	*rest = span_after(*rest, strlen(text));
	return true;
}

enum rc
published_read_crl(const char *path, char id[PUBLISHED_ID_LEN + 1],
    int64_t *ret_part, struct err *err)
{
	struct span rest = span_str(path);

	if (take_text(&rest, PUBLISHED_CRL) && take_id(&rest, id) &&
	    take_text(&rest, "/") && take_part(&rest, ret_part) &&
	    take_text(&rest, ".crl") && rest.len == 0)
		return RC_OK;
	return err_set(err, RC_ABSENT, "there is no such revocation list");
}

enum rc
published_read_ca(
    const char *path, char id[PUBLISHED_ID_LEN + 1], struct err *err)
{
	struct span rest = span_str(path);

	if (take_text(&rest, PUBLISHED_CA) && take_id(&rest, id) &&
	    take_text(&rest, ".cer") && rest.len == 0)
		return RC_OK;
	return err_set(err, RC_ABSENT, "there is no such certificate");
}

enum rc
published_part_of(X509 *cert, int64_t *ret, struct err *err)
{
	struct strlist urls STRLIST_OWNED = STRLIST_NONE;
	struct cert *parsed OWNED(cert_free) = NULL;
	char id[PUBLISHED_ID_LEN + 1];

	TRY(cert_from_x509(cert, &parsed, err));
	TRY(pointer_lists(parsed, &urls, err));
	for (size_t i = 0; i < urls.len; i++) {
		const char *path = strstr(urls.item[i], PUBLISHED_CRL);
		if (path != NULL &&
		    published_read_crl(path, id, ret, NULL) == RC_OK)
			return RC_OK;
	}
	return err_set(
	    err, RC_ABSENT, "the certificate names no revocation list");
}
