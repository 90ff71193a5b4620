/* proto/smtp_letter -- the letter a client sends: may it be sent, and what MAIL
 * and RCPT say of it.
 *
 * Private to proto/smtp_client.
 */
#ifndef PROTO_SMTP_LETTER_PRIV_H
#define PROTO_SMTP_LETTER_PRIV_H

#include "proto/smtp_client.h"
#include "proto/smtp_offers_priv.h"

struct smtp_letter_needs {
	bool eightbit; /* 8BITMIME */
	bool utf8;     /* SMTPUTF8 */
};

/* Nothing in an address, or in what EHLO says, may end the line. */
enum rc smtp_letter_check_address(const char *address, struct err *err);
/* RC_ABSENT: no recipients.  RC_SYNTAX, RC_LIMIT: something in it must not be
 * sent. */
enum rc smtp_letter_check(const struct smtp_client_letter *letter,
    struct smtp_letter_needs *ret, struct err *err);

/* Append the command with the parameters that are offered. */
enum rc smtp_letter_print_from(const struct smtp_client_letter *letter,
    const struct smtp_letter_needs *needs, const struct smtp_offers *offers,
    struct buf *out, struct err *err);
enum rc smtp_letter_print_to(const struct smtp_client_letter *letter, size_t i,
    const struct smtp_offers *offers, struct buf *out, struct err *err);

#endif
