#include "cms/smime.h"

#include <stdlib.h>

#include <openssl/objects.h>

#include "cms/digest_priv.h"
#include "cms/shape_priv.h"
#include "cms/smime_priv.h"
#include "codec/base64.h"
#include "mime/transfer.h"

/* Enough of a CMS to see its content type. */
#define PEEK_DER 64
#define PEEK_STEP 96
#define BOUNDARY_MAX 70 /* RFC 2046 section 5.1.1 */

static bool
is_mail_type(const struct entity *entity, const char *sub, const char *old)
{
	return entity_is(entity, "application", sub) ||
	       entity_is(entity, "application", old);
}

bool
smime_is_signature(const struct entity *entity)
{
	return is_mail_type(entity, "pkcs7-signature", "x-pkcs7-signature");
}

static bool
ends_nocase(const char *text, const char *end)
{
	size_t len = strlen(text), tail = strlen(end);

	return len >= tail &&
	       span_is_nocase(span_of(text + len - tail, tail), end);
}

static bool
is_mail_name(const char *name)
{
	return name != NULL &&
	       (ends_nocase(name, ".p7m") || ends_nocase(name, ".p7z") ||
		   ends_nocase(name, ".p7c"));
}

/* RFC 8551 section 3.10: octet-stream with such a name counts as well. */
static bool
has_mail_name(const struct entity *entity)
{
	struct content disposition CONTENT_OWNED = CONTENT_NONE;

	if (is_mail_name(content_param(&entity->type, "name")))
		return true;
	struct span value =
	    fields_value(&entity->fields, "Content-Disposition");
	if (value.len == 0 || content_parse(value, &disposition, NULL) != RC_OK)
		return false;
	return is_mail_name(content_param(&disposition, "filename"));
}

bool
smime_is_cms(const struct entity *entity)
{
	if (is_mail_type(entity, "pkcs7-mime", "x-pkcs7-mime"))
		return true;
	return entity_is(entity, "application", "octet-stream") &&
	       has_mail_name(entity);
}

/* Decode `body` in pieces of `size`, to PEEK_DER bytes, to its end or to what
 * is of no such encoding.  False: it is the last. */
static bool
peek(enum entity_encoding encoding, struct span body, size_t size,
    struct buf *der)
{
	struct transfer transfer;

	transfer_init(&transfer, encoding);
	for (; body.len > 0 && der->len < PEEK_DER;
	     body = span_after(body, size))
		if (transfer_read(
			&transfer, span_first(body, size), der, NULL) != RC_OK)
			return false;
	return true;
}

/* The type is in the first bytes: a letter of 25 MB need not be decoded
 * twice to learn it.  What stands before bytes that are of no such encoding
 * counts, however they come: to find those it goes byte by byte. */
static int
content_nid(const struct entity *entity, struct span body)
{
	struct buf der BUF_OWNED = BUF(PEEK_DER + PEEK_STEP);

	body = span_first(body, SMIME_PEEK_BODY);
	if (!peek(entity->encoding, body, PEEK_STEP, &der)) {
		buf_clear(&der);
		(void)peek(entity->encoding, body, 1, &der);
	}
	return shape_content_nid(buf_span(&der));
}

static enum smime_kind
kind_of_nid(int nid)
{
	switch (nid) {
	case NID_pkcs7_signed:
		return SMIME_OPAQUE;
	case NID_pkcs7_enveloped:
		return SMIME_ENVELOPED;
	case NID_id_smime_ct_authEnvelopedData:
		return SMIME_AUTH_ENVELOPED;
	case NID_id_smime_ct_compressedData:
		return SMIME_COMPRESSED;
	default:
		return SMIME_OTHER;
	}
}

enum smime_kind
smime_peek(const struct entity *entity, struct span body)
{
	enum smime_kind kind = kind_of_nid(content_nid(entity, body));

	/* an octet-stream that only has the name is an attachment */
	if (kind == SMIME_OTHER &&
	    entity_is(entity, "application", "octet-stream"))
		return SMIME_NONE;
	return kind;
}

/* certs-only: a SignedData that signs nothing (RFC 8551 section 3.8). */
static bool
signs_nothing(const struct entity *entity)
{
	struct buf der BUF_OWNED = BUF_SECRET(SHAPE_MAX);
	void *value = NULL;

	if (entity_decode(entity, &der, NULL) != RC_OK ||
	    shape_parse_outer(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), buf_span(&der),
		"SignedData", &value, NULL) != RC_OK)
		return false;
	struct shape_signed_info *info OWNED(shape_signed_info_free) = value;
	return OPENSSL_sk_num(info->body->signers) == 0;
}

bool
smime_names_protocol(const struct entity *entity)
{
	const char *protocol = content_param(&entity->type, "protocol");

	return protocol != NULL && (span_is_nocase(span_str(protocol),
					"application/pkcs7-signature") ||
				       span_is_nocase(span_str(protocol),
					   "application/x-pkcs7-signature"));
}

static bool
is_clear_signed(const struct entity *entity)
{
	const struct entity *first = entity->child;

	if (!entity_is(entity, "multipart", "signed"))
		return false;
	return smime_names_protocol(entity) ||
	       (first != NULL && first->next != NULL &&
		   smime_is_signature(first->next));
}

