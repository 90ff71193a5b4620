/* The rules on the subject. */
#include "authority/lint_priv.h"
#include "authority/text.h"
#include "pki/mailbox.h"

/* RFC 5280 appendix A.1; X.520 for the last two. */
struct attribute {
	struct span oid;
	size_t longest; /* characters */
	uint32_t levels;
};

#define LEVEL(level) BIT(LINT_LEVEL_##level)
#define LEVELS_PERSON (LEVEL(SPONSOR) | LEVEL(INDIVIDUAL))
#define LEVELS_ORGANIZATION (LEVEL(SPONSOR) | LEVEL(ORGANIZATION))
#define LEVELS_IDENTITY (LEVELS_PERSON | LEVELS_ORGANIZATION)
#define LEVELS_MAIL (LEVELS_IDENTITY | LEVEL(MAILBOX))

/* streetAddress and postalCode, which the strict generation forbids, are not
 * in it at all. */
static const struct attribute *
find_attribute(struct span oid)
{
	static const struct attribute attributes[] = {
	    {{(const uint8_t *)"\x55\x04\x03", 3}, 64, LEVELS_MAIL},
	    {{(const uint8_t *)"\x55\x04\x05", 3}, 64, LEVELS_MAIL},
	    {{(const uint8_t *)"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9}, 255,
		LEVELS_MAIL},
	    {{(const uint8_t *)"\x55\x04\x04", 3}, 40, LEVELS_PERSON},
	    {{(const uint8_t *)"\x55\x04\x2a", 3}, 16, LEVELS_PERSON},
	    {{(const uint8_t *)"\x55\x04\x41", 3}, 128, LEVELS_PERSON},
	    {{(const uint8_t *)"\x55\x04\x0c", 3}, 64, LEVEL(SPONSOR)},
	    {{(const uint8_t *)"\x55\x04\x0a", 3}, 64, LEVELS_ORGANIZATION},
	    {{(const uint8_t *)"\x55\x04\x0b", 3}, 64, LEVELS_ORGANIZATION},
	    {{(const uint8_t *)"\x55\x04\x61", 3}, 64, LEVELS_ORGANIZATION},
	    {{(const uint8_t *)"\x55\x04\x06", 3}, 2, LEVELS_IDENTITY},
	    {{(const uint8_t *)"\x55\x04\x07", 3}, 128, LEVELS_IDENTITY},
	    {{(const uint8_t *)"\x55\x04\x08", 3}, 128, LEVELS_IDENTITY},
	};

	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (span_is(attributes[i].oid, oid))
			return &attributes[i];
	return NULL;
}

/* --- how a name is written */

static bool
is_printable(struct span text)
{
	static const char others[] = " '()+,-./:=?";

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		bool alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			     (c >= 'a' && c <= 'z');
		if (!alnum && (c == 0 || strchr(others, c) == NULL))
			return false;
	}
	return true;
}

static bool
is_ascii(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 0x80)
			return false;
	return true;
}

/* "CAs conforming to this profile MUST use either the PrintableString or
 * UTF8String encoding of DirectoryString" (RFC 5280 section 4.1.2.4); an
 * emailAddress is IA5String. */
static bool
string_is_good(const struct lint_part *part)
{
	if (span_is(part->oid, OID_EMAIL))
		return part->tag == DER_IA5 && is_ascii(part->text);
	if (span_is(part->oid, OID_COUNTRY) ||
	    span_is(part->oid, OID_SERIAL_NUMBER))
		return part->tag == DER_PRINTABLE && is_printable(part->text);
	if (part->tag == DER_PRINTABLE)
		return is_printable(part->text);
	return part->tag == DER_UTF8 && text_count(part->text) > 0;
}

static bool
strings_are_good(const struct lint_cert *cert)
{
	for (size_t i = 0; i < cert->parts; i++)
		if (!string_is_good(&cert->part[i]))
			return false;
	return cert->single;
}

static bool
lengths_are_kept(const struct lint_cert *cert)
{
	for (size_t i = 0; i < cert->parts; i++) {
		const struct attribute *known =
		    find_attribute(cert->part[i].oid);
		struct span text = cert->part[i].text;
		size_t count =
		    cert->part[i].tag == DER_UTF8 ? text_count(text) : text.len;
		if (text.len == 0 || (known != NULL && count > known->longest))
			return false;
	}
	return true;
}

