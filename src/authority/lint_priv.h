/* authority/lint_priv -- a certificate taken apart, for the rules. */
#ifndef AUTHORITY_LINT_PRIV_H
#define AUTHORITY_LINT_PRIV_H

#include "authority/lint.h"
#include "authority/oid_priv.h"
#include "pki/der_write.h"
#include "pki/policy.h"

#define LINT_PARTS_MAX 32

enum lint_key { LINT_KEY_RSA, LINT_KEY_EC, LINT_KEY_ED, LINT_KEY_OTHER };

/* What is said of whom; the last number of the policy (pki/policy.h). */
enum lint_level {
	LINT_LEVEL_NONE,
	LINT_LEVEL_MAILBOX,
	LINT_LEVEL_ORGANIZATION,
	LINT_LEVEL_SPONSOR,
	LINT_LEVEL_INDIVIDUAL,
};

struct lint_extension {
	struct span oid;
	bool critical;
	bool default_written; /* "critical FALSE" */
	struct span value;    /* within the OCTET STRING */
};

struct lint_part {
	struct span oid;
	uint8_t tag;
	struct span text;
};

struct lint_cert {
	const struct lint_wish *wish;
	const struct lint_cert *above; /* its issuer; NULL: not at hand */
	enum lint_kind kind;
	enum lint_key key;
	enum lint_level level;
	uint32_t version;
	struct der serial, algorithm, issuer, from, until, subject, spki;
	bool unique_id;
	bool single; /* each RDN of the subject has one attribute */
	struct lint_extension extension[LINT_PARTS_MAX];
	size_t extensions;
	struct lint_part part[LINT_PARTS_MAX];
	size_t parts;
	uint32_t usage; /* 0: none, or malformed */
};

/* RC_SYNTAX: not DER, or without the parts of a certificate. */
enum rc lint_read(struct span tbs, struct lint_cert *ret, struct err *err);
/* The same of a certificate that is signed; `ret` is all zero. */
enum rc lint_read_signed(
    struct span der, struct lint_cert *ret, struct err *err);

/* NULL: it is not there. */
const struct lint_extension *lint_find(
    const struct lint_cert *cert, struct span oid);
const struct lint_part *lint_part(
    const struct lint_cert *cert, struct span oid);

/* The elements within an extension that is a SEQUENCE and nothing else; none
 * if it is not there or something else. */
struct span lint_list(const struct lint_cert *cert, struct span oid);
/* How many elements are in `list`; 0 if they are no DER. */
size_t lint_count(struct span list);
/* Is this OBJECT IDENTIFIER an element of the list? */
bool lint_has(struct span list, struct span oid);
/* The first element, if it has the tag. */
bool lint_first(struct span in, uint8_t tag, struct der *ret);
/* RC_OK's answer as a question: take the next one off. */
bool lint_next(struct span *in, struct der *ret);
/* Seconds since 1970 of a UTCTime or GeneralizedTime in RFC 5280's form. */
bool lint_time(const struct der *time, int64_t *ret);

/* The next mailbox in the subjectAltName that is one, in either form; `names`
 * begins as lint_list(cert, OID_ALTERNATIVE). */
bool lint_mailbox(struct span *names, struct span *ret);

#define KINDS(kind) BIT(kind)
#define KINDS_ALL 0xffffffffu
#define KINDS_CA (KINDS(LINT_ROOT) | KINDS(LINT_MAIL_CA) | KINDS(LINT_TSA_CA))
#define KINDS_BELOW (KINDS_ALL & ~KINDS(LINT_ROOT))
#define KINDS_END (KINDS_ALL & ~KINDS_CA)

/* A row of one theme's table. */
struct lint_row {
	struct lint_rule rule;
	uint32_t kinds; /* for which it is asked */
	bool (*holds)(const struct lint_cert *cert);
};

struct lint_theme {
	const struct lint_row *row;
	size_t len;
};
struct lint_theme lint_form(void);
struct lint_theme lint_key(void);
struct lint_theme lint_name(void);
struct lint_theme lint_alternative(void);
struct lint_theme lint_use(void);
struct lint_theme lint_pointer(void);
#define LINT_THEME(rows) \
	((struct lint_theme){(rows), sizeof(rows) / sizeof((rows)[0])})

#endif
