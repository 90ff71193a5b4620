#include "dns/caa.h"

#include "dns/caa_priv.h"
#include "os/clock.h"

#define TYPE_CAA 257
#define RECORDS_MAX ((size_t)256 * 1024)
#define CRITICAL 0x80

#define MAIL "issuemail"

struct property {
	bool critical;
	struct span tag, value;
};

static bool
is_alnum(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

/* "Property Tags MAY contain ASCII characters "a" through "z", "A" through "Z",
 * and the numbers 0 through 9." (RFC 8659 section 4.1) */
static bool
is_tag(struct span tag)
{
	for (size_t i = 0; i < tag.len; i++)
		if (!is_alnum(tag.data[i]))
			return false;
	return tag.len > 0;
}

/* The next record: flags, length of the tag, tag, value. */
static enum rc
next_property(struct span *records, struct property *ret, struct err *err)
{
	size_t len = records->len < 2
			 ? SIZE_MAX
			 : (size_t)records->data[0] << 8 | records->data[1];
	struct span data = span_first(span_after(*records, 2), len);

	if (data.len != len || data.len < 2 ||
	    data.len < (size_t)data.data[1] + 2)
		return err_set(err, RC_REFUSED, "a record is malformed");
	ret->critical = (data.data[0] & CRITICAL) != 0;
	ret->tag = span_first(span_after(data, 2), data.data[1]);
	ret->value = span_after(data, (size_t)data.data[1] + 2);
	if (!is_tag(ret->tag))
		return err_set(err, RC_REFUSED, "a record is malformed");
	*records = span_after(*records, len + 2);
	return RC_OK;
}

/* Those that were registered and ask nothing of who issues for mailboxes. */
static bool
is_known(struct span tag)
{
	static const char *const known[] = {MAIL, "issue", "issuewild",
	    "issuevmc", "iodef", "contactemail", "contactphone"};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_is_nocase(tag, known[i]))
			return true;
	return false;
}

/* --- the value of issuemail */

static void
skip_blanks(struct span *text)
{
	while (text->len > 0 && (text->data[0] == ' ' || text->data[0] == '\t'))
		*text = span_after(*text, 1);
}

/* label = (ALPHA / DIGIT) *( *("-") (ALPHA / DIGIT)); taken off, or nothing. */
static struct span
take_label(struct span *text)
{
	size_t len = 0, good = 0;

	while (len < text->len && (is_alnum(text->data[len]) ||
				      (len > 0 && text->data[len] == '-')))
		if (is_alnum(text->data[len++]))
			good = len;
	struct span label = span_first(*text, good);
	*text = span_after(*text, good);
	return label;
}

/* issuer-domain-name = label *("." label); empty if there is none. */
static bool
take_issuer(struct span *text, struct span *ret)
{
	struct span begin = *text;
	struct span label = take_label(text);

	if (label.len == 0) {
		*ret = SPAN_NONE;
		return true;
	}
	while (text->len > 0 && text->data[0] == '.') {
		*text = span_after(*text, 1);
		if (take_label(text).len == 0)
			return false;
	}
	*ret = span_first(begin, begin.len - text->len);
	return true;
}

/* value = *(%x21-3A / %x3C-7E): visible, but no ";". */
static struct span
take_value(struct span *text)
{
	size_t len = 0;

	while (len < text->len && text->data[len] > ' ' &&
	       text->data[len] <= '~' && text->data[len] != ';')
		len++;
	struct span value = span_first(*text, len);
	*text = span_after(*text, len);
	return value;
}

/* What of one property concerns us. */
struct grant {
	struct span issuer;
	struct span account, methods;
	unsigned accounts, method_lists;
	bool unknown; /* a parameter that we do not know */
};

static void
note_parameter(struct grant *grant, struct span tag, struct span value)
{
	if (span_is_nocase(tag, "accounturi")) {
		grant->account = value;
		grant->accounts++;
		return;
	}
	if (span_is_nocase(tag, "validationmethods")) {
		grant->methods = value;
		grant->method_lists++;
		return;
	}
	grant->unknown = true;
}

/* parameter = tag *WSP "=" *WSP value *WSP */
static bool
take_parameter(struct span *text, struct grant *grant)
{
	struct span tag = take_label(text);

	skip_blanks(text);
	if (tag.len == 0 || text->len == 0 || text->data[0] != '=')
		return false;
	*text = span_after(*text, 1);
	skip_blanks(text);
	note_parameter(grant, tag, take_value(text));
	skip_blanks(text);
	return true;
}

