#include "authority/mailer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "authority/account.h"
#include "authority/authorization.h"
#include "authority/bell.h"
#include "authority/guard_letter.h"
#include "authority/guard_recovery.h"
#include "authority/http01.h"
#include "authority/metrics.h"
#include "authority/schema.h"
#include "codec/when.h"
#include "dns/dkim.h"
#include "net/smtp_send.h"
#include "os/clock.h"
#include "os/log.h"
#include "os/random.h"
#include "proto/challenge.h"

#define LETTER_MAX ((size_t)64 * 1024)
#define SEND_MS 60000
#define FIRST_RETRY 5 /* seconds; doubled each time */
#define LAST_RETRY 900
/* Seconds between two looks when nothing was said: another process may have
 * died with a letter that it was woken for. */
#define IDLE 10
#define ADDRESS_TEXT 512
#define ID_BYTES 16 /* of a letter's name */

struct mailer {
	struct mailer_config config;
	struct sql *sql; /* of the thread */
	pthread_t thread;
	bool started;
	struct bell bell;
};

/* A letter and whom it is from. */
struct letter {
	char from[ADDRESS_TEXT];
	struct buf bytes;
};

static enum rc
sign(const struct mailer *mailer, struct span bare, struct letter *letter,
    struct err *err)
{
	struct dkim_signer signer = {.domain = mailer->config.settings->domain,
	    .selector = mailer->config.settings->dkim_selector,
	    .key_pem = mailer->config.dkim_key};

	TRY(dkim_sign_letter(&signer, bare, &letter->bytes, err));
	return buf_add(&letter->bytes, bare, err);
}

static enum rc
print_letter(const struct mailer *mailer, const struct authorization *a,
    struct letter *letter, struct err *err)
{
	const char *domain = mailer->config.settings->domain;
	struct buf bare BUF_OWNED = BUF(LETTER_MAX);
	char id[ADDRESS_TEXT], date[WHEN_TEXT_MAX];

	(void)snprintf(letter->from, sizeof(letter->from),
	    "acme-challenge+%s@%s", a->recipient, domain);
	(void)snprintf(
	    id, sizeof(id), "<acme-challenge.%s@%s>", a->recipient, domain);
	when_print_mail(a->created, date);
	struct challenge_mail mail = {.from = letter->from,
	    .to = a->address,
	    .message_id = id,
	    .date = date,
	    .token1 = span_str(a->token1)};
	TRY(challenge_print(&mail, &bare, err));
	return sign(mailer, buf_span(&bare), letter, err);
}

/* A smarthost lets us relay because of where we come from, and a machine has
 * more than one address: hence the source. */
static enum rc
submit(const struct mailer *mailer, const struct smtp_client_letter *letter,
    struct smtp_client_result *ret, struct err *err)
{
	const struct settings *settings = mailer->config.settings;
	struct names names = {resolver_find_address, mailer->config.resolver};
	struct settings_place place;

	TRY(settings_place(settings->smarthost, &place, err));
	struct smtp_route route = {.names = &names,
	    .host = place.host,
	    .port = place.port,
	    .source = settings->send_from,
	    .security = SMTP_PLAIN,
	    .helo = settings->domain,
	    .timeout = SEND_MS};
	enum rc rc = smtp_send(&route, letter, ret, err);
	return rc == RC_OK ? rc : err_prefix(err, rc, "smarthost");
}

static enum rc
send_to(const struct mailer *mailer, const struct letter *letter,
    const char *address, struct smtp_client_result *ret, struct err *err)
{
	struct strlist to STRLIST_OWNED = STRLIST_NONE;

	TRY(strlist_add_str(&to, address, err));
	const struct smtp_client_letter out = {
	    .from = letter->from, .to = &to, .bytes = buf_span(&letter->bytes)};
	return submit(mailer, &out, ret, err);
}

static enum rc
send_letter(const struct mailer *mailer, const struct authorization *a,
    struct smtp_client_result *ret, struct err *err)
{
	struct letter letter = {.bytes = BUF(LETTER_MAX)};
	enum rc rc = print_letter(mailer, a, &letter, err);

