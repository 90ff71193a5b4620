#include "mime/protect_outside_priv.h"

#include "mime/protect_owner_priv.h"

/* Both without folds and outer blanks: what is compared must not depend on
 * where somebody broke the line. */
bool
outside_same_value(struct span a, struct span b)
{
	struct buf flat_a BUF_OWNED = BUF_SECRET(FIELD_SECTION_MAX);
	struct buf flat_b BUF_OWNED = BUF_SECRET(FIELD_SECTION_MAX);

	/* In doubt another value: the field then counts as hidden outside,
	 * which keeps a reply from telling it. */
	if (field_unfold(a, &flat_a, NULL) != RC_OK ||
	    field_unfold(b, &flat_b, NULL) != RC_OK)
		return false;
	return span_is(
	    span_trim(buf_span(&flat_a)), span_trim(buf_span(&flat_b)));
}

/* "HP-Outer:" field-name ": " and the value. */
static bool
read_hp_outer(const struct field *field, struct outside_field *ret)
{
	ptrdiff_t colon = span_find_byte(field->value, ':');

	if (protect_owner_of(field) != OWNER_HP || colon < 0)
		return false;
	ret->name = span_trim(span_first(field->value, (size_t)colon));
	ret->value = span_trim(span_after(field->value, (size_t)colon + 1));
	return true;
}

static bool
read_real_outer(const struct field *field, struct outside_field *ret)
{
	if (!protect_is_protected(field))
		return false;
	*ret = (struct outside_field){field->name, field->value};
	return true;
}

struct outside
outside_of(const struct protect_letter *letter)
{
	bool real = protect_form_of(letter) == PROTECT_FORM_WRAPPED;

	return (struct outside){
	    real ? &letter->outer->fields : &letter->payload->fields, real};
}

bool
outside_next(
    const struct outside *outside, size_t *at, struct outside_field *ret)
{
	while (*at < outside->fields->len) {
		const struct field *field = &outside->fields->item[(*at)++];
		if (outside->real ? read_real_outer(field, ret)
				  : read_hp_outer(field, ret))
			return true;
	}
	return false;
}

bool
outside_has(const struct outside *outside, const struct field *field)
{
	struct outside_field other;

	for (size_t at = 0; outside_next(outside, &at, &other);)
		if (span_equal_nocase(other.name, field->name) &&
		    outside_same_value(other.value, field->value))
			return true;
	return false;
}