enum smime_kind
smime_kind_of(const struct entity *entity)
{
	if (is_clear_signed(entity))
		return SMIME_SIGNED;
	if (!smime_is_cms(entity))
		return SMIME_NONE;
	enum smime_kind kind = smime_peek(entity, entity->body);
	if (kind != SMIME_OPAQUE || !signs_nothing(entity))
		return kind;
	return entity_is(entity, "application", "octet-stream") ? SMIME_NONE
								: SMIME_OTHER;
}

enum rc
smime_check_parts(
    bool malformed, size_t parts, bool second_is_signature, struct err *err)
{
	if (malformed)
		return err_set(
		    err, RC_SYNTAX, "no well-formed multipart/signed");
	if (parts != 2)
		return err_set(err, RC_SYNTAX,
		    "a multipart/signed must have two parts, this one has %zu",
		    parts);
	if (!second_is_signature)
		return err_set(err, RC_SYNTAX,
		    "the second part of the multipart/signed is no "
		    "application/pkcs7-signature");
	return RC_OK;
}

static const char *
name_of_digest(const X509_ALGOR *algorithm)
{
	struct buf der BUF_OWNED = BUF_SMALL;
	struct algorithm found;

	if (shape_print(ASN1_ITEM_rptr(X509_ALGOR), algorithm, &der, NULL) !=
	    RC_OK)
		return NULL;
	struct span in = buf_span(&der);
	return algorithm_read(&in, &found, NULL) == RC_OK
		   ? digest_micalg(digest_find(&found))
		   : NULL;
}

/* micalg comes from the signature itself, so that the two cannot differ. */
static enum rc
find_micalg(struct span der, const char **ret, struct err *err)
{
	void *value = NULL;

	TRY(shape_parse(
	    ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), der, "signature", &value, err));
	struct shape_signed_info *info OWNED(shape_signed_info_free) = value;
	const X509_ALGOR *first =
	    sk_X509_ALGOR_value(info->body->digest_algorithms, 0);
	*ret = first == NULL ? NULL : name_of_digest(first);
	if (*ret == NULL)
		return err_set(
		    err, RC_UNFIT, "the signature's digest has no micalg");
	return RC_OK;
}

enum rc
smime_check_boundary(const char *boundary, struct err *err)
{
	size_t len = strlen(boundary);

	if (len == 0 || len > BOUNDARY_MAX ||
	    strspn(boundary,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789-_=.+") != len)
		return err_set(err, RC_UNFIT, "no usable MIME boundary");
	return RC_OK;
}

static enum rc
check_boundary(struct span entity, const char *boundary, struct err *err)
{
	TRY(smime_check_boundary(boundary, err));
	if (span_find(entity, span_str(boundary)) >= 0)
		return err_set(err, RC_UNFIT,
		    "the MIME boundary occurs in the letter: take another");
	return RC_OK;
}

enum rc
smime_print_signed_head(
    const char *micalg, const char *boundary, struct buf *out, struct err *err)
{
	/* RFC 2045 section 5.1: a list has a comma, which no token has */
	const char *quote = strchr(micalg, ',') == NULL ? "" : "\"";

	return buf_add_format(out, err,
	    "Content-Type: multipart/signed;\r\n"
	    " protocol=\"application/pkcs7-signature\"; micalg=%s%s%s;\r\n"
	    " boundary=\"%s\"\r\n\r\n--%s\r\n",
	    quote, micalg, quote, boundary, boundary);
}

enum rc
smime_print_signed_tail(struct span signature_der, const char *boundary,
    struct buf *out, struct err *err)
{
	TRY(buf_add_format(out, err,
	    "\r\n--%s\r\n"
	    "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n",
	    boundary));
	TRY(base64_encode(signature_der, SMIME_LINE, out, err));
	return buf_add_format(out, err, "\r\n--%s--\r\n", boundary);
}

static enum rc
print_signed(struct span entity, struct span der, const char *boundary,
    struct buf *out, struct err *err)
{
	const char *micalg = NULL;

	TRY(find_micalg(der, &micalg, err));
	TRY(smime_print_signed_head(micalg, boundary, out, err));
	TRY(buf_add(out, entity, err));
	return smime_print_signed_tail(der, boundary, out, err);
}

enum rc
smime_print_signed(struct span entity, struct span signature_der,
    const char *boundary, struct buf *out, struct err *err)
{
	size_t before = out->len;

	TRY(check_boundary(entity, boundary, err));
	enum rc rc = print_signed(entity, signature_der, boundary, out, err);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}

static const char *
type_of(enum smime_kind kind)
{
	switch (kind) {
	case SMIME_OPAQUE:
		return "signed-data";
	case SMIME_ENVELOPED:
		return "enveloped-data";
	case SMIME_AUTH_ENVELOPED:
		return "authEnveloped-data";
	case SMIME_NONE:
	case SMIME_SIGNED:
	case SMIME_COMPRESSED:
	case SMIME_OTHER:
		break;
	}
	bug("smime_print: no kind of pkcs7-mime");
}

enum rc
smime_print_head(enum smime_kind kind, struct buf *out, struct err *err)
{
	return buf_add_format(out, err,
	    "Content-Type: application/pkcs7-mime; smime-type=%s;\r\n"
	    " name=\"smime.p7m\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\r\n",
	    type_of(kind));
}

enum rc
smime_print(
    enum smime_kind kind, struct span der, struct buf *out, struct err *err)
{
	size_t before = out->len;

	enum rc rc = smime_print_head(kind, out, err);
	if (rc == RC_OK)
		rc = base64_encode(der, SMIME_LINE, out, err);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}