/* *WSP [issuer *WSP] [";" *WSP [parameters *WSP]] (RFC 8659 section 4.2) */
static bool
read_grant(struct span text, struct grant *ret)
{
	skip_blanks(&text);
	if (!take_issuer(&text, &ret->issuer))
		return false;
	skip_blanks(&text);
	if (text.len == 0)
		return true;
	if (text.data[0] != ';')
		return false;
	text = span_after(text, 1);
	skip_blanks(&text);
	while (text.len > 0) {
		if (!take_parameter(&text, ret))
			return false;
		if (text.len == 0)
			return true;
		if (text.data[0] != ';')
			return false;
		text = span_after(text, 1);
		skip_blanks(&text);
		if (text.len == 0)
			return false;
	}
	return true;
}

/* validationmethods: label *("," label) (RFC 8657 section 4) */
static bool
has_method(struct span methods, const char *method)
{
	for (;;) {
		ptrdiff_t comma = span_find_byte(methods, ',');
		size_t len = comma < 0 ? methods.len : (size_t)comma;
		if (span_is(span_first(methods, len), span_str(method)))
			return true;
		if (comma < 0)
			return false;
		methods = span_after(methods, len + 1);
	}
}

/* Why a property does not let us issue; NULL: it does.  Of two parameters of one
 * name RFC 8657 (sections 3 and 4) believes none. */
static const char *
find_fault(const struct caa_question *question, struct span value)
{
	struct grant grant = {0};

	if (!read_grant(value, &grant))
		return "a value is malformed";
	if (!span_is_nocase(grant.issuer, question->issuer))
		return "other authorities are named, or none";
	if (grant.unknown)
		return "it is under a condition that is not known here";
	if (grant.accounts > 1 ||
	    (grant.accounts == 1 &&
		!span_is(grant.account, span_str(question->account))))
		return "another account is named";
	if (grant.method_lists > 1 ||
	    (grant.method_lists == 1 &&
		!has_method(grant.methods, question->method)))
		return "another way to prove the mailbox is wanted";
	return NULL;
}

/* --- a domain */

static enum rc
refuse(const struct caa_question *question, const char *name, const char *why,
    struct err *err)
{
	return err_set(err, RC_REFUSED,
	    "the CAA records of %s do not let this authority (%s) issue for "
	    "mailboxes: %s",
	    name, question->issuer, why);
}

/* "If the Relevant RRset is empty of issuemail": not restricted (RFC 9495
 * section 4).  Of several, one that names us is enough. */
enum rc
caa_judge(const struct caa_question *question, const char *name,
    struct span records, struct err *err)
{
	struct property property = {0};
	struct err why = ERR_NONE;
	const char *fault = NULL;
	bool granted = false;

	while (records.len > 0) {
		if (next_property(&records, &property, &why) != RC_OK)
			return refuse(question, name, why.text, err);
		if (property.critical && !is_known(property.tag))
			return refuse(question, name,
			    "a critical property is not known here", err);
		if (!span_is_nocase(property.tag, MAIL))
			continue;
		const char *one = find_fault(question, property.value);
		if (one == NULL)
			granted = true;
		else
			fault = one;
	}
	if (granted || fault == NULL)
		return RC_OK;
	return refuse(question, name, fault, err);
}

/* "the CA climbs the DNS name tree from the specified label up to, but not
 * including, the DNS root "." until a CAA RRset is found" (RFC 8659 section 3) */
enum rc
caa_check(const struct caa_question *question, struct err *err)
{
	int64_t deadline = clock_ticks() + CAA_MS;
	const char *at = question->domain;

	while (at != NULL && *at != '\0') {
		struct buf records BUF_OWNED = BUF(RECORDS_MAX);
		enum rc rc = resolver_find_data(
		    question->resolver, at, TYPE_CAA, &records, err);
		if (rc == RC_OK)
			return caa_judge(question, at, buf_span(&records), err);
		if (rc != RC_ABSENT)
			return rc;
		if (clock_ticks() > deadline)
			return err_set(err, RC_IO,
			    "DNS: CAA of %s takes too long", question->domain);
		const char *dot = strchr(at, '.');
		at = dot != NULL ? dot + 1 : NULL;
	}
	return RC_OK;
}
