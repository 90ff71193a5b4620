#include "authority/schema.h"

#include <stdio.h>

#define PATH_LEN_MAX 4096
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Step i brings a database from version i to i + 1.  A step that was published
 * is never edited: add another one. */
static const char *const steps[] = {
    "CREATE TABLE account ("
    " id $id,"
    " name TEXT NOT NULL UNIQUE,"
    " thumbprint TEXT NOT NULL UNIQUE,"
    " jwk TEXT NOT NULL,"
    " contact TEXT NOT NULL,"
    " status TEXT NOT NULL,"
    " created $number NOT NULL) $strict;"

    "CREATE TABLE \"authorization\" ("
    " id $id,"
    " name TEXT NOT NULL UNIQUE,"
    " account $number NOT NULL REFERENCES account (id),"
    " address TEXT NOT NULL,"
    " folded TEXT NOT NULL,"
    " status TEXT NOT NULL,"
    " created $number NOT NULL,"
    " expires $number NOT NULL,"
    " recipient TEXT NOT NULL UNIQUE,"
    " token1 TEXT NOT NULL,"
    " token2 TEXT NOT NULL,"
    " posted $number NOT NULL DEFAULT 0,"
    " answered $number NOT NULL DEFAULT 0,"
    " validated $number NOT NULL DEFAULT 0,"
    " error_type TEXT,"
    " error_detail TEXT,"
    " mail_next $number," /* when to send the challenge; null: never */
    " mail_tries $number NOT NULL DEFAULT 0) $strict;"
    "CREATE INDEX authorization_of ON \"authorization\" (account, address);"
    "CREATE INDEX authorization_mailbox"
    " ON \"authorization\" (folded, created);"
    "CREATE INDEX authorization_mail ON \"authorization\" (mail_next)"
    " WHERE mail_next IS NOT NULL;"

    "CREATE TABLE certificate ("
    " id $id,"
    " name TEXT NOT NULL UNIQUE,"
    " serial $bytes NOT NULL UNIQUE,"
    " account $number NOT NULL REFERENCES account (id),"
    " address TEXT NOT NULL,"
    " folded TEXT NOT NULL,"
    " kind TEXT NOT NULL,"
    " key_sha256 $bytes NOT NULL,"
    " not_before $number NOT NULL,"
    " not_after $number NOT NULL,"
    " der $bytes NOT NULL) $strict;"
    "CREATE INDEX certificate_address ON certificate (address);"
    "CREATE INDEX certificate_folded ON certificate (folded);"
    "CREATE INDEX certificate_key ON certificate (key_sha256);"

    "CREATE TABLE acme_order ("
    " id $id,"
    " name TEXT NOT NULL UNIQUE,"
    " account $number NOT NULL REFERENCES account (id),"
    " \"authorization\" $number NOT NULL"
    " REFERENCES \"authorization\" (id),"
    " address TEXT NOT NULL,"
    " created $number NOT NULL,"
    " expires $number NOT NULL,"
    " certificate $number REFERENCES certificate (id)) $strict;"
    "CREATE INDEX order_of ON acme_order (account, created);",

    /* a word that PostgreSQL keeps for itself */
    "ALTER TABLE \"authorization\" RENAME TO acme_authorization;"
    "ALTER TABLE acme_order"
    " RENAME COLUMN \"authorization\" TO acme_authorization;",

    /* What was done, and its seal (authority/audit.h). */
    "CREATE TABLE audit ("
    " id $id,"
    " at $number NOT NULL,"
    " actor TEXT NOT NULL,"
    " act TEXT NOT NULL,"
    " object TEXT NOT NULL,"
    " detail TEXT NOT NULL,"
    " position $number UNIQUE," /* in the chain; null: not sealed yet */
    " hash $bytes) $strict;"
    "CREATE INDEX audit_open ON audit (id) WHERE position IS NULL;"
    "CREATE INDEX audit_of ON audit (object);"
    "CREATE TABLE audit_batch ("
    " position $number PRIMARY KEY," /* of its last entry */
    " at $number NOT NULL,"
    " token $bytes NOT NULL) $strict;"

    /* Who of several processes does what is due (authority/jobs.h). */
    "CREATE TABLE job ("
    " name TEXT PRIMARY KEY,"
    " next $number NOT NULL,"
    " holder TEXT NOT NULL,"
    " until $number NOT NULL) $strict;",

    /* What is not to be relied on any more (authority/revoked.h), and what
     * was signed to tell of it: lists and OCSP answers.  They can be made
     * anew at any time. */
    "CREATE TABLE revocation ("
    " id $id,"
    " certificate $number NOT NULL UNIQUE REFERENCES certificate (id),"
    " serial $bytes NOT NULL UNIQUE,"
    " issuer TEXT NOT NULL," /* hex of its key identifier */
    " part $number NOT NULL,"
    " at $number NOT NULL,"
    " reason $number NOT NULL,"
    " not_after $number NOT NULL,"
    " listed $number NOT NULL) $strict;" /* 0: on no list yet */
    "CREATE INDEX revocation_of ON revocation (issuer, part);"
    "CREATE INDEX revocation_new ON revocation (issuer) WHERE listed = 0;"
    "CREATE TABLE crl_list ("
    " issuer TEXT NOT NULL,"
    " part $number NOT NULL,"
    " number $number NOT NULL,"
    " made $number NOT NULL,"
    " until $number NOT NULL,"
    " der $bytes NOT NULL,"
    " PRIMARY KEY (issuer, part)) $strict;"
    "CREATE TABLE ocsp_answer ("
    " serial $bytes NOT NULL,"
    " digest TEXT NOT NULL," /* of the CertID: "sha1", "sha256" */
    " certificate $number NOT NULL REFERENCES certificate (id),"
    " issuer TEXT NOT NULL,"
    " made $number NOT NULL,"
    " until $number NOT NULL,"
    " der $bytes NOT NULL,"
    " PRIMARY KEY (serial, digest)) $strict;"
    "CREATE INDEX ocsp_answer_of ON ocsp_answer (certificate);"
    "CREATE INDEX ocsp_answer_made ON ocsp_answer (made);",

    /* which of several issuing CAs made it */
    "ALTER TABLE certificate ADD COLUMN issuer TEXT NOT NULL DEFAULT '';",

    /* Nonces that were used, and the key they were made with, for several
     * processes (authority/nonce.h). */
    "CREATE TABLE shared_key ("
    " name TEXT PRIMARY KEY,"
    " key $bytes NOT NULL) $strict;"
    "CREATE TABLE nonce ("
    " id $bytes PRIMARY KEY,"
    " made $number NOT NULL) $strict;"
    "CREATE INDEX nonce_made ON nonce (made);",

    /* The audit log says with its first entry which certificates are older
     * than it is (authority/audit_verify.h). */
    "INSERT INTO audit (at, actor, act, object, detail)"
    " SELECT 0, 'authority', 'begin', 'certificates',"
    " CAST(coalesce(max(id), 0) AS TEXT) FROM certificate;",
    /* External accounts, terms; what limits count by; what ACME for hosts
     * and renewal need. */
    "ALTER TABLE account ADD COLUMN binding TEXT;"
    "ALTER TABLE account ADD COLUMN terms TEXT;"
    "CREATE TABLE external_key ("
    " id $id,"
    " kid TEXT NOT NULL UNIQUE,"
    " secret $bytes NOT NULL,"
    " label TEXT NOT NULL,"
    " remaining $number NOT NULL,"
    " created $number NOT NULL) $strict;"
    "ALTER TABLE acme_authorization"
    " ADD COLUMN kind TEXT NOT NULL DEFAULT 'email';"
    "ALTER TABLE acme_authorization"
    " ADD COLUMN domain TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE acme_authorization"
    " ADD COLUMN client TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE acme_authorization"
    " ADD COLUMN thumbprint TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX authorization_domain"
    " ON acme_authorization (domain, created);"
    "CREATE INDEX authorization_client"
    " ON acme_authorization (client, created);"
    "ALTER TABLE acme_order ADD COLUMN replaces TEXT;"
    "CREATE INDEX order_replaces ON acme_order (replaces)"
    " WHERE replaces IS NOT NULL;",

    /* What is published, and by what it is found (authority/directory.h). */
    "CREATE TABLE directory ("
    " certificate $number PRIMARY KEY REFERENCES certificate (id),"
    " folded TEXT NOT NULL,"
    " certificate_hash $bytes NOT NULL,"
    " issuer_serial_hash $bytes NOT NULL,"
    " key_id_hash $bytes,"
    " subject_hash $bytes,"
    " name $bytes) $strict;"
    "CREATE INDEX directory_folded ON directory (folded);"
    "CREATE INDEX directory_certificate ON directory (certificate_hash);"
    "CREATE INDEX directory_serial ON directory (issuer_serial_hash);"
    "CREATE INDEX directory_key_id ON directory (key_id_hash);"
    "CREATE INDEX directory_subject ON directory (subject_hash);"
    "CREATE INDEX directory_name ON directory (name);"
    "CREATE TABLE directory_hidden ("
    " folded TEXT PRIMARY KEY,"
    " at $number NOT NULL) $strict;",

    /* Wishes for a mailbox that has devices (authority/guard.h), and the
     * operators who spoke for them. */
    "CREATE TABLE guard_request ("
    " id $id,"
    " name TEXT NOT NULL UNIQUE,"
    " kind TEXT NOT NULL,"
    " state TEXT NOT NULL,"
    " address TEXT NOT NULL,"
    " folded TEXT NOT NULL,"
    " account $number REFERENCES account (id)," /* null: an operator */
    " acme_order $number UNIQUE REFERENCES acme_order (id),"
    " request $bytes NOT NULL,"
    " key_sha256 $bytes NOT NULL,"
    " serial $bytes NOT NULL,"
    " reason $number NOT NULL,"
    " created $number NOT NULL,"
    " expires $number NOT NULL,"
    " decided_by TEXT,"
    " decided_at $number,"
    " mail_next $number," /* when to tell by letter; null: never */
    " mail_tries $number NOT NULL DEFAULT 0) $strict;"
    "CREATE INDEX guard_request_of ON guard_request (folded);"
    "CREATE INDEX guard_request_open ON guard_request (expires)"
    " WHERE state = 'open';"
    "CREATE INDEX guard_request_mail ON guard_request (mail_next)"
    " WHERE mail_next IS NOT NULL;"
    "CREATE TABLE guard_voice ("
    " request $number NOT NULL REFERENCES guard_request (id),"
    " who TEXT NOT NULL,"
    " at $number NOT NULL,"
    " PRIMARY KEY (request, who)) $strict;",

    /* Who may decide on other people's mailboxes (authority/person.h). */
    "CREATE TABLE desk_operator ("
    " id $id,"
    " address TEXT NOT NULL,"
    " folded TEXT NOT NULL,"
    " account $number NOT NULL REFERENCES account (id),"
    " since $number NOT NULL,"
    " UNIQUE (folded, account)) $strict;",

    /* Each seal of the audit log names the one before; null: it is from before
     * they did (authority/audit_seal.h). */
    "ALTER TABLE audit_batch ADD COLUMN previous $bytes;",

    /* What domains say to our issuing (authority/permission.h), and the
     * orders that wait for it. */
    "CREATE TABLE permission ("
    " acme_authorization $number PRIMARY KEY"
    " REFERENCES acme_authorization (id),"
    " word TEXT NOT NULL,"
    " detail TEXT NOT NULL,"
    " at $number NOT NULL,"
    " due $number," /* when to ask; null: it was said */
    " tries $number NOT NULL DEFAULT 0) $strict;"
    "CREATE INDEX permission_due ON permission (due)"
    " WHERE due IS NOT NULL;"
    "ALTER TABLE acme_order ADD COLUMN request $bytes;"
    "ALTER TABLE acme_order ADD COLUMN error_type TEXT;"
    "ALTER TABLE acme_order ADD COLUMN error_detail TEXT;",

    /* Who somebody is, and by what that is known (authority/claim.h). */
    "CREATE TABLE claim ("
    " id $id,"
    " name TEXT NOT NULL UNIQUE,"
    " account $number NOT NULL REFERENCES account (id),"
    " address TEXT NOT NULL,"
    " folded TEXT NOT NULL,"
    " level TEXT NOT NULL,"
    " given_name TEXT,"
    " surname TEXT,"
    " pseudonym TEXT,"
    " organization TEXT,"
    " organization_identifier TEXT,"
    " country TEXT,"
    " state_name TEXT,"
    " locality TEXT,"
    " state TEXT NOT NULL,"
    " version $number NOT NULL,"
    " created $number NOT NULL,"
    " decided $number NOT NULL DEFAULT 0,"
    " approved $number NOT NULL DEFAULT 0," /* it was, at some time */
    " until $number NOT NULL,"
    " checker TEXT) $strict;" /* folded address */
    "CREATE INDEX claim_of ON claim (folded, account);"
    "CREATE INDEX claim_open ON claim (created)"
    " WHERE state IN ('asked', 'checked');"
    "CREATE TABLE claim_file ("
    " id $id,"
    " claim $number NOT NULL REFERENCES claim (id),"
    " name TEXT NOT NULL,"
    " size $number NOT NULL,"
    " at $number NOT NULL,"
    " UNIQUE (claim, name)) $strict;"
    "CREATE TABLE claim_piece ("
    " file $number NOT NULL REFERENCES claim_file (id),"
    " at $number NOT NULL," /* in the file */
    " bytes $bytes NOT NULL,"
    " PRIMARY KEY (file, at)) $strict;"
    "CREATE TABLE claim_word ("
    " id $id,"
    " claim $number NOT NULL REFERENCES claim (id),"
    " act TEXT NOT NULL,"
    " who TEXT NOT NULL,"
    " note TEXT,"
    " signature TEXT,"
    " at $number NOT NULL) $strict;"
    "CREATE INDEX claim_word_of ON claim_word (claim);"
    "CREATE TABLE claim_certificate ("
    " certificate $number PRIMARY KEY REFERENCES certificate (id),"
    " claim $number NOT NULL REFERENCES claim (id)) $strict;"
    "CREATE INDEX claim_certificate_of"
    " ON claim_certificate (claim);",

    /* Our own certificates that were revoked (authority/ca_revoked.h). */
    "CREATE TABLE ca_revocation ("
    " id $id,"
    " serial $bytes NOT NULL UNIQUE,"
    " subject TEXT NOT NULL," /* the id of the CA; "-": it is none */
    " issuer TEXT NOT NULL,"  /* the id of the CA above it */
    " at $number NOT NULL,"
    " reason $number NOT NULL) $strict;",

    /* The keys of the codes that people keep on paper, by thumbprint
     * (authority/guard_recovery.h). */
    "CREATE TABLE guard_recovery ("
    " folded TEXT PRIMARY KEY,"
    " account $number NOT NULL REFERENCES account (id),"
    " thumbprint TEXT NOT NULL,"
    " since $number NOT NULL) $strict;",

    /* When a domain's record is to be looked for; null: it decides nothing.  How
     * often it was seen (authority/guard_domain.h). */
    "ALTER TABLE guard_request ADD COLUMN proof_next $number;"
    "ALTER TABLE guard_request"
    " ADD COLUMN proof_seen $number NOT NULL DEFAULT 0;"
    "CREATE INDEX guard_request_proof ON guard_request (proof_next)"
    " WHERE proof_next IS NOT NULL;",

    /* Wrong recovery codes, and the letter about one that was replaced
     * (authority/guard_recovery.h). */
    "CREATE TABLE guard_wrong ("
    " id $id,"
    " account $number NOT NULL REFERENCES account (id),"
    " at $number NOT NULL) $strict;"
    "CREATE INDEX guard_wrong_of ON guard_wrong (account, at);"
    "ALTER TABLE guard_recovery ADD COLUMN address TEXT;"
    "ALTER TABLE guard_recovery ADD COLUMN mail_next $number;"
    "ALTER TABLE guard_recovery"
    " ADD COLUMN mail_tries $number NOT NULL DEFAULT 0;"
    "CREATE INDEX guard_recovery_mail ON guard_recovery (mail_next)"
    " WHERE mail_next IS NOT NULL;",
};

