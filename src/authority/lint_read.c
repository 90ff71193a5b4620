#include "authority/lint_priv.h"

#include <time.h>

bool
lint_next(struct span *in, struct der *ret)
{
	return der_next(in, ret, NULL) == RC_OK;
}

bool
lint_first(struct span in, uint8_t tag, struct der *ret)
{
	return der_expect(&in, tag, ret, NULL) == RC_OK;
}

const struct lint_extension *
lint_find(const struct lint_cert *cert, struct span oid)
{
	for (size_t i = 0; i < cert->extensions; i++)
		if (span_is(cert->extension[i].oid, oid))
			return &cert->extension[i];
	return NULL;
}

const struct lint_part *
lint_part(const struct lint_cert *cert, struct span oid)
{
	for (size_t i = 0; i < cert->parts; i++)
		if (span_is(cert->part[i].oid, oid))
			return &cert->part[i];
	return NULL;
}

struct span
lint_list(const struct lint_cert *cert, struct span oid)
{
	const struct lint_extension *extension = lint_find(cert, oid);
	struct der list;

	if (extension == NULL)
		return SPAN_NONE;
	struct span rest = extension->value;
	if (der_expect(&rest, DER_SEQUENCE, &list, NULL) != RC_OK ||
	    rest.len > 0)
		return SPAN_NONE;
	return list.value;
}

size_t
lint_count(struct span list)
{
	struct der one;
	size_t count = 0;

	while (list.len > 0) {
		if (!lint_next(&list, &one))
			return 0;
		count++;
	}
	return count;
}

bool
lint_has(struct span list, struct span oid)
{
	struct der one;

	while (lint_next(&list, &one))
		if (one.tag == DER_OID && span_is(one.value, oid))
			return true;
	return false;
}

/* --- times */

static bool
read_two(const uint8_t *at, int *ret)
{
	if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
		return false;
	*ret = (at[0] - '0') * 10 + at[1] - '0';
	return true;
}

/* MMDDHHMMSSZ */
static bool
read_rest(struct span text, struct tm *tm)
{
	return text.len == 11 && text.data[10] == 'Z' &&
	       read_two(text.data, &tm->tm_mon) &&
	       read_two(text.data + 2, &tm->tm_mday) &&
	       read_two(text.data + 4, &tm->tm_hour) &&
	       read_two(text.data + 6, &tm->tm_min) &&
	       read_two(text.data + 8, &tm->tm_sec);
}

static bool
read_year(struct span *text, bool general, int *ret)
{
	int high = 0, low = 0;

	if (text->len < 4 || !read_two(text->data, &high))
		return false;
	*text = span_after(*text, 2);
	if (!general) {
		*ret = high < 50 ? high + 100 : high;
		return true;
	}
	if (!read_two(text->data, &low))
		return false;
	*text = span_after(*text, 2);
	*ret = high * 100 + low - 1900;
	return true;
}

/* "CAs conforming to this profile MUST always encode certificate validity dates
 * through the year 2049 as UTCTime; certificate validity dates in 2050 or later
 * MUST be encoded as GeneralizedTime." (RFC 5280 section 4.1.2.5) */
bool
lint_time(const struct der *time, int64_t *ret)
{
	bool general = time->tag == DER_GENERAL_TIME;
	struct span text = time->value;
	struct tm tm = {0};

	if ((!general && time->tag != DER_UTC_TIME) ||
	    !read_year(&text, general, &tm.tm_year) || !read_rest(text, &tm) ||
	    general != (tm.tm_year >= 150))
		return false;
	tm.tm_mon--;
	struct tm same = tm;
	*ret = (int64_t)timegm(&same);
	/* the 30th of February comes back as another day */
	return same.tm_mon == tm.tm_mon && same.tm_mday == tm.tm_mday &&
	       same.tm_hour == tm.tm_hour && same.tm_min == tm.tm_min &&
	       same.tm_sec == tm.tm_sec;
}

/* --- the parts of a certificate */