static bool
text_is_clean(struct span text)
{
	bool letters = false;

	if (text.len == 0 || span_trim(text).len != text.len)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (text_is_hidden(span_after(text, i)))
			return false;
		letters = letters || c >= 0x80 || (c >= '0' && c <= '9') ||
			  ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
	}
	return letters;
}

static bool
texts_are_clean(const struct lint_cert *cert)
{
	for (size_t i = 0; i < cert->parts; i++)
		if (!text_is_clean(cert->part[i].text))
			return false;
	return true;
}

static bool
no_attribute_is_twice(const struct lint_cert *cert)
{
	for (size_t i = 0; i < cert->parts; i++)
		if (lint_part(cert, cert->part[i].oid) != &cert->part[i])
			return false;
	return true;
}

/* --- who it is */

static bool
attributes_are_of_the_level(const struct lint_cert *cert)
{
	for (size_t i = 0; i < cert->parts; i++) {
		const struct attribute *known =
		    find_attribute(cert->part[i].oid);
		if (known == NULL || (known->levels & BIT(cert->level)) == 0)
			return false;
	}
	return true;
}

static bool
has(const struct lint_cert *cert, struct span oid)
{
	return lint_part(cert, oid) != NULL;
}

static bool
names_an_organization(const struct lint_cert *cert)
{
	if ((BIT(cert->level) & LEVELS_ORGANIZATION) == 0)
		return true;
	return has(cert, OID_ORGANIZATION) &&
	       has(cert, OID_ORGANIZATION_IDENTIFIER);
}

static bool
names_a_person(const struct lint_cert *cert)
{
	bool named = has(cert, OID_GIVEN_NAME) || has(cert, OID_SURNAME);

	if ((BIT(cert->level) & LEVELS_PERSON) == 0)
		return true;
	return named != has(cert, OID_PSEUDONYM);
}

static bool
country_is_a_code(const struct lint_cert *cert)
{
	const struct lint_part *country = lint_part(cert, OID_COUNTRY);

	if (country == NULL)
		return true;
	struct span text = country->text;
	return text.len == 2 && text.data[0] >= 'A' && text.data[0] <= 'Z' &&
	       text.data[1] >= 'A' && text.data[1] <= 'Z';
}

/* Three letters of the register, two of the country, perhaps "+" and a region,
 * "-" and the number there: NTRGB-12345678, NTRUS+CA-12345678.  LEIXG and
 * INTXG are of no country, GOV has no number. */
static bool
identifier_has_its_form(const struct lint_cert *cert)
{
	static const char *const registers[] = {
	    "NTR", "VAT", "PSD", "LEI", "GOV", "INT"};
	const struct lint_part *part =
	    lint_part(cert, OID_ORGANIZATION_IDENTIFIER);
	bool known = false;

	if (part == NULL)
		return true;
	struct span text = part->text;
	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		known = known || span_starts(text, registers[i]);
	if (!known || text.len < 5 || text.data[3] < 'A' ||
	    text.data[3] > 'Z' || text.data[4] < 'A' || text.data[4] > 'Z')
		return false;
	if (text.len == 5 || text.data[5] == '+')
		return span_starts(text, "GOV") ||
		       span_find_byte(span_after(text, 6), '-') > 0;
	return text.data[5] == '-' && text.len > 6;
}

/* An address in the alternative names; in the subject it is ASCII, or it is not
 * there. */
static bool
is_own_mailbox(const struct lint_cert *cert, struct span text)
{
	struct span names = lint_list(cert, OID_ALTERNATIVE);
	struct span mailbox = SPAN_NONE;

	while (lint_mailbox(&names, &mailbox))
		if (span_is(mailbox, text))
			return true;
	return false;
}

static bool
is_person(const struct lint_cert *cert, struct span text)
{
	const struct lint_part *given = lint_part(cert, OID_GIVEN_NAME);
	const struct lint_part *surname = lint_part(cert, OID_SURNAME);
	const struct lint_part *pseudonym = lint_part(cert, OID_PSEUDONYM);

	if (pseudonym != NULL)
		return span_is(pseudonym->text, text);
	return given != NULL && surname != NULL &&
	       text.len == given->text.len + 1 + surname->text.len &&
	       span_is(span_first(text, given->text.len), given->text) &&
	       text.data[given->text.len] == ' ' &&
	       span_is(span_after(text, given->text.len + 1), surname->text);
}