	if (rc == RC_OK)
		rc = send_to(mailer, &letter, a->address, ret, err);
	buf_done(&letter.bytes);
	return rc;
}

static int64_t
next_wait(unsigned tries)
{
	int64_t wait = FIRST_RETRY;

	for (unsigned i = 0; i < tries && wait < LAST_RETRY; i++)
		wait *= 2;
	return wait < LAST_RETRY ? wait : LAST_RETRY;
}

static enum rc
try_later(const struct mailer *mailer, const struct authorization *a,
    const char *why, struct err *err)
{
	int64_t wait = next_wait(a->mail_tries);

	log_warning("mailer: challenge to %s waits %lld s: %s", a->address,
	    (long long)wait, why);
	return authorization_mail_later(
	    mailer->sql, a->id, clock_now() + wait, err);
}

/* The mailbox cannot be reached: say so in the challenge, for the client
 * would wait for ever. */
static enum rc
give_up(const struct mailer *mailer, const struct authorization *a,
    const struct smtp_client_result *result, struct err *err)
{
	char detail[400];

	(void)snprintf(detail, sizeof(detail),
	    "the challenge letter was refused: %u %s", result->code,
	    result->text);
	struct authorization_event event = {.id = a->id,
	    .now = clock_now(),
	    .type = "connection",
	    .detail = detail};
	log_warning("mailer: challenge to %s refused with %u", a->address,
	    result->code);
	enum rc rc = authorization_fail(mailer->sql, &event, err);
	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
ask_host(const struct mailer *mailer, const struct authorization *a,
    const char **ret_type, struct err *err)
{
	struct account account ACCOUNT_OWNED = {0};

	TRY(account_find_id(mailer->sql, a->account, &account, err));
	const struct http01_question question = {.host = a->address,
	    .token = a->token2,
	    .thumbprint = {account.thumbprint, a->thumbprint}};
	return http01_check(mailer->config.resolver, &question, ret_type, err);
}

/* An authorization of the test profile: there is no letter, there is a host to
 * be asked. */
static enum rc
settle_host(
    const struct mailer *mailer, const struct authorization *a, struct err *err)
{
	struct err why = ERR_NONE;
	struct authorization_event event = {.id = a->id,
	    .valid_for = mailer->config.settings->authorization_reuse,
	    .detail = why.text};
	enum rc rc = ask_host(mailer, a, &event.type, &why);

	if (rc != RC_OK && rc != RC_REFUSED)
		return err_set(err, rc, "%s", why.text);
	event.now = clock_now();
	log_info("mailer: host %s: %s", a->address,
	    rc == RC_OK ? "right" : why.text);
	rc = rc == RC_OK ? authorization_answer(mailer->sql, &event, err)
			 : authorization_fail(mailer->sql, &event, err);
	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
send_one(
    const struct mailer *mailer, const struct authorization *a, struct err *err)
{
	struct smtp_client_result result = {0};
	struct err why = ERR_NONE;

	if (a->kind == AUTHORIZATION_HOST)
		return settle_host(mailer, a, err);
	enum rc rc = send_letter(mailer, a, &result, &why);
	metrics_count(METRICS_MAIL_SENT, rc == RC_OK && result.code == 250);

	if (rc != RC_OK)
		return try_later(mailer, a, why.text, err);
	if (result.code >= 500)
		return give_up(mailer, a, &result, err);
	if (result.code != 250)
		return try_later(mailer, a, result.text, err);
	log_info("mailer: challenge to %s sent", a->address);
	return authorization_mailed(mailer->sql, a->id, err);
}

static enum rc
print_warning(const struct mailer *mailer, const struct guard *guard,
    struct letter *letter, struct err *err)
{
	const char *domain = mailer->config.settings->domain;
	struct buf bare BUF_OWNED = BUF(LETTER_MAX);
	char id[ADDRESS_TEXT];

	(void)snprintf(letter->from, sizeof(letter->from), "guard@%s", domain);
	(void)snprintf(id, sizeof(id), "<guard.%s.%s@%s>", guard->name,
	    guard_state_name(guard->state), domain);
	const struct guard_letter warning = {.guard = guard,
	    .from = letter->from,
	    .message_id = id,
	    .url = mailer->config.settings->url};
	TRY(guard_letter_print(&warning, &bare, err));
	return sign(mailer, buf_span(&bare), letter, err);
}

/* The devices are told by the authority itself; so a mailbox that takes no
 * letter is told no more than once. */
static enum rc
warn(const struct mailer *mailer, const struct guard *guard, struct err *err)
{
	struct letter letter = {.bytes = BUF(LETTER_MAX)};
	struct smtp_client_result result = {0};
	struct err why = ERR_NONE;
	enum rc rc = print_warning(mailer, guard, &letter, &why);

	if (rc == RC_OK)
		rc = send_to(mailer, &letter, guard->address, &result, &why);
	buf_done(&letter.bytes);
	if (rc != RC_OK || (result.code != 250 && result.code < 500)) {
		log_warning("mailer: warning to %s waits: %s", guard->address,
		    rc != RC_OK ? why.text : result.text);
		return guard_mail_later(mailer->sql, guard->id,
		    clock_now() + next_wait(guard->mail_tries), err);
	}
	log_info("mailer: warning to %s: %u", guard->address, result.code);
	return guard_mailed(mailer->sql, guard->id, err);
}

static enum rc
warn_due(struct mailer *mailer, int64_t *ret_next, struct err *err)
{
	unsigned tries = 0;
	enum rc rc = RC_OK;

	while (rc == RC_OK && !bell_is_stopping(&mailer->bell)) {
		struct guard guard GUARD_OWNED = GUARD;
		rc = guard_take_mail(
		    mailer->sql, clock_now(), &guard, ret_next, err);
		if (rc == RC_OK)
			rc = warn(mailer, &guard, err);
		if (rc == RC_AGAIN && sql_again(&tries))
			rc = RC_OK; /* another process took that one */
	}
	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
print_replaced(const struct mailer *mailer,
    const struct guard_recovery_mail *mail, struct letter *letter,
    struct err *err)
{
	const char *domain = mailer->config.settings->domain;
	struct buf bare BUF_OWNED = BUF(LETTER_MAX);
	struct buf text BUF_OWNED = BUF_SMALL;
	char id[ADDRESS_TEXT];
	const char *name = NULL;

	TRY(random_text(ID_BYTES, &text, err));
	TRY(buf_str(&text, &name, err));
	(void)snprintf(letter->from, sizeof(letter->from), "guard@%s", domain);
	(void)snprintf(id, sizeof(id), "<recovery.%s@%s>", name, domain);
	const struct guard_letter_replaced told = {.address = mail->address,
	    .from = letter->from,
	    .message_id = id,
	    .at = mail->since};
	TRY(guard_letter_print_replaced(&told, &bare, err));
	return sign(mailer, buf_span(&bare), letter, err);
}

/* A mailbox that takes no letter is told no more than once. */
static enum rc
tell_replaced(const struct mailer *mailer,
    const struct guard_recovery_mail *mail, struct err *err)
{
	struct letter letter = {.bytes = BUF(LETTER_MAX)};
	struct smtp_client_result result = {0};
	struct err why = ERR_NONE;
	enum rc rc = print_replaced(mailer, mail, &letter, &why);

	if (rc == RC_OK)
		rc = send_to(mailer, &letter, mail->address, &result, &why);
	buf_done(&letter.bytes);
	bool later = rc != RC_OK || (result.code != 250 && result.code < 500);
	log_info("mailer: replaced code, to %s: %s", mail->address,
	    later ? "later" : "told");
	return guard_recovery_mailed(mailer->sql, mail,
	    later ? clock_now() + next_wait(mail->tries) : 0, err);
}

static enum rc
replaced_due(struct mailer *mailer, int64_t *ret_next, struct err *err)
{
	unsigned tries = 0;
	enum rc rc = RC_OK;

	while (rc == RC_OK && !bell_is_stopping(&mailer->bell)) {
		struct guard_recovery_mail mail GUARD_RECOVERY_MAIL_OWNED = {0};
		rc = guard_recovery_take_mail(
		    mailer->sql, clock_now(), &mail, ret_next, err);
		if (rc == RC_OK)
			rc = tell_replaced(mailer, &mail, err);
		if (rc == RC_AGAIN && sql_again(&tries))
			rc = RC_OK; /* another process took that one */
	}
	return rc == RC_ABSENT ? RC_OK : rc;
}

/* Send the challenges that are due; *ret_next is when the next one is. */
static enum rc
challenge_due(struct mailer *mailer, int64_t *ret_next, struct err *err)
{
	unsigned tries = 0;
	enum rc rc = RC_OK;

	while (rc == RC_OK && !bell_is_stopping(&mailer->bell)) {
		struct authorization a AUTHORIZATION_OWNED = {0};
		rc = authorization_take_mail(
		    mailer->sql, clock_now(), &a, ret_next, err);
		if (rc == RC_OK)
			rc = send_one(mailer, &a, err);
		if (rc == RC_AGAIN && sql_again(&tries))
			rc = RC_OK; /* another process took that one */
	}
	return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
send_due(struct mailer *mailer, int64_t *ret_next, struct err *err)
{
	int64_t next = *ret_next;

	TRY(challenge_due(mailer, ret_next, err));
	TRY(warn_due(mailer, &next, err));
	if (next < *ret_next)
		*ret_next = next;
	next = *ret_next;
	TRY(replaced_due(mailer, &next, err));
	if (next < *ret_next)
		*ret_next = next;
	return RC_OK;
}

static void
wait_until(struct mailer *mailer, int64_t next)
{
	int64_t now = clock_now();
	int64_t wait = next > now ? next - now : 1;

	bell_wait(&mailer->bell, wait < IDLE ? wait : IDLE);
}

static void *
work(void *context)
{
	struct mailer *mailer = context;

	while (!bell_is_stopping(&mailer->bell)) {
		struct err err = ERR_NONE;
		int64_t next = clock_now() + IDLE;
		if (send_due(mailer, &next, &err) != RC_OK) {
			log_error("mailer: %s", err.text);
			next = clock_now() + FIRST_RETRY;
		}
		wait_until(mailer, next);
	}
	return NULL;
}

/* A DKIM key that signs nothing is found at the start, not by the first
 * person who waits for a letter. */
static enum rc
check_key(const struct mailer *mailer, struct err *err)
{
	struct letter letter = {.bytes = BUF(LETTER_MAX)};
	char text[] = "x";
	struct authorization a = {
	    .recipient = text, .token1 = text, .address = text};
	enum rc rc = print_letter(mailer, &a, &letter, err);

	buf_done(&letter.bytes);
	return rc == RC_OK ? rc : err_prefix(err, rc, "DKIM key");
}

enum rc
mailer_new(
    const struct mailer_config *config, struct mailer **ret, struct err *err)
{
	struct mailer *mailer OWNED(mailer_free) = calloc(1, sizeof(*mailer));

	if (mailer == NULL)
		return err_nomem(err, "mailer");
	mailer->config = *config;
	TRY(bell_init(&mailer->bell, err));
	TRY(check_key(mailer, err));
	TRY(schema_open(config->folder, config->settings, &mailer->sql, err));
	if (pthread_create(&mailer->thread, NULL, work, mailer) != 0)
		return err_nomem(err, "mailer");
	mailer->started = true;
	*ret = take(mailer);
	return RC_OK;
}

void
mailer_wake(struct mailer *mailer)
{
	bell_ring(&mailer->bell);
}

void
mailer_free(struct mailer *mailer)
{
	if (mailer == NULL)
		return;
	if (mailer->started) {
		bell_stop(&mailer->bell);
		(void)pthread_join(mailer->thread, NULL);
	}
	bell_done(&mailer->bell);
	sql_free(mailer->sql);
	free(mailer);
}