/* Extension ::= SEQUENCE { OID, critical BOOLEAN DEFAULT FALSE, OCTETS } */
static enum rc
read_extension(struct span in, struct lint_extension *ret, struct err *err)
{
	struct der der;

	TRY(der_expect(&in, DER_OID, &der, err));
	ret->oid = der.value;
	if (in.len > 0 && in.data[0] == DER_BOOLEAN) {
		TRY(der_next(&in, &der, err));
		ret->critical = !span_is(der.value, OID("\x00"));
		ret->default_written = !ret->critical;
	}
	TRY(der_expect(&in, DER_OCTETS, &der, err));
	ret->value = der.value;
	if (in.len > 0)
		return err_set(err, RC_SYNTAX, "an extension with more parts");
	return der_check(ret->value, err);
}

static enum rc
read_extensions(struct span in, struct lint_cert *ret, struct err *err)
{
	struct der list, one;

	TRY(der_expect(&in, DER_SEQUENCE, &list, err));
	if (in.len > 0)
		return err_set(err, RC_SYNTAX, "more than extensions");
	while (list.value.len > 0) {
		if (ret->extensions == LINT_PARTS_MAX)
			return err_set(err, RC_SYNTAX, "too many extensions");
		TRY(der_expect(&list.value, DER_SEQUENCE, &one, err));
		TRY(read_extension(
		    one.value, &ret->extension[ret->extensions++], err));
	}
	return RC_OK;
}

/* What may stand behind the key. */
static enum rc
read_tail(struct span in, struct lint_cert *ret, struct err *err)
{
	struct der one;

	while (in.len > 0) {
		TRY(der_next(&in, &one, err));
		if (one.tag == DER_CONTEXT(1) || one.tag == DER_CONTEXT(2))
			ret->unique_id = true;
		else if (one.tag != DER_CONTEXT_OF(3) || ret->extensions > 0)
			return err_set(err, RC_SYNTAX, "not an extension");
		else
			TRY(read_extensions(one.value, ret, err));
	}
	return RC_OK;
}

static enum rc
read_part(struct span in, struct lint_cert *ret, struct err *err)
{
	struct der pair, oid, text;

	if (ret->parts == LINT_PARTS_MAX)
		return err_set(err, RC_SYNTAX, "too long a name");
	TRY(der_expect(&in, DER_SEQUENCE, &pair, err));
	TRY(der_expect(&pair.value, DER_OID, &oid, err));
	TRY(der_next(&pair.value, &text, err));
	if (pair.value.len > 0)
		return err_set(err, RC_SYNTAX, "an attribute of three parts");
	ret->part[ret->parts++] =
	    (struct lint_part){oid.value, text.tag, text.value};
	ret->single = ret->single && in.len == 0;
	return RC_OK;
}

static enum rc
read_subject(struct span in, struct lint_cert *ret, struct err *err)
{
	struct der set;

	ret->single = true;
	while (in.len > 0) {
		TRY(der_expect(&in, DER_SET, &set, err));
		TRY(read_part(set.value, ret, err));
	}
	return RC_OK;
}

static enum rc
read_validity(struct span in, struct lint_cert *ret, struct err *err)
{
	TRY(der_next(&in, &ret->from, err));
	TRY(der_next(&in, &ret->until, err));
	return in.len == 0 ? RC_OK : err_set(err, RC_SYNTAX, "three times");
}

static enum rc
read_version(struct span *in, uint32_t *ret, struct err *err)
{
	struct der tagged, number;

	if (in->len == 0 || in->data[0] != DER_CONTEXT_0)
		return RC_OK;
	TRY(der_next(in, &tagged, err));
	TRY(der_expect(&tagged.value, DER_INTEGER, &number, err));
	*ret = number.value.len == 1 ? number.value.data[0] : UINT32_MAX;
	return RC_OK;
}

