#include "cms/receipt.h"

#include "pki/der.h"

#define VERSION 1
#define ID_MAX ((size_t)4096)
#define SIGNATURE_MAX ((size_t)64 * 1024)
#define ALL_OR_FIRST_TIER 0x80 /* [0] INTEGER */
#define RECEIPT_LIST 0xa1      /* [1] SEQUENCE OF GeneralNames */
#define RFC822_NAME 0x81       /* [1] IA5String */

/* GeneralNames: only mail addresses are of use to anybody. */
static enum rc
read_names(struct span names, struct strlist *ret, struct err *err)
{
	struct der name;

	while (names.len > 0) {
		TRY(der_next(&names, &name, err));
		if (name.tag == RFC822_NAME)
			TRY(strlist_add(ret, name.value, err));
	}
	return RC_OK;
}

static enum rc
read_lists(struct span lists, struct strlist *ret, struct err *err)
{
	struct der names;

	for (int i = 0; lists.len > 0; i++) {
		if (i >= RECEIPT_TO_MAX)
			return err_set(err, RC_LIMIT,
			    "a receipt request of more than %d names",
			    RECEIPT_TO_MAX);
		TRY(der_expect(&lists, DER_SEQUENCE, &names, err));
		TRY(read_names(names.value, ret, err));
	}
	return RC_OK;
}

static enum rc
read_from(struct span *in, struct receipt_request *ret, struct err *err)
{
	struct der from;

	TRY(der_next(in, &from, err));
	if (from.tag == RECEIPT_LIST) {
		ret->from = RECEIPT_LISTED;
		return read_lists(from.value, &ret->from_list, err);
	}
	if (from.tag != ALL_OR_FIRST_TIER || from.value.len != 1 ||
	    from.value.data[0] > RECEIPT_FIRST_TIER)
		return err_set(
		    err, RC_SYNTAX, "a receipt request to nobody known");
	ret->from = from.value.data[0];
	return RC_OK;
}

static enum rc
read_request(struct span der, struct receipt_request *ret, struct err *err)
{
	struct der all, id, to;

	TRY(der_check(der, err));
	TRY(der_expect(&der, DER_SEQUENCE, &all, err));
	TRY(der_expect(&all.value, DER_OCTETS, &id, err));
	TRY(buf_add(&ret->id, id.value, err));
	TRY(read_from(&all.value, ret, err));
	TRY(der_expect(&all.value, DER_SEQUENCE, &to, err));
	if (all.value.len > 0 || to.value.len == 0)
		return err_set(err, RC_SYNTAX, "no well-formed ReceiptRequest");
	return read_lists(to.value, &ret->to, err);
}

enum rc
receipt_request_parse(
    struct span der, struct receipt_request *ret, struct err *err)
{
	struct receipt_request made = {.asked = true, .id = BUF(ID_MAX)};

	enum rc rc = read_request(der, &made, err);
	if (rc != RC_OK)
		receipt_request_done(&made);
	else
		*ret = made;
	/* nothing more in it is nothing more in the letter */
	return rc == RC_ABSENT
		   ? err_set(err, RC_SYNTAX, "no well-formed ReceiptRequest")
		   : rc;
}

void
receipt_request_done(struct receipt_request *request)
{
	buf_done(&request->id);
	strlist_done(&request->from_list);
	strlist_done(&request->to);
	request->asked = false;
}

static enum rc
read_receipt(struct span der, struct receipt *ret, struct err *err)
{
	struct der all, version, type, id, signature;

	TRY(der_check(der, err));
	TRY(der_expect(&der, DER_SEQUENCE, &all, err));
	TRY(der_expect(&all.value, DER_INTEGER, &version, err));
	TRY(der_expect(&all.value, DER_OID, &type, err));
	TRY(der_expect(&all.value, DER_OCTETS, &id, err));
	TRY(der_expect(&all.value, DER_OCTETS, &signature, err));
	if (version.value.len != 1 || version.value.data[0] != VERSION ||
	    all.value.len > 0)
		return err_set(err, RC_SYNTAX, "no well-formed Receipt");
	TRY(buf_add(&ret->content_type, type.value, err));
	TRY(buf_add(&ret->id, id.value, err));
	return buf_add(&ret->signature, signature.value, err);
}

enum rc
receipt_parse(struct span der, struct receipt *ret, struct err *err)
{
	struct receipt made = {BUF(ID_MAX), BUF(ID_MAX), BUF(SIGNATURE_MAX)};

	enum rc rc = read_receipt(der, &made, err);
	if (rc != RC_OK)
		receipt_done(&made);
	else
		*ret = made;
	return rc;
}

void
receipt_done(struct receipt *receipt)
{
	buf_done(&receipt->content_type);
	buf_done(&receipt->id);
	buf_done(&receipt->signature);
}