int64_t
schema_newest(void)
{
	return (int64_t)COUNT_OF(steps);
}

static enum rc
check_known(int64_t version, struct err *err)
{
	if (version <= schema_newest())
		return RC_OK;
	return err_set(err, RC_UNFIT,
	    "the database was written by a newer letterlock-authority "
	    "(version %lld): use that one",
	    (long long)version);
}

static enum rc
bring_to(struct sql *sql, int64_t want, struct err *err)
{
	struct sql_act act SQL_ACT_OWNED = SQL_ACT;
	int64_t version = 0;

	TRY(sql_act_begin(sql, &act, err));
	TRY(sql_version(sql, &version, err));
	TRY(check_known(version, err));
	for (int64_t i = version; i < want; i++)
		TRY(sql_run(sql, steps[i], err));
	TRY(sql_set_version(sql, want, err));
	return sql_act_commit(&act, err);
}

static enum rc
upgrade(struct sql *sql, struct err *err)
{
	return bring_to(sql, schema_newest(), err);
}

/* An empty database gets its tables; that of another version is left alone. */
static enum rc
make_or_check(struct sql *sql, struct err *err)
{
	int64_t version = 0;

	TRY(sql_version(sql, &version, err));
	if (version == schema_newest())
		return RC_OK;
	if (version > 0 && version < schema_newest())
		return err_set(err, RC_UNFIT,
		    "the database was written by an older "
		    "letterlock-authority (version %lld, now %lld): make a "
		    "backup, stop every process that uses it, and run "
		    "letterlock-authority upgrade",
		    (long long)version, (long long)schema_newest());
	return upgrade(sql, err);
}

