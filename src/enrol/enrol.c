#include "enrol/enrol.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "codec/hex.h"
#include "enrol/acme.h"
#include "enrol/acme_guard.h"
#include "enrol/answer.h"
#include "enrol/inbox.h"
#include "enrol/keep.h"
#include "enrol/order.h"
#include "enrol/upstream.h"
#include "enrol/recognise.h"
#include "enrol/session.h"
#include "mime/address.h"
#include "os/clock.h"
#include "os/log.h"

#define TIMEOUT_DEFAULT 120 /* seconds */
#define ANSWER_TIMEOUT 30000
#define POLL 100       /* milliseconds between two looks */
#define POLL_SLOW 2000 /* after POLL_FAST of them */
#define POLL_FAST 100  /* looks */
#define PAUSE_MAX 5000 /* whatever the authority asks for */
#define WARNINGS_MAX 5

/* One run: what is opened once and used by every step. */
struct run {
	const struct enrol *enrol;
	struct session session;
	struct upstream *upstream;
	struct inbox *inbox; /* NULL: not open */
	struct order order;  /* what is under way */
	int64_t deadline;
	unsigned looks; /* into the inbox */
	unsigned warnings;
	struct err trouble; /* of the last try that may be made again */
};

static void
run_done(struct run *run)
{
	inbox_free(run->inbox);
	upstream_free(run->upstream);
	session_done(&run->session);
}
#define RUN_OWNED __attribute__((cleanup(run_done)))

static void
pause_for(int milliseconds)
{
	struct timespec wait = {.tv_sec = milliseconds / 1000,
	    .tv_nsec = milliseconds % 1000 * 1000000L};

	(void)nanosleep(&wait, NULL);
}

/* -- the beginning -- */

/* What can fail early does: the inbox is opened before anything is asked of
 * the authority. */
static enum rc
run_begin(const struct enrol *enrol, struct run *run, struct err *err)
{
	int seconds = enrol->timeout > 0 ? enrol->timeout : TIMEOUT_DEFAULT;
	const struct upstream_config config = {
	    enrol->account, enrol->state, enrol->resolver, enrol->identity};

	run->enrol = enrol;
	run->deadline = clock_ticks() + (int64_t)seconds * 1000;
	TRY(upstream_new(&config, &run->upstream, err));
	TRY(inbox_new(run->upstream, ANSWER_TIMEOUT, &run->inbox, err));
	return session_begin(&run->session, enrol, err);
}

/* -- waiting -- */

/* RC_IO at the end of the time, with what was the matter last. */
static enum rc
check_time(const struct run *run, const char *what, struct err *err)
{
	if (clock_ticks() < run->deadline)
		return RC_OK;
	if (run->trouble.text[0] != '\0')
		return err_set(err, RC_IO, "%s: %s", what, run->trouble.text);
	return err_set(err, RC_IO, "%s", what);
}

static void
pause_before_order(unsigned retry_after)
{
	int wait = POLL;

	if (retry_after > 0)
		wait = retry_after < PAUSE_MAX / 1000 ? (int)retry_after * 1000
						      : PAUSE_MAX;
	pause_for(wait);
}

/* -- the challenge -- */

static void
warn(struct run *run, const struct err *why)
{
	if (run->warnings++ >= WARNINGS_MAX)
		return;
	log_warning("somebody else is trying to get a certificate for %s: a "
		    "challenge in the inbox is not ours (%s); it was left "
		    "where it is",
	    run->enrol->account->address, why->text);
}

/* That the answer is on its way.  If they do not like to hear it now (again,
 * say), what they make of the answer is what counts. */
static enum rc
tell_authority(struct run *run, struct err *err)
{
	enum rc rc = acme_challenge_answered(
	    run->session.acme, run->order.challenge, err);

	if (rc != RC_REFUSED)
		return rc;
	run->trouble = *err;
	return RC_OK;
}

static enum rc
send_answer(
    struct run *run, const struct recognised *challenge, struct err *err)
{
	struct buf thumbprint BUF_OWNED = BUF_SMALL;
	struct answer answer = {
	    .account = run->enrol->account,
	    .upstream = run->upstream,
	    .challenge = challenge,
	    .token2 = run->order.token,
	    .timeout = ANSWER_TIMEOUT,
	};

	TRY(acme_thumbprint(run->session.acme, &thumbprint, err));
	answer.thumbprint = buf_span(&thumbprint);
	return answer_send(&answer, err);
}

