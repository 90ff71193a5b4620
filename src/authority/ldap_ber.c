#include "authority/ldap_ber_priv.h"

#define LENGTH_MAX 4 /* octets of a length */

static enum rc
bad(struct err *err)
{
	return err_set(err, RC_SYNTAX, "LDAP: not BER with definite lengths");
}

enum rc
ldap_ber_size(
    struct span in, size_t *ret_header, size_t *ret_len, struct err *err)
{
	if (in.len > 0 && (in.data[0] & 0x1f) == 0x1f)
		return bad(err);
	if (in.len < 2)
		return err_set(err, RC_AGAIN, "LDAP: more to come");
	size_t octets = in.data[1] & 0x80 ? in.data[1] & 0x7f : 0;
	size_t len = octets == 0 ? in.data[1] : 0;
	if (octets > LENGTH_MAX || in.data[1] == 0x80)
		return bad(err);
	if (in.len < 2 + octets)
		return err_set(err, RC_AGAIN, "LDAP: more to come");
	for (size_t i = 0; i < octets; i++)
		len = len << 8 | in.data[2 + i];
	*ret_header = 2 + octets;
	*ret_len = len;
	return RC_OK;
}

enum rc
ldap_ber_next(struct span *in, struct ldap_ber *ret, struct err *err)
{
	size_t header = 0, len = 0;

	enum rc rc = ldap_ber_size(*in, &header, &len, err);
	if (rc == RC_AGAIN || (rc == RC_OK && len > in->len - header))
		return bad(err);
	TRY(rc);
	*ret = (struct ldap_ber){
	    in->data[0], span_first(span_after(*in, header), len)};
	*in = span_after(*in, header + len);
	return RC_OK;
}

enum rc
ldap_ber_expect(
    struct span *in, uint8_t tag, struct ldap_ber *ret, struct err *err)
{
	struct span rest = *in;

	TRY(ldap_ber_next(&rest, ret, err));
	if (ret->tag != tag)
		return err_set(err, RC_SYNTAX,
		    "LDAP: an element of another kind than expected");
	*in = rest;
	return RC_OK;
}

enum rc
ldap_ber_string(struct span *in, struct span *ret, struct err *err)
{
	struct ldap_ber string;

	TRY(ldap_ber_expect(in, BER_OCTETS, &string, err));
	*ret = string.value;
	return RC_OK;
}

enum rc
ldap_ber_number(struct span *in, uint8_t tag, uint32_t *ret, struct err *err)
{
	struct ldap_ber number;
	uint64_t value = 0;

	TRY(ldap_ber_expect(in, tag, &number, err));
	/* five: a leading zero, so that 2^31 is not negative */
	if (number.value.len == 0 || number.value.len > 5 ||
	    (number.value.data[0] & 0x80) != 0)
		return err_set(err, RC_SYNTAX, "LDAP: a number out of range");
	for (size_t i = 0; i < number.value.len; i++)
		value = value << 8 | number.value.data[i];
	if (value > UINT32_MAX)
		return err_set(err, RC_SYNTAX, "LDAP: a number out of range");
	*ret = (uint32_t)value;
	return RC_OK;
}