static enum rc
open_with(enum rc (*prepare)(struct sql *sql, struct err *err),
    const char *folder, const struct settings *settings, struct sql **ret,
    struct err *err)
{
	struct sql *sql OWNED(sql_free) = NULL;
	char path[PATH_LEN_MAX];
	unsigned tries = 0;
	enum rc rc;

	(void)snprintf(path, sizeof(path), "%s/" SCHEMA_FILE, folder);
	TRY(sql_open(
	    settings->store != NULL ? settings->store : path, &sql, err));
	/* Several processes may begin at once with an empty database; whoever
	 * is second meets tables that were not there a moment before. */
	do
		rc = prepare(sql, err);
	while ((rc == RC_AGAIN || rc == RC_REFUSED) && sql_again(&tries));
	TRY(rc);
	*ret = take(sql);
	return RC_OK;
}

enum rc
schema_open(const char *folder, const struct settings *settings,
    struct sql **ret, struct err *err)
{
	return open_with(make_or_check, folder, settings, ret, err);
}

static enum rc
do_nothing(struct sql *sql, struct err *err)
{
	return RC_OK;
}

enum rc
schema_upgrade(const char *folder, const struct settings *settings,
    int64_t *ret_before, struct err *err)
{
	struct sql *sql OWNED(sql_free) = NULL;
	int64_t before = 0;

	TRY(open_with(do_nothing, folder, settings, &sql, err));
	TRY(sql_version(sql, &before, err));
	TRY(upgrade(sql, err));
	*ret_before = before;
	return RC_OK;
}

enum rc
schema_look(const char *folder, const struct settings *settings,
    struct sql **ret, int64_t *ret_version, struct err *err)
{
	struct sql *sql OWNED(sql_free) = NULL;
	int64_t version = 0;

	TRY(open_with(do_nothing, folder, settings, &sql, err));
	TRY(sql_version(sql, &version, err));
	TRY(check_known(version, err));
	*ret_version = version;
	*ret = take(sql);
	return RC_OK;
}

enum rc
schema_make(
    const char *folder, int64_t version, struct sql **ret, struct err *err)
{
	const struct settings here = {.store = NULL};
	struct sql *sql OWNED(sql_free) = NULL;

	TRY(open_with(do_nothing, folder, &here, &sql, err));
	TRY(bring_to(sql, version, err));
	*ret = take(sql);
	return RC_OK;
}
