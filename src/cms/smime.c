#include "cms/smime.h"

#include <stdlib.h>

#include <openssl/objects.h>

#include "cms/digest_priv.h"
#include "cms/shape_priv.h"
#include "codec/base64.h"

/* Enough of a CMS to see its content type, in base64 characters. */
#define PEEK_CHARS 64
#define PEEK_BODY 4096
#define LINE 76
#define BOUNDARY_MAX 70 /* RFC 2046 section 5.1.1 */

static bool
is_mail_type(const struct entity *entity, const char *sub, const char *old)
{
	return entity_is(entity, "application", sub) ||
	       entity_is(entity, "application", old);
}

static bool
is_signature(const struct entity *entity)
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

static bool
is_cms(const struct entity *entity)
{
	if (is_mail_type(entity, "pkcs7-mime", "x-pkcs7-mime"))
		return true;
	return entity_is(entity, "application", "octet-stream") &&
	       has_mail_name(entity);
}

static bool
is_base64_char(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* The type is in the first bytes: a letter of 25 MB need not be decoded
 * twice to learn it. */
static int
peek_base64(struct span body)
{
	uint8_t chars[PEEK_CHARS];
	size_t len = 0;
	struct buf der BUF_OWNED = BUF_SMALL;

	for (size_t i = 0; i < body.len && i < PEEK_BODY && len < sizeof(chars);
	     i++) {
		if (is_base64_char(body.data[i]))
			chars[len++] = body.data[i];
	}
	len -= len % 4;
	if (base64_decode(span_of(chars, len), &der, NULL) != RC_OK)
		return NID_undef;
	return shape_content_nid(buf_span(&der));
}

static int
content_nid(const struct entity *entity)
{
	struct buf der BUF_OWNED = BUF(SHAPE_MAX);

	if (entity->encoding == ENCODING_BASE64)
		return peek_base64(entity->body);
	if (entity_decode(entity, &der, NULL) != RC_OK)
		return NID_undef;
	return shape_content_nid(buf_span(&der));
}

/* certs-only: a SignedData that signs nothing (RFC 8551 section 3.8). */
static bool
signs_nothing(const struct entity *entity)
{
	struct buf der BUF_OWNED = BUF(SHAPE_MAX);
	void *value = NULL;

	if (entity_decode(entity, &der, NULL) != RC_OK ||
	    shape_parse_outer(ASN1_ITEM_rptr(SHAPE_SIGNED_INFO), buf_span(&der),
		"SignedData", &value, NULL) != RC_OK)
		return false;
	struct shape_signed_info *info OWNED(shape_signed_info_free) = value;
	return OPENSSL_sk_num(info->body->signers) == 0;
}

static enum smime_kind
kind_of_cms(const struct entity *entity)
{
	switch (content_nid(entity)) {
	case NID_pkcs7_signed:
		return signs_nothing(entity) ? SMIME_OTHER : SMIME_OPAQUE;
	case NID_pkcs7_enveloped:
		return SMIME_ENVELOPED;
	case NID_id_smime_ct_authEnvelopedData:
		return SMIME_AUTH_ENVELOPED;
	default:
		return SMIME_OTHER;
	}
}

static bool
is_clear_signed(const struct entity *entity)
{
	if (!entity_is(entity, "multipart", "signed"))
		return false;
	const char *protocol = content_param(&entity->type, "protocol");
	if (protocol != NULL && (span_is_nocase(span_str(protocol),
				     "application/pkcs7-signature") ||
				    span_is_nocase(span_str(protocol),
					"application/x-pkcs7-signature")))
		return true;
	const struct entity *first = entity->child;
	return first != NULL && first->next != NULL &&
	       is_signature(first->next);
}

enum smime_kind
smime_kind_of(const struct entity *entity)
{
	if (is_clear_signed(entity))
		return SMIME_SIGNED;
	if (!is_cms(entity))
		return SMIME_NONE;
	enum smime_kind kind = kind_of_cms(entity);
	/* an octet-stream that only has the name is an attachment */
	if (kind == SMIME_OTHER &&
	    entity_is(entity, "application", "octet-stream"))
		return SMIME_NONE;
	return kind;
}

enum rc
smime_split(const struct entity *entity, const struct entity **ret_part,
    struct buf *der, struct err *err)
{
	if (!entity_is(entity, "multipart", "signed") || entity->malformed)
		return err_set(
		    err, RC_SYNTAX, "no well-formed multipart/signed");
	if (entity_children(entity) != 2)
		return err_set(err, RC_SYNTAX,
		    "a multipart/signed must have two parts, this one has %zu",
		    entity_children(entity));
	if (!is_signature(entity->child->next))
		return err_set(err, RC_SYNTAX,
		    "the second part of the multipart/signed is no "
		    "application/pkcs7-signature");
	TRY(entity_decode(entity->child->next, der, err));
	*ret_part = entity->child;
	return RC_OK;
}

enum rc
smime_der(const struct entity *entity, struct buf *der, struct err *err)
{
	if (!is_cms(entity))
		return err_set(err, RC_SYNTAX, "no application/pkcs7-mime");
	return entity_decode(entity, der, err);
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

static enum rc
check_boundary(struct span entity, const char *boundary, struct err *err)
{
	size_t len = strlen(boundary);

	if (len == 0 || len > BOUNDARY_MAX ||
	    strspn(boundary,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		"0123456789-_=.+") != len)
		return err_set(err, RC_UNFIT, "no usable MIME boundary");
	if (span_find(entity, span_str(boundary)) >= 0)
		return err_set(err, RC_UNFIT,
		    "the MIME boundary occurs in the letter: take another");
	return RC_OK;
}

static enum rc
print_signed(struct span entity, struct span der, const char *boundary,
    struct buf *out, struct err *err)
{
	const char *micalg = NULL;

	TRY(find_micalg(der, &micalg, err));
	TRY(buf_add_format(out, err,
	    "Content-Type: multipart/signed;\r\n"
	    " protocol=\"application/pkcs7-signature\"; micalg=%s;\r\n"
	    " boundary=\"%s\"\r\n\r\n--%s\r\n",
	    micalg, boundary, boundary));
	TRY(buf_add(out, entity, err));
	TRY(buf_add_format(out, err,
	    "\r\n--%s\r\n"
	    "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n",
	    boundary));
	TRY(base64_encode(der, LINE, out, err));
	return buf_add_format(out, err, "\r\n--%s--\r\n", boundary);
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
	case SMIME_OTHER:
		break;
	}
	bug("smime_print: no kind of pkcs7-mime");
}

enum rc
smime_print(
    enum smime_kind kind, struct span der, struct buf *out, struct err *err)
{
	size_t before = out->len;

	enum rc rc = buf_add_format(out, err,
	    "Content-Type: application/pkcs7-mime; smime-type=%s;\r\n"
	    " name=\"smime.p7m\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\r\n",
	    type_of(kind));
	if (rc == RC_OK)
		rc = base64_encode(der, LINE, out, err);
	if (rc != RC_OK)
		buf_cut(out, before);
	return rc;
}