static enum rc
read_parts(struct span in, struct lint_cert *ret, struct err *err)
{
	struct der validity;

	TRY(read_version(&in, &ret->version, err));
	TRY(der_expect(&in, DER_INTEGER, &ret->serial, err));
	TRY(der_expect(&in, DER_SEQUENCE, &ret->algorithm, err));
	TRY(der_expect(&in, DER_SEQUENCE, &ret->issuer, err));
	TRY(der_expect(&in, DER_SEQUENCE, &validity, err));
	TRY(read_validity(validity.value, ret, err));
	TRY(der_expect(&in, DER_SEQUENCE, &ret->subject, err));
	TRY(read_subject(ret->subject.value, ret, err));
	TRY(der_expect(&in, DER_SEQUENCE, &ret->spki, err));
	return read_tail(in, ret, err);
}

/* --- what follows from them */

static enum lint_key
key_of(const struct lint_cert *cert)
{
	struct der algorithm, oid;

	if (!lint_first(cert->spki.value, DER_SEQUENCE, &algorithm) ||
	    !lint_first(algorithm.value, DER_OID, &oid))
		return LINT_KEY_OTHER;
	if (span_is(oid.value, OID("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")))
		return LINT_KEY_RSA;
	if (span_is(oid.value, OID("\x2a\x86\x48\xce\x3d\x02\x01")))
		return LINT_KEY_EC;
	if (span_is(oid.value, OID("\x2b\x65\x70")))
		return LINT_KEY_ED;
	return LINT_KEY_OTHER;
}

/* A named bit list in DER: no zero at its end, unused bits are 0. */
static uint32_t
usage_of(const struct lint_cert *cert)
{
	const struct lint_extension *extension = lint_find(cert, OID_USAGE);
	struct der bits;
	uint32_t usage = 0;

	if (extension == NULL ||
	    !lint_first(extension->value, DER_BITS, &bits) ||
	    bits.whole.len != extension->value.len || bits.value.len < 2 ||
	    bits.value.len > 3 || bits.value.data[0] > 7)
		return 0;
	const uint8_t *at = bits.value.data + 1;
	for (unsigned i = 0; i < (bits.value.len - 1) * 8; i++)
		if ((at[i / 8] & 0x80U >> i % 8) != 0)
			usage |= BIT(i);
	uint8_t last = at[bits.value.len - 2], unused = bits.value.data[0];
	bool exact =
	    (last & ((1U << unused) - 1)) == 0 && (last >> unused & 1) == 1;
	return exact ? usage : 0;
}

/* The one policy of a mailbox' certificate. */
static enum lint_level
level_of(const struct lint_cert *cert)
{
	struct span list = lint_list(cert, OID_POLICIES);
	struct span arc = OID(POLICY_ARC_DER "\x01");
	struct der info, oid;

	if (lint_count(list) != 1 || !lint_first(list, DER_SEQUENCE, &info) ||
	    !lint_first(info.value, DER_OID, &oid) ||
	    oid.value.len != arc.len + 1 ||
	    !span_is(span_first(oid.value, arc.len), arc) ||
	    oid.value.data[arc.len] > LINT_LEVEL_INDIVIDUAL)
		return LINT_LEVEL_NONE;
	return (enum lint_level)oid.value.data[arc.len];
}

enum rc
lint_read(struct span tbs, struct lint_cert *ret, struct err *err)
{
	struct der whole;

	TRY(der_check(tbs, err));
	TRY(der_expect(&tbs, DER_SEQUENCE, &whole, err));
	TRY(read_parts(whole.value, ret, err));
	ret->key = key_of(ret);
	ret->usage = usage_of(ret);
	ret->level = level_of(ret);
	return RC_OK;
}

enum rc
lint_read_signed(struct span der, struct lint_cert *ret, struct err *err)
{
	struct der whole, tbs;

	TRY(der_expect(&der, DER_SEQUENCE, &whole, err));
	TRY(der_expect(&whole.value, DER_SEQUENCE, &tbs, err));
	return lint_read(tbs.whole, ret, err);
}
