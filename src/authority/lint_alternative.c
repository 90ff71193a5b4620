/* The rules on the subjectAltName. */
#include "authority/lint_priv.h"
#include "pki/mailbox.h"

#define GENERAL_OTHER DER_CONTEXT_OF(0)
#define GENERAL_MAIL DER_CONTEXT(1)
#define GENERAL_DNS DER_CONTEXT(2)

/* OtherName ::= SEQUENCE { type-id, [0] EXPLICIT UTF8String } */
static bool
read_utf8(const struct der *name, struct span *ret)
{
	struct span in = name->value;
	struct der type, tagged, text;

	if (name->tag != GENERAL_OTHER || !lint_next(&in, &type) ||
	    type.tag != DER_OID || !span_is(type.value, OID_SMTP_UTF8) ||
	    !lint_next(&in, &tagged) || in.len > 0 ||
	    tagged.tag != DER_CONTEXT_0 ||
	    !lint_first(tagged.value, DER_UTF8, &text) ||
	    text.whole.len != tagged.value.len)
		return false;
	*ret = text.value;
	return true;
}

bool
lint_mailbox(struct span *names, struct span *ret)
{
	struct der name;

	while (lint_next(names, &name)) {
		if (name.tag == GENERAL_MAIL) {
			*ret = name.value;
			return true;
		}
		if (read_utf8(&name, ret))
			return true;
	}
	return false;
}

static bool
is_there(const struct lint_cert *cert)
{
	return lint_count(lint_list(cert, OID_ALTERNATIVE)) > 0;
}

static bool
has_mailboxes_only(const struct lint_cert *cert)
{
	struct span names = lint_list(cert, OID_ALTERNATIVE), text;
	struct der name;

	while (lint_next(&names, &name))
		if (name.tag != GENERAL_MAIL && !read_utf8(&name, &text))
			return false;
	return true;
}

static bool
addresses_are_plain(const struct lint_cert *cert)
{
	struct span names = lint_list(cert, OID_ALTERNATIVE);
	struct der name;

	while (lint_next(&names, &name))
		if (name.tag == GENERAL_MAIL && !mailbox_is_ascii(name.value))
			return false;
	return true;
}

/* "the domain part MUST be in A-labels and NR-LDH labels, in lower case" */
static bool
domain_is_lower(struct span mailbox)
{
	size_t at = mailbox.len;

	while (at > 0 && mailbox.data[at - 1] != '@') {
		uint8_t c = mailbox.data[--at];
		if (c >= 0x80 || (c >= 'A' && c <= 'Z'))
			return false;
	}
	return true;
}

static bool
utf8_is_needed(const struct lint_cert *cert)
{
	struct span names = lint_list(cert, OID_ALTERNATIVE), text;
	struct der name;

	while (lint_next(&names, &name))
		if (read_utf8(&name, &text) &&
		    (!mailbox_is_utf8(text) || !domain_is_lower(text)))
			return false;
	return true;
}

/* "If the subject field contains an empty sequence, then the issuing CA MUST
 * include a subjectAltName extension that is marked as critical.  When
 * including the subjectAltName extension in a certificate that has a non-empty
 * subject distinguished name, conforming CAs SHOULD mark the subjectAltName
 * extension as non-critical." (RFC 5280 section 4.2.1.6) */
static bool
is_critical_without_subject(const struct lint_cert *cert)
{
	const struct lint_extension *names = lint_find(cert, OID_ALTERNATIVE);

	return names == NULL || names->critical == (cert->parts == 0);
}

static bool
is_one_host(const struct lint_cert *cert)
{
	struct span names = lint_list(cert, OID_ALTERNATIVE);
	struct der name;

	return lint_count(names) == 1 && lint_next(&names, &name) &&
	       name.tag == GENERAL_DNS;
}

static const struct lint_row rows[] = {
    {{"sbr-7.1.2.3-alternative", "S/MIME BR 7.1.2.3",
	 "There is a subjectAltName."},
	KINDS(LINT_MAIL), is_there},
    {{"sbr-7.1.4-mailboxes", "S/MIME BR 7.1.4",
	 "The subjectAltName has mailboxes only: rfc822Name or "
	 "SmtpUTF8Mailbox."},
	KINDS(LINT_MAIL), has_mailboxes_only},
    {{"rfc5280-4.2.1.6-mailbox", "RFC 5280 section 4.2.1.6",
	 "An rfc822Name is local@domain in ASCII."},
	KINDS(LINT_MAIL), addresses_are_plain},
    {{"rfc9598-3-utf8", "RFC 9598 section 3",
	 "A SmtpUTF8Mailbox has a local part that is not ASCII and a domain "
	 "in A-labels and lower case."},
	KINDS(LINT_MAIL), utf8_is_needed},
    {{"rfc5280-4.2.1.6-critical", "RFC 5280 section 4.2.1.6",
	 "The subjectAltName is critical if the subject is empty, and only "
	 "then."},
	KINDS_ALL, is_critical_without_subject},
    {{"own-host", "this authority",
	 "A test certificate for a host names one host."},
	KINDS(LINT_HOST), is_one_host},
};

struct lint_theme
lint_alternative(void)
{
	return LINT_THEME(rows);
}
