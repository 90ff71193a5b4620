#include "pki/subtrees_priv.h"

#include <openssl/err.h>

#include "pki/crypto.h"
#include "pki/mailbox.h"

OWNER(NAME_CONSTRAINTS, NAME_CONSTRAINTS_free);
OWNER(GENERAL_NAMES, GENERAL_NAMES_free);
OWNER(X509_NAME, X509_NAME_free);

/* A distinguished name is taken apart for each comparison. */
#define WORK_NAME 8

enum match {
	MATCH_NO,
	MATCH_YES,
	MATCH_BROKEN /* a name or a subtree that cannot be understood */
};

/* One name of a certificate, as one of the forms that constraints have. */
struct name {
	int form;         /* GEN_*; SmtpUTF8Mailbox is a GEN_EMAIL */
	struct span text; /* GEN_EMAIL, GEN_DNS, GEN_URI, GEN_IPADD */
	const X509_NAME *dn;
	const ASN1_OBJECT *other; /* GEN_OTHERNAME: its type */
	bool is_utf8;
};

struct check {
	const NAME_CONSTRAINTS *limits;
	size_t most, *work;
	enum subtrees_answer answer;
};

static struct span
text_of(const ASN1_STRING *string)
{
	return span_of(
	    ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

/* ---- one name and one subtree ------------------------------------------- */

static bool
ends_nocase(struct span text, struct span end)
{
	return text.len >= end.len &&
	       span_equal_nocase(span_after(text, text.len - end.len), end);
}

/* ".example.org": something before it; "example.org": that host. */
static enum match
match_host(struct span host, struct span base)
{
	if (base.len == 0)
		return MATCH_YES;
	bool same = base.data[0] == '.'
			? host.len > base.len && ends_nocase(host, base)
			: span_equal_nocase(host, base);
	return same ? MATCH_YES : MATCH_NO;
}

/* RFC 9549 took whole mailboxes away; an old one still means that mailbox.
 * Domains are A-labels on both sides: RFC 9598 section 3 has them so in
 * SmtpUTF8Mailbox, and U-labels there make it no mailbox. */
static enum match
match_mail(const struct name *name, struct span base)
{
	struct span mail = name->text;
	bool ok =
	    name->is_utf8 ? mailbox_is_utf8(mail) : mailbox_is_ascii(mail);

	if (!ok)
		return MATCH_BROKEN;
	if (span_find_byte(base, '@') >= 0)
		return !mailbox_is_ascii(base)    ? MATCH_BROKEN
		       : mailbox_same(mail, base) ? MATCH_YES
						  : MATCH_NO;
	size_t at = mail.len;
	while (mail.data[at - 1] != '@')
		at--;
	return match_host(span_after(mail, at), base);
}

/* Labels are added on the left.  A dot in front is no form that the standard
 * has; those who write it mean subdomains. */
static enum match
match_dns(struct span host, struct span base)
{
	if (host.len == 0)
		return MATCH_BROKEN;
	if (base.len == 0 || span_equal_nocase(host, base))
		return MATCH_YES;
	if (base.data[0] == '.')
		return match_host(host, base);
	if (host.len <= base.len || !ends_nocase(host, base))
		return MATCH_NO;
	return host.data[host.len - base.len - 1] == '.' ? MATCH_YES : MATCH_NO;
}

/* The host of scheme://user@host:port/; empty: it has none by name. */
static struct span
host_of(struct span uri)
{
	ptrdiff_t start = span_find(uri, span_str("://"));

	if (start < 0)
		return SPAN_NONE;
	struct span host = span_after(uri, (size_t)start + 3);
	for (size_t i = 0; i < host.len; i++)
		if (strchr("/?#", host.data[i]) != NULL)
			host = span_first(host, i);
	ptrdiff_t at = span_find_byte(host, '@');
	host = span_after(host, (size_t)(at + 1));
	ptrdiff_t port = span_find_byte(host, ':');
	return port < 0 ? host : span_first(host, (size_t)port);
}

/* "If a constraint is applied to the uniformResourceIdentifier form and a
 * subsequent certificate includes a URI without a host name, or whose host is
 * an IP address, it MUST be rejected." */
static enum match
match_uri(struct span uri, struct span base)
{
	struct span host = host_of(uri);

	if (span_find_byte(uri, 0) >= 0 || host.len == 0 ||
	    host.data[0] == '[' ||
	    (host.data[host.len - 1] >= '0' && host.data[host.len - 1] <= '9'))
		return MATCH_BROKEN;
	return match_host(host, base);
}

static bool
is_prefix_mask(struct span mask)
{
	bool ended = false;

	for (size_t i = 0; i < 8 * mask.len; i++) {
		bool set = mask.data[i / 8] >> (7 - i % 8) & 1;
		if (set && ended)
			return false;
		ended = ended || !set;
	}
	return true;
}

static enum match
match_ip(struct span ip, struct span base)
{
	struct span mask = span_after(base, base.len / 2);

	if ((ip.len != 4 && ip.len != 16) ||
	    (base.len != 8 && base.len != 32) || !is_prefix_mask(mask))
		return MATCH_BROKEN;
	if (base.len != 2 * ip.len)
		return MATCH_NO;
	for (size_t i = 0; i < ip.len; i++)
		if ((ip.data[i] ^ base.data[i]) & mask.data[i])
			return MATCH_NO;
	return MATCH_YES;
}

static int
count_rdns(const X509_NAME *name)
{
	int entries = X509_NAME_entry_count(name);

	return entries == 0 ? 0
			    : X509_NAME_ENTRY_set(
				  X509_NAME_get_entry(name, entries - 1)) +
				  1;
}

/* The first `count` RDNs. */
static X509_NAME *
head_of(const X509_NAME *name, int count)
{
	X509_NAME *head = X509_NAME_new();
	int before = -1;

	for (int i = 0; head != NULL && i < X509_NAME_entry_count(name); i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
		int rdn = X509_NAME_ENTRY_set(entry);
		if (rdn >= count)
			break;
		if (!X509_NAME_add_entry(
			head, entry, -1, rdn == before ? -1 : 0)) {
			X509_NAME_free(head);
			return NULL;
		}
		before = rdn;
	}
	return head;
}

static enum match
match_dn(const X509_NAME *name, const X509_NAME *base)
{
	int count = count_rdns(base);

	if (count_rdns(name) < count)
		return MATCH_NO;
	if (count == 0)
		return MATCH_YES;
	X509_NAME *head OWNED(X509_NAME_free) = head_of(name, count);
	if (head == NULL)
		return MATCH_BROKEN;
	return X509_NAME_cmp(head, base) == 0 ? MATCH_YES : MATCH_NO;
}

/* The forms without a rule (RFC 5280: x400Address, ediPartyName, registeredID,
 * other otherNames): "the application MUST either process the constraint or
 * reject the certificate". */
static enum match
match_one(const struct name *name, const GENERAL_NAME *base)
{
	switch (name->form) {
	case GEN_EMAIL:
		return match_mail(name, text_of(base->d.rfc822Name));
	case GEN_DNS:
		return match_dns(name->text, text_of(base->d.dNSName));
	case GEN_URI:
		return match_uri(
		    name->text, text_of(base->d.uniformResourceIdentifier));
	case GEN_IPADD:
		return match_ip(name->text, text_of(base->d.iPAddress));
	case GEN_DIRNAME:
		return match_dn(name->dn, base->d.directoryName);
	default:
		return MATCH_BROKEN;
	}
}

/* ---- one name and all subtrees of one authority ------------------------- */

static bool
is_of_form(const struct name *name, const GENERAL_NAME *base)
{
	if (base->type != name->form)
		return false;
	return name->form != GEN_OTHERNAME ||
	       OBJ_cmp(base->d.otherName->type_id, name->other) == 0;
}

/* RFC 5280: "minimum MUST be zero, and maximum MUST be absent". */
static bool
has_distance(const GENERAL_SUBTREE *subtree)
{
	return subtree->maximum != NULL ||
	       (subtree->minimum != NULL &&
		   ASN1_INTEGER_get(subtree->minimum) != 0);
}

/* *ret_any: is there a subtree of that form? */
static enum match
match_list(struct check *check, const struct name *name,
    const STACK_OF(GENERAL_SUBTREE) *list, bool *ret_any)
{
	*ret_any = false;
	for (int i = 0; i < sk_GENERAL_SUBTREE_num(list); i++) {
		const GENERAL_SUBTREE *subtree =
		    sk_GENERAL_SUBTREE_value(list, i);
		*check->work += name->form == GEN_DIRNAME ? WORK_NAME : 1;
		if (*check->work > check->most)
			check->answer = SUBTREES_LIMIT;
		if (check->answer != SUBTREES_ALLOW)
			return MATCH_BROKEN;
		if (!is_of_form(name, subtree->base))
			continue;
		*ret_any = true;
		enum match match = has_distance(subtree)
				       ? MATCH_BROKEN
				       : match_one(name, subtree->base);
		if (match != MATCH_NO)
			return match;
	}
	return MATCH_NO;
}

/* What is excluded is, whatever is permitted. */
static void
check_name(struct check *check, const struct name *name)
{
	bool any;

	if (check->answer != SUBTREES_ALLOW)
		return;
	enum match out =
	    match_list(check, name, check->limits->excludedSubtrees, &any);
	enum match in =
	    match_list(check, name, check->limits->permittedSubtrees, &any);
	if (check->answer == SUBTREES_ALLOW &&
	    (out != MATCH_NO || (any && in != MATCH_YES)))
		check->answer = SUBTREES_FORBID;
}

/* ---- the names of a certificate ----------------------------------------- */

static void
check_subject(struct check *check, const X509 *x509)
{
	const X509_NAME *subject = X509_get_subject_name(x509);
	int at = -1;

	if (X509_NAME_entry_count(subject) == 0)
		return;
	check_name(check, &(struct name){.form = GEN_DIRNAME, .dn = subject});
	while ((at = X509_NAME_get_index_by_NID(
		    subject, NID_pkcs9_emailAddress, at)) >= 0)
		check_name(check, &(struct name){.form = GEN_EMAIL,
				      .text = text_of(X509_NAME_ENTRY_get_data(
					  X509_NAME_get_entry(subject, at)))});
}

static struct name
other_name(const OTHERNAME *other)
{
	struct name name = {.form = GEN_OTHERNAME, .other = other->type_id};

	if (OBJ_obj2nid(other->type_id) != NID_id_on_SmtpUTF8Mailbox)
		return name;
	name = (struct name){.form = GEN_EMAIL, .is_utf8 = true};
	if (other->value->type == V_ASN1_UTF8STRING)
		name.text = text_of(other->value->value.utf8string);
	return name;
}

static struct name
name_of(const GENERAL_NAME *general)
{
	struct name name = {.form = general->type};

	switch (general->type) {
	case GEN_EMAIL:
	case GEN_DNS:
	case GEN_URI:
	case GEN_IPADD:
		name.text = text_of(general->d.ia5);
		return name;
	case GEN_DIRNAME:
		name.dn = general->d.directoryName;
		return name;
	case GEN_OTHERNAME:
		return other_name(general->d.otherName);
	default:
		return name;
	}
}

static void
check_alternative(struct check *check, const GENERAL_NAMES *names)
{
	for (int i = 0;
	     i < sk_GENERAL_NAME_num(names) && check->answer == SUBTREES_ALLOW;
	     i++) {
		struct name name = name_of(sk_GENERAL_NAME_value(names, i));
		check_name(check, &name);
	}
}

/* ---- a path ------------------------------------------------------------- */

/* RFC 5280 section 6.1.3 (b): "If certificate i is self-issued and it is not
 * the final certificate in the path, skip this step". */
static bool
is_skipped(const struct certs *path, size_t at)
{
	return at > 0 && (X509_get_extension_flags(cert_x509(path->item[at])) &
			     EXFLAG_SI);
}

static enum subtrees_answer
apply(const NAME_CONSTRAINTS *limits, const struct certs *path, size_t below,
    size_t most, size_t *work)
{
	struct check check = {limits, most, work, SUBTREES_ALLOW};

	for (size_t i = 0; i < below && check.answer == SUBTREES_ALLOW; i++) {
		const X509 *x509 = cert_x509(path->item[i]);
		int critical = 0;
		if (is_skipped(path, i))
			continue;
		GENERAL_NAMES *names OWNED(GENERAL_NAMES_free) =
		    X509_get_ext_d2i(
			x509, NID_subject_alt_name, &critical, NULL);
		ERR_clear_error();
		if (names == NULL && critical != -1)
			return SUBTREES_FORBID;
		check_subject(&check, x509);
		check_alternative(&check, names);
	}
	return check.answer;
}

enum subtrees_answer
subtrees_check(const struct certs *path, size_t most, size_t *work)
{
	enum subtrees_answer answer = SUBTREES_ALLOW;

	for (size_t i = 1; i < path->len && answer == SUBTREES_ALLOW; i++) {
		int critical = 0;
		NAME_CONSTRAINTS *limits OWNED(NAME_CONSTRAINTS_free) =
		    X509_get_ext_d2i(cert_x509(path->item[i]),
			NID_name_constraints, &critical, NULL);
		ERR_clear_error();
		if (limits != NULL)
			answer = apply(limits, path, i, most, work);
		else if (critical != -1)
			answer = SUBTREES_FORBID;
	}
	return answer;
}