static bool
common_name_is_proven(const struct lint_cert *cert)
{
	const struct lint_part *name = lint_part(cert, OID_COMMON_NAME);
	const struct lint_part *company = lint_part(cert, OID_ORGANIZATION);

	if (name == NULL || is_own_mailbox(cert, name->text))
		return true;
	if (cert->level == LINT_LEVEL_ORGANIZATION)
		return company != NULL && span_is(company->text, name->text);
	return (BIT(cert->level) & LEVELS_PERSON) != 0 &&
	       is_person(cert, name->text);
}

static bool
subject_mailbox_is_repeated(const struct lint_cert *cert)
{
	for (size_t i = 0; i < cert->parts; i++) {
		struct span text = cert->part[i].text;
		bool mailbox =
		    span_is(cert->part[i].oid, OID_EMAIL) ||
		    (span_find_byte(text, '@') >= 0 && mailbox_is_ascii(text));
		if (mailbox && !is_own_mailbox(cert, text))
			return false;
	}
	return true;
}

static bool
ca_has_a_name(const struct lint_cert *cert)
{
	return has(cert, OID_COMMON_NAME) && has(cert, OID_ORGANIZATION);
}

static const struct lint_row rows[] = {
    {{"rfc5280-4.1.2.6-string", "RFC 5280 sections 4.1.2.4 and 4.1.2.6",
	 "Names are PrintableString or UTF8String, an emailAddress IA5String, "
	 "each alone in its set."},
	KINDS_ALL, strings_are_good},
    {{"rfc5280-a.1-length", "RFC 5280 appendix A.1",
	 "No attribute is empty or longer than its upper bound."},
	KINDS_ALL, lengths_are_kept},
    {{"sbr-7.1.4-text", "S/MIME BR 7.1.4",
	 "An attribute says something, without blanks around it, control "
	 "characters, or marks that turn the direction of writing."},
	KINDS_ALL, texts_are_clean},
    {{"sbr-7.1.4-twice", "S/MIME BR 7.1.4", "No attribute is there twice."},
	KINDS_ALL, no_attribute_is_twice},
    {{"sbr-7.1.4-attributes", "S/MIME BR 7.1.4",
	 "The subject has only attributes that belong to what was checked: a "
	 "mailbox has no name, a person alone no organisation."},
	KINDS(LINT_MAIL), attributes_are_of_the_level},
    {{"sbr-7.1.4-organization", "S/MIME BR 7.1.4",
	 "An organisation, or whom it vouches for, has organizationName and "
	 "organizationIdentifier."},
	KINDS(LINT_MAIL), names_an_organization},
    {{"sbr-7.1.4-person", "S/MIME BR 7.1.4",
	 "A person has givenName or surname, or else a pseudonym."},
	KINDS(LINT_MAIL), names_a_person},
    {{"sbr-7.1.4-country", "S/MIME BR 7.1.4",
	 "A country is two capital letters."},
	KINDS_ALL, country_is_a_code},
    {{"sbr-7.1.4-identifier", "S/MIME BR 7.1.4",
	 "An organizationIdentifier names register, country and number."},
	KINDS(LINT_MAIL), identifier_has_its_form},
    {{"sbr-7.1.4-common-name", "S/MIME BR 7.1.4",
	 "A commonName is the mailbox, or the name that was checked."},
	KINDS(LINT_MAIL), common_name_is_proven},
    {{"sbr-7.1.4-repeated", "S/MIME BR 7.1.4",
	 "Every mailbox of the subject is in the subjectAltName."},
	KINDS(LINT_MAIL), subject_mailbox_is_repeated},
    {{"sbr-7.1.4-ca", "S/MIME BR 7.1.4",
	 "A CA has a commonName and an organizationName."},
	KINDS_CA, ca_has_a_name},
};

struct lint_theme
lint_name(void)
{
	return LINT_THEME(rows);
}