/* RFC 8823 section 3: never answer the same one twice.  What was answered is
 * saved behind the sending: if we die in between, the same answer goes out
 * once more under the same Message-ID, and nothing is stuck. */
static enum rc
answer_once(struct run *run, uint32_t uid, const struct recognised *challenge,
    struct err *err)
{
	if (strcmp(run->order.answered, challenge->token1) != 0) {
		TRY(send_answer(run, challenge, err));
		(void)snprintf(run->order.answered, sizeof(run->order.answered),
		    "%s", challenge->token1);
		TRY(order_save(run->enrol->state, &run->order, err));
	}
	TRY(inbox_remove(run->inbox, uid, err));
	TRY(inbox_mark(run->inbox, uid, err));
	return tell_authority(run, err);
}

static enum rc
look_at(struct run *run, uint32_t uid, struct span letter, struct err *err)
{
	struct recognise ask = {
	    .resolver = run->enrol->resolver,
	    .address = run->enrol->account->address,
	    .order = &run->order,
	};
	struct recognised challenge = {0};
	struct err why = ERR_NONE;

	enum rc rc = recognise_challenge(&ask, letter, &challenge, &why);
	if (rc == RC_OK)
		return answer_once(run, uid, &challenge, err);
	if (rc != RC_ABSENT && rc != RC_REFUSED)
		return err_set(err, rc, "%s", why.text);
	if (rc == RC_REFUSED)
		warn(run, &why);
	return inbox_mark(run->inbox, uid, err);
}

/* Everything that came since the last look. */
static enum rc
look_into_inbox(struct run *run, struct err *err)
{
	if (run->inbox == NULL)
		TRY(inbox_new(run->upstream, ANSWER_TIMEOUT, &run->inbox, err));
	for (;;) {
		struct buf letter BUF_OWNED = BUF(2 * INBOX_LETTER_MAX);
		uint32_t uid = 0;
		enum rc rc = inbox_next(run->inbox, &letter, &uid, err);
		if (rc == RC_ABSENT)
			return RC_OK;
		TRY(rc);
		TRY(look_at(run, uid, buf_span(&letter), err));
	}
}

/* What broke off may come back: a server that restarts does not end the
 * enrolment, only the end of the time does. */
static enum rc
look_patiently(struct run *run, struct err *err)
{
	enum rc rc = look_into_inbox(run, err);

	if (rc != RC_IO)
		return rc;
	run->trouble = *err;
	inbox_free(run->inbox);
	run->inbox = NULL;
	pause_for(POLL_SLOW);
	return RC_OK;
}

/* -- the authorization -- */

static enum rc
keep_challenge(struct run *run, const struct acme_authorization *authorization,
    struct err *err)
{
	struct order *order = &run->order;

	if (strcmp(order->token, authorization->token) == 0 &&
	    strcmp(order->from, authorization->from) == 0 &&
	    strcmp(order->challenge, authorization->challenge) == 0)
		return RC_OK;
	memcpy(order->challenge, authorization->challenge,
	    sizeof(order->challenge));
	memcpy(order->from, authorization->from, sizeof(order->from));
	memcpy(order->token, authorization->token, sizeof(order->token));
	return order_save(run->enrol->state, order, err);
}

/* *ret: it is valid. */
static enum rc
ask_authorization(struct run *run, const char *url, bool *ret, struct err *err)
{
	struct acme_authorization got = {0};

	TRY(acme_authorization_get(run->session.acme, url, &got, err));
	if (got.status == ACME_INVALID)
		return err_set(err, RC_REFUSED,
		    "the authority does not accept the answer to its "
		    "challenge: %s",
		    got.problem[0] != '\0' ? got.problem
					   : "it does not say why");
	*ret = got.status == ACME_VALID;
	return *ret ? RC_OK : keep_challenge(run, &got, err);
}

/* After an answer the authority is asked at each look, else only now and
 * then. */
static bool
is_time_to_ask(const struct run *run)
{
	return run->order.answered[0] != '\0' || run->looks % 20 == 0;
}

