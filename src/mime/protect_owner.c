#include "mime/protect_owner_priv.h"

#include "codec/when.h"
#include "mime/address.h"

/* "*" at the end for all that begin so. */
static const struct {
	const char *name;
	enum protect_owner owner;
} owners[] = {
    {"MIME-Version", OWNER_MIME},
    {"Content-*", OWNER_MIME},
    {"Received", OWNER_TRACE},
    {"Received-SPF", OWNER_TRACE},
    {"Return-Path", OWNER_TRACE},
    {"Delivered-To", OWNER_TRACE},
    {"Envelope-To", OWNER_TRACE},
    {"X-Original-To", OWNER_TRACE},
    {"X-Envelope-*", OWNER_TRACE},
    {"DKIM-Signature", OWNER_TRACE},
    {"DomainKey-Signature", OWNER_TRACE},
    {"Authentication-Results", OWNER_TRACE},
    {"ARC-*", OWNER_TRACE},
    {"X-Spam*", OWNER_TRACE},
    {"X-Virus*", OWNER_TRACE},
    {"List-*", OWNER_LIST},
    {"Archived-At", OWNER_LIST},
    {"Bcc", OWNER_SECRET},
    {"Resent-Bcc", OWNER_SECRET},
    {"HP-Outer", OWNER_HP},
    {"Letterlock-Verdict", OWNER_VERDICT},
};

enum protect_owner
protect_owner_of(const struct field *field)
{
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		struct span name = span_str(owners[i].name);
		struct span got = field->name;
		if (name.data[name.len - 1] == '*') {
			name.len--;
			got = span_first(got, name.len);
		}
		if (span_equal_nocase(got, name))
			return owners[i].owner;
	}
	return OWNER_AUTHOR;
}

bool
protect_is_protected(const struct field *field)
{
	enum protect_owner owner = protect_owner_of(field);

	return owner == OWNER_AUTHOR || owner == OWNER_LIST ||
	       owner == OWNER_SECRET;
}

enum protect_hide
protect_hide_of(enum protect_policy policy, const struct field *field)
{
	static const struct {
		const char *name;
		enum protect_hide baseline, shy;
	} rules[] = {
	    {"Subject", HIDE_VALUE, HIDE_VALUE},
	    {"Comments", HIDE_ALL, HIDE_ALL},
	    {"Keywords", HIDE_ALL, HIDE_ALL},
	    /* the subject once more, as Outlook writes it */
	    {"Thread-Topic", HIDE_ALL, HIDE_ALL},
	    {"From", HIDE_NOTHING, HIDE_NAMES},
	    {"To", HIDE_NOTHING, HIDE_NAMES},
	    {"Cc", HIDE_NOTHING, HIDE_NAMES},
	    {"Date", HIDE_NOTHING, HIDE_ZONE},
	};

	if (policy == PROTECT_NONE)
		return HIDE_NOTHING;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (span_is_nocase(field->name, rules[i].name))
			return policy == PROTECT_SHY ? rules[i].shy
						     : rules[i].baseline;
	return HIDE_NOTHING;
}

/* Append only the addresses; the value as it is where they cannot be told
 * from names, or there are none. */
static enum rc
add_addresses(struct span value, struct buf *out, struct err *err)
{
	struct mailboxes list MAILBOXES_OWNED = MAILBOXES_NONE;
	enum rc rc = mailboxes_parse(value, &list, err);

	if (rc != RC_OK && rc != RC_SYNTAX)
		return rc;
	if (list.len == 0)
		return field_unfold(value, out, err);
	for (size_t i = 0; i < list.len; i++) {
		if (i > 0)
			TRY(buf_add_str(out, ", ", err));
		TRY(buf_add_str(out, list.item[i].address, err));
	}
	return RC_OK;
}

static enum rc
add_utc(struct span value, struct buf *out, struct err *err)
{
	char text[WHEN_TEXT_MAX];
	int64_t when;

	if (when_parse_mail(value, &when, err) != RC_OK)
		return field_unfold(value, out, err);
	when_print_mail(when, text);
	return buf_add_str(out, text, err);
}

enum rc
protect_hide_value(const struct field *field, enum protect_hide hide,
    struct buf *out, struct err *err)
{
	switch (hide) {
	case HIDE_VALUE:
		return buf_add_str(out, "[...]", err);
	case HIDE_ALL:
		return RC_OK;
	case HIDE_NAMES:
		return add_addresses(field->value, out, err);
	case HIDE_ZONE:
		return add_utc(field->value, out, err);
	case HIDE_NOTHING:
	default:
		return field_unfold(field->value, out, err);
	}
}

bool
protect_is_user_facing(const struct field *field)
{
	static const char *const names[] = {"Subject", "From", "To", "Cc",
	    "Date", "Reply-To", "Followup-To", "Sender", "Comments", "Keywords",
	    "Resent-From", "Resent-To", "Resent-Cc", "Resent-Date",
	    "Resent-Sender"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (span_is_nocase(field->name, names[i]))
			return true;
	return false;
}
