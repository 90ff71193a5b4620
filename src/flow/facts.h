/* flow/facts -- everything a verdict rests on, and nothing else.
 *
 * Plain data: no handles, no clock.  Filled by flow/gather, judged by
 * flow/verdict, told by flow/report.
 * May use:   base codec os mime pki cms proto dns net store keydir.
 */
#ifndef FLOW_FACTS_H
#define FLOW_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "mime/protect.h"
#include "pki/chain.h"

enum encrypted_state {
	ENCRYPTED_NONE,
	ENCRYPTED_INTACT, /* authenticated, or CBC around a valid signature */
	ENCRYPTED_MALLEABLE,     /* CBC and no valid signature inside */
	ENCRYPTED_UNDECRYPTABLE, /* not for us, changed, or unsupported */
	ENCRYPTED_AT_REST, /* it came in the clear; sealed afterwards by the
			    * reader's own agent */
};

enum signed_state { SIGNED_NONE, SIGNED_INVALID, SIGNED_VALID };

/* How the signer's certificate stands to the letter's From. */
enum binding {
	BINDING_NONE,           /* no signer */
	BINDING_FROM,           /* names the one From address */
	BINDING_ONE_OF_SEVERAL, /* From has several, it names one or more */
	BINDING_SENDER,         /* names Sender only */
	BINDING_OTHER,          /* names somebody else */
	BINDING_NO_ADDRESS,     /* the certificate names no address at all */
};

enum time_source {
	TIME_NONE,
	TIME_CLAIMED,
	TIME_RECEIVED, /* this reader's agent first saw it then */
	TIME_STAMPED
};

/* What the text asks the reader for. */
enum request { REQUEST_NONE, REQUEST_MONEY, REQUEST_CREDENTIALS };

/* What servers on the way say of the outer From's domain: evidence, never
 * identity. */
enum transport_state { TRANSPORT_UNKNOWN, TRANSPORT_PASS, TRANSPORT_FAIL };

/* Whether the reader and the From address know each other. */
enum acquaintance {
	ACQUAINTANCE_UNSAID,
	ACQUAINTANCE_KNOWN,
	ACQUAINTANCE_FIRST
};

#define FACTS_ADDRESS_MAX 321
#define FACTS_NAME_MAX 128
#define FACTS_PART_MAX 32

struct facts {
	struct {
		enum encrypted_state state;
		char cipher[24];    /* "aes-256-gcm", "" if none */
		const char *reason; /* "enc.undecryptable", "enc.not-for-us",
				     * "enc.no-key", "enc.unsupported"; NULL if
				     * opened */
		bool part_inside;   /* a part of it is encrypted by itself: it
				     * is never opened into the letter */
	} encrypted;

	struct {
		enum signed_state state;
		const char *reason; /* "sig....": why it is not valid */
		bool outside_only;  /* signs the ciphertext, nothing inside */
		bool other_invalid; /* one beside it that does not hold */
		char part
		    [FACTS_PART_MAX]; /* "" : the whole letter; else the part
					    * it covers, "part 1" */
		char by[FACTS_ADDRESS_MAX]; /* the certificate's address that
					     * matters, or its first, or "" */
		char name[FACTS_NAME_MAX];
		char organization[FACTS_NAME_MAX]; /* "" below V3 */
		char issuer[FACTS_NAME_MAX];
		enum cert_level level;
		const char *unfit; /* "cert.ku", ...: may not sign; or NULL */
		enum binding binding;
		bool level_allowed;  /* the root may assert this level */
		bool domain_allowed; /* the root may name this domain */

		enum chain_state chain;
		const char *chain_reason;
		bool
		    good_before; /* expired or revoked now, good when stamped */
		enum chain_revocation revocation;
		bool unasked; /* nobody was to be asked about that */
		int64_t revoked_at;
	} sig;

	struct {
		enum time_source source;
		int64_t value;
		bool
		    token_invalid; /* there is a token, and it proves nothing */
		bool token_late; /* over a day after the claimed signing time */
		/* it proves the time unless its authority's key was stolen,
		 * and whether that is so could not be found out */
		bool token_unchecked;
	} time;

	char from[FACTS_ADDRESS_MAX]; /* what the verdict is about */
	char outer_from[FACTS_ADDRESS_MAX];
	bool unreadable;      /* the letter's header is that of no message */
	bool headless;        /* it has none: something else was given */
	bool ambiguous;       /* its MIME: others may show what is unsigned */
	bool from_unclear;    /* none, several fields, or unreadable */
	bool from_mismatch;   /* protected From is not the outer one */
	bool outside_differs; /* the header that some programs show is not the
			       * one that the verdict is about */
	/* The sender passes for somebody else (flow/lookalike). */
	struct {
		const char *reason; /* "addr....."; NULL: for nobody */
		bool strong;
		char of[FACTS_ADDRESS_MAX]; /* whom; "": deceptive in itself */
	} lookalike;
	bool not_for_reader; /* the signed To, Cc, Bcc do not name the reader */
	enum acquaintance acquaintance;

	/* What has been seen of the From address before. */
	struct {
		bool always_signed; /* it did so far, and this one is not */
		char who[FACTS_ADDRESS_MAX]; /* did: From may have several */
		bool new_root; /* signed under another root than so far */
		bool conflict; /* certificates of two roots are both in use */
		bool accepted; /* the person said of all: they are fine */
		unsigned letters;
		int64_t since; /* the first of them; 0: none */
	} history;

	/* "scan.infected", "scan.too-large": what is inside is not shown, or its
	 * text alone; NULL: it is, or nobody looked */
	const char *scan;

	enum request request;

	struct {
		enum transport_state dkim, spf, dmarc;
	} transport;

	struct {
		enum protect_state subject, from, to, cc, date;
	} headers;
};

#endif