static enum rc
authorize(struct run *run, const char *url, struct err *err)
{
	char waiting[1000];
	bool valid = false;

	TRY(ask_authorization(run, url, &valid, err));
	/* After a crash: the answer was sent, perhaps nobody told them. */
	if (!valid && run->order.answered[0] != '\0')
		TRY(tell_authority(run, err));
	(void)snprintf(waiting, sizeof(waiting),
	    "no challenge from %s reached %s, or its answer did not reach "
	    "the authority, in time",
	    run->order.from, run->enrol->account->address);
	while (!valid) {
		TRY(check_time(run, waiting, err));
		TRY(look_patiently(run, err));
		run->looks++;
		if (is_time_to_ask(run))
			TRY(ask_authorization(run, url, &valid, err));
		if (!valid)
			pause_for(run->looks < POLL_FAST ? POLL : POLL_SLOW);
	}
	return RC_OK;
}

/* -- the order -- */

static enum rc
begin_order(struct run *run, enum key_purpose purpose, struct acme_order *ret,
    struct err *err)
{
	struct order *order = &run->order;
	const struct account *account = run->enrol->account;

	TRY(acme_order_new(run->session.acme, account->address, ret, err));
	*order = (struct order){.purpose = purpose};
	(void)snprintf(order->authority, sizeof(order->authority), "%s",
	    account->authority);
	memcpy(order->url, ret->url, sizeof(order->url));
	return order_save(run->enrol->state, order, err);
}

static enum rc
given_up(const struct acme_order *order, struct err *err)
{
	return err_set(err, RC_REFUSED, "the authority gave the order up: %s",
	    order->problem[0] != '\0' ? order->problem : "it does not say why");
}

/* Go on with the one that is under way, if it is of this kind and the
 * authority still knows it; else begin another.  One that people refused is
 * told once: they are not asked again by the way. */
static enum rc
resume_order(struct run *run, enum key_purpose purpose, struct acme_order *ret,
    struct err *err)
{
	struct err ignored = ERR_NONE;

	enum rc rc = order_load(run->enrol->state, &run->order, err);
	if (rc == RC_OK && run->order.purpose == purpose &&
	    strcmp(run->order.authority, run->enrol->account->authority) == 0) {
		rc = acme_order_get(
		    run->session.acme, run->order.url, ret, &ignored);
		if (rc == RC_OK && ret->status != ACME_INVALID)
			return RC_OK;
		if (rc == RC_OK && ret->guard[0] != '\0')
			return given_up(ret, err);
		if (rc == RC_NOMEM || rc == RC_IO)
			return err_set(err, rc, "%s", ignored.text);
	}
	if (rc == RC_NOMEM || rc == RC_IO)
		return rc;
	return begin_order(run, purpose, ret, err);
}

static enum rc
finalize(struct run *run, const struct key *key, struct acme_order *order,
    struct err *err)
{
	struct buf csr BUF_OWNED = BUF_SMALL;

	TRY(key_request(key, run->enrol->account->address, &csr, err));
	return acme_order_finalize(
	    run->session.acme, order, buf_span(&csr), order, err);
}

/* After a crash behind the answer the authority may be content already, while
 * the challenge still lies in the inbox: one more look removes it. */
static enum rc
clear_inbox(struct run *run, struct err *err)
{
	return run->order.token[0] != '\0' ? look_patiently(run, err) : RC_OK;
}

/* For people the order waits as long as they take; it is saved. */
static enum rc
check_unguarded(
    const struct run *run, const struct acme_order *order, struct err *err)
{
	if (order->guard[0] == '\0')
		return RC_OK;
	return err_set(err, RC_AGAIN,
	    "%s has other devices, and one of them has to approve this one",
	    run->enrol->account->address);
}

/* One arrow of RFC 8555 section 7.1.6. */
static enum rc
step(struct run *run, const struct key *key, struct acme_order *order,
    struct err *err)
{
	switch (order->status) {
	case ACME_PENDING:
		TRY(authorize(run, order->authorization, err));
		return acme_order_get(
		    run->session.acme, order->url, order, err);
	case ACME_READY:
		TRY(clear_inbox(run, err));
		return finalize(run, key, order, err);
	case ACME_PROCESSING:
		TRY(check_unguarded(run, order, err));
		pause_before_order(order->retry_after);
		return acme_order_get(
		    run->session.acme, order->url, order, err);
	case ACME_INVALID:
		return given_up(order, err);
	case ACME_VALID:
		break;
	}
	return RC_OK;
}

static enum rc
get_certificate(struct run *run, enum key_purpose purpose, struct keep *keep,
    struct err *err)
{
	struct buf pem BUF_OWNED = BUF(ACME_BODY_MAX);
	struct acme_order order = {0};
	const struct key *key = NULL;

