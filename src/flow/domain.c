#include "flow/domain.h"

#include <stdlib.h>

#include <libpsl.h>
#include <unicode/uidna.h>

#include "base/own.h"

struct domain_reader {
	UIDNA *idna;
	const psl_ctx_t *suffixes; /* lent by libpsl, for ever */
};

OWNER(struct domain_reader, domain_reader_free);

/* What is no reason to refuse: names that DNS carries and IDNA would not
 * register anew.  All other errors are. */
#define DOMAIN_TOLERATED                                                      \
	(uint32_t)(UIDNA_ERROR_LEADING_HYPHEN | UIDNA_ERROR_TRAILING_HYPHEN | \
		   UIDNA_ERROR_HYPHEN_3_4)

enum rc
domain_reader_new(struct domain_reader **ret, struct err *err)
{
	UErrorCode code = U_ZERO_ERROR;
	struct domain_reader *r OWNED(domain_reader_free) =
	    calloc(1, sizeof(*r));

	if (r == NULL)
		return err_nomem(err, "domain reader");
	r->suffixes = psl_builtin();
	if (r->suffixes == NULL)
		return err_set(err, RC_UNFIT,
		    "libpsl was built without the public suffix list");
	r->idna = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII |
				      UIDNA_NONTRANSITIONAL_TO_UNICODE |
				      UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ,
	    &code);
	if (U_FAILURE(code))
		return err_set(err, RC_UNFIT, "ICU: %s", u_errorName(code));
	*ret = take(r);
	return RC_OK;
}

void
domain_reader_free(struct domain_reader *reader)
{
	if (reader == NULL)
		return;
	uidna_close(reader->idna);
	free(reader);
}

/* Where each label of `text` begins.  RC_SYNTAX: an empty one, or too many. */
static enum rc
find_labels(
    const char *text, size_t *ret_at, size_t *ret_labels, struct err *err)
{
	size_t labels = 0;

	for (const char *at = text;; at++) {
		size_t len = strcspn(at, ".");
		if (len == 0 || labels == DOMAIN_LABELS_MAX)
			return err_set(err, RC_SYNTAX,
			    "domain with an empty label, or too many");
		ret_at[labels++] = (size_t)(at - text);
		at += len;
		if (*at == '\0')
			break;
	}
	*ret_labels = labels;
	return RC_OK;
}

/* U-labels first: it is those that IDNA's rules are about. */
static enum rc
convert(const struct domain_reader *reader, struct span text,
    struct domain *ret, struct err *err)
{
	UIDNAInfo info = UIDNA_INFO_INITIALIZER;
	UErrorCode code = U_ZERO_ERROR;

	int32_t len = uidna_nameToUnicodeUTF8(reader->idna,
	    (const char *)text.data, (int32_t)text.len, ret->unicode,
	    sizeof(ret->unicode) - 1, &info, &code);
	if (U_FAILURE(code) || (info.errors & ~DOMAIN_TOLERATED) != 0)
		return err_set(err, RC_SYNTAX,
		    "domain that no registry gives (IDNA 0x%x)", info.errors);
	ret->unicode[len] = '\0';
	info = (UIDNAInfo)UIDNA_INFO_INITIALIZER;
	int32_t ascii = uidna_nameToASCII_UTF8(reader->idna, ret->unicode, len,
	    ret->ascii, sizeof(ret->ascii) - 1, &info, &code);
	if (U_FAILURE(code) || (info.errors & ~DOMAIN_TOLERATED) != 0)
		return err_set(err, RC_SYNTAX,
		    "domain that no registry gives (IDNA 0x%x)", info.errors);
	ret->ascii[ascii] = '\0';
	return RC_OK;
}

static void
find_name(const struct domain_reader *reader, struct domain *domain)
{
	const char *bought =
	    psl_registrable_domain(reader->suffixes, domain->ascii);
	const char *suffix =
	    psl_unregistrable_domain(reader->suffixes, domain->ascii);

	domain->name = 0;
	for (size_t i = 0; bought != NULL && i < domain->labels; i++)
		if (domain->ascii + domain->at[i] == bought)
			domain->name = i;
	domain->public_suffix =
	    suffix != NULL && psl_is_public_suffix2(reader->suffixes, suffix,
				  PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE);
}

enum rc
domain_parse(const struct domain_reader *reader, struct span text,
    struct domain *ret, struct err *err)
{
	size_t labels = 0;

	if (text.len > 0 && text.data[text.len - 1] == '.')
		text.len--;
	/* U-labels are longer than A-labels at times */
	if (text.len == 0 || text.len > DOMAIN_MAX * 2 ||
	    span_find_byte(text, '\0') >= 0)
		return err_set(err, RC_SYNTAX, "domain of %zu bytes", text.len);
	TRY(convert(reader, text, ret, err));
	TRY(find_labels(ret->ascii, ret->at, &ret->labels, err));
	TRY(find_labels(ret->unicode, ret->unicode_at, &labels, err));
	if (labels != ret->labels)
		return err_set(err, RC_SYNTAX, "domain of two readings");
	find_name(reader, ret);
	return RC_OK;
}

struct span
domain_label(const struct domain *domain, size_t label)
{
	const char *at = domain->unicode + domain->unicode_at[label];

	return span_of(at, strcspn(at, "."));
}

const char *
domain_registrable(const struct domain *domain)
{
	return domain->ascii + domain->at[domain->name];
}

const char *
domain_suffix(const struct domain *domain)
{
	if (domain->name + 1 >= domain->labels)
		return "";
	return domain->ascii + domain->at[domain->name + 1];
}
