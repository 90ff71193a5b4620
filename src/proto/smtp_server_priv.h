/* proto/smtp_server -- what its parts share.
 *
 * Private to proto.  smtp_server.c: bytes in, events out; smtp_command.c: the
 * commands; smtp_entry.c: AUTH; smtp_chunk.c: BDAT.
 *
 * What the next bytes are, or whose turn it is:
 *
 *   COMMAND --AUTH, no initial response--> PLAIN --> ASK_LOGIN --> COMMAND
 *   COMMAND --AUTH LOGIN--> USER --> PASSWORD -----> ASK_LOGIN --> COMMAND
 *   COMMAND --STARTTLS--> ASK_TLS --> COMMAND
 *   COMMAND --MAIL--> ASK_FROM --> COMMAND
 *   COMMAND --RCPT--> ASK_TO --> COMMAND
 *   COMMAND --DATA--> DATA --CRLF.CRLF--> ASK_LETTER --> COMMAND
 *   COMMAND --BDAT n--> CHUNK --n bytes--> COMMAND
 *                         +--n bytes, LAST--> ASK_LETTER --> COMMAND
 *   COMMAND --too long--> SKIP --CRLF--> COMMAND
 *   any --QUIT, 421, HTTP--> END
 *
 * In ASK_* the caller has to answer; no byte is looked at before that.
 */
#ifndef PROTO_SMTP_SERVER_PRIV_H
#define PROTO_SMTP_SERVER_PRIV_H

#include "proto/smtp_data_priv.h"
#include "proto/smtp_login_priv.h"
#include "proto/smtp_path_priv.h"
#include "proto/smtp_reply_priv.h"
#include "proto/smtp_server.h"

#define SMTP_COMMAND_MAX 512    /* with CRLF: RFC 5321 section 4.5.3.1.4 */
#define SMTP_PATH_LINE_MAX 1536 /* what SIZE, BODY, DSN and AUTH= add */
#define SMTP_AUTH_MAX 12288     /* RFC 4954 section 4 */
#define SMTP_HELO_MAX 255

enum smtp_at {
	SMTP_AT_COMMAND,
	SMTP_AT_SKIP,
	SMTP_AT_PLAIN,
	SMTP_AT_USER,
	SMTP_AT_PASSWORD,
	SMTP_AT_DATA,
	SMTP_AT_CHUNK,
	SMTP_AT_ASK_LOGIN,
	SMTP_AT_ASK_TLS,
	SMTP_AT_ASK_FROM,
	SMTP_AT_ASK_TO,
	SMTP_AT_ASK_LETTER,
	SMTP_AT_END
};

struct smtp_server {
	char *name;
	struct smtp_server_config config; /* `name` is the one above */
	enum smtp_at state;
	bool event_given; /* of the ASK_* state we are in */
	bool reset_due;   /* a transaction ended without a letter */
	bool secured;     /* by STARTTLS */
	bool authenticated;
	bool mail;           /* MAIL was accepted */
	unsigned recipients; /* RCPTs that were accepted */
	unsigned errors;
	unsigned wrong; /* credentials */
	unsigned letters;
	struct buf in;
	size_t at; /* bytes of `in` that are done with */
	struct buf out;
	struct smtp_login login;
	struct smtp_data data;
	struct smtp_chunk {
		bool begun;    /* a BDAT of this letter was taken */
		bool last;     /* the one in work is the last */
		uint64_t size; /* of the one in work */
		uint64_t left; /* bytes of it that are still to come */
		/* it is swallowed, and this is said then; NULL: it is taken */
		const struct smtp_refusal *no;
	} chunk;
	char helo[SMTP_HELO_MAX + 1];
	struct smtp_path from, to;
};

/* smtp_server.c */

struct span smtp_server_unread(const struct smtp_server *server);
/* One line; 421 ends the session. */
enum rc smtp_server_say(struct smtp_server *server, unsigned code,
    const char *enhanced, const char *text, struct err *err);
/* The same for a command that was wrong.  Somebody who goes on like that is no
 * mail program. */
enum rc smtp_server_blame(struct smtp_server *server, unsigned code,
    const char *enhanced, const char *text, struct err *err);
void smtp_server_end_transaction(struct smtp_server *server);
/* The letter is complete: ask about it, or say what is wrong with it. */
enum rc smtp_server_close_letter(struct smtp_server *server, struct err *err);

/* smtp_command.c */

enum smtp_need {
	SMTP_NEED_HELLO = 1,
	SMTP_NEED_LOGIN = 2,
	SMTP_NEED_MAIL = 4,
	SMTP_NEED_NO_MAIL = 8,
	SMTP_NEED_SMTP = 16,
	SMTP_NEED_LMTP = 32,
	SMTP_NEED_TLS = 64,
};

/* Why a command that needs this may not come now; NULL: it may. */
const struct smtp_refusal *smtp_command_objection(
    const struct smtp_server *server, unsigned needs);
enum rc smtp_command_take(
    struct smtp_server *server, struct span line, struct err *err);

/* smtp_entry.c */

/* `rest` is what stands behind "AUTH". */
enum rc smtp_entry_start(
    struct smtp_server *server, struct span rest, struct err *err);
enum rc smtp_entry_take_line(
    struct smtp_server *server, struct span line, struct err *err);

/* smtp_chunk.c */

enum rc smtp_chunk_start(
    struct smtp_server *server, struct span rest, struct err *err);
/* RC_AGAIN: more of it has to come. */
enum rc smtp_chunk_take(struct smtp_server *server, struct err *err);

#endif