	TRY(keep_find_fresh_key(keep, purpose, &key, err));
	TRY(resume_order(run, purpose, &order, err));
	while (order.status != ACME_VALID) {
		TRY(check_time(
		    run, "the authority does not finish the order", err));
		TRY(step(run, key, &order, err));
	}
	TRY(acme_certificate_get(
	    run->session.acme, order.certificate, &pem, err));
	TRY(keep_add_certificate(keep, purpose, buf_span(&pem), err));
	return order_remove(run->enrol->state, err);
}

/* An order that ended in "no" must not be taken up again. */
static enum rc
get_or_forget(struct run *run, enum key_purpose purpose, struct keep *keep,
    struct err *err)
{
	enum rc rc = get_certificate(run, purpose, keep, err);

	if (rc == RC_REFUSED || rc == RC_UNFIT)
		(void)order_remove(run->enrol->state, NULL);
	return rc;
}

enum rc
enrol_run(const struct enrol *enrol, struct certs *certs, struct err *err)
{
	static const enum key_purpose purposes[] = {KEY_SIGN, KEY_DECRYPT};
	struct keep keep KEEP_OWNED = KEEP_NONE;
	struct run run RUN_OWNED = {.session = SESSION};

	TRY(keep_load(&keep, enrol, err));
	if (!keep_needs(&keep, KEY_SIGN) && !keep_needs(&keep, KEY_DECRYPT))
		return keep_give(&keep, certs, err);
	TRY(keep_make_keys(&keep, err));
	TRY(run_begin(enrol, &run, err));
	for (size_t i = 0; i < 2; i++)
		if (keep_needs(&keep, purposes[i]))
			TRY(get_or_forget(&run, purposes[i], &keep, err));
	return keep_give(&keep, certs, err);
}

static bool
has_key(const struct key *key, const struct acme_wish *wish)
{
	struct buf hex BUF_OWNED = BUF_SMALL;
	uint8_t digest[32];
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(key->public_key, &der);

	if (len <= 0)
		return false;
	bool done =
	    EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL) &&
	    hex_encode(span_of(digest, sizeof(digest)), &hex, NULL) == RC_OK;
	OPENSSL_free(der);
	return done && span_is(buf_span(&hex), span_str(wish->key));
}

/* What the authority shows must be what we asked for, or a recovery code would
 * be spent on somebody else's request. */
static enum rc
check_own_wish(
    const struct enrol *enrol, const struct acme_wish *wish, struct err *err)
{
	struct keep keep KEEP_OWNED = KEEP_NONE;
	const struct key *key = NULL;
	struct order order = {0};

	TRY(order_load(enrol->state, &order, err));
	TRY(keep_load(&keep, enrol, err));
	TRY(keep_find_fresh_key(&keep, order.purpose, &key, err));
	if (strcmp(wish->kind, "issue") == 0 && has_key(key, wish) &&
	    address_equal(wish->address, enrol->account->address))
		return RC_OK;
	return err_set(err, RC_UNFIT,
	    "the authority shows another request than this device's: nothing "
	    "was signed");
}

enum rc
enrol_waiting(const struct enrol *enrol, struct acme *acme,
    struct acme_wish *ret, struct err *err)
{
	struct acme_order got = {0};
	struct acme_wish wish = {0};
	struct order order = {0};

	enum rc rc = order_load(enrol->state, &order, err);
	if (rc == RC_OK)
		TRY(acme_order_get(acme, order.url, &got, err));
	else if (rc != RC_ABSENT)
		return rc;
	if (got.guard[0] == '\0')
		return err_set(err, RC_ABSENT,
		    "this device waits for no other one: run letterlock setup");
	TRY(acme_wish_get(acme, got.guard, &wish, err));
	TRY(check_own_wish(enrol, &wish, err));
	*ret = wish;
	return RC_OK;
}

enum rc
enrol_check_challenge(
    const struct enrol *enrol, struct span letter, struct err *err)
{
	struct order order = {0};
	struct recognised challenge = {0};
	struct recognise ask = {
	    .resolver = enrol->resolver,
	    .address = enrol->account->address,
	    .order = &order,
	};

	enum rc rc = order_load(enrol->state, &order, err);
	if (rc != RC_OK && rc != RC_ABSENT && rc != RC_SYNTAX)
		return rc;
	if (rc != RC_OK)
		ask.order = NULL;
	return recognise_challenge(&ask, letter, &challenge, err);
}
