/* rc -- the one result type, and how a failure is passed up.
 *
 * Not here:  what went wrong in words (base/err.h).
 */
#ifndef BASE_RC_H
#define BASE_RC_H

/* Behind a macro because clang-format 14 mangles the bare attribute. */
#define MUST_USE [[nodiscard]]

/* Zero is success; every other value says which decision the caller has to
 * make, not which line of code was unhappy. */
enum MUST_USE rc {
	RC_OK = 0,
	RC_NOMEM,   /* out of memory, or over a memory limit we set */
	RC_IO,      /* the operating system or a connection failed: try later */
	RC_AGAIN,   /* not now: wait for the next event and call again */
	RC_SYNTAX,  /* the peer's bytes are not what the standard allows */
	RC_LIMIT,   /* well-formed, but larger than we accept */
	RC_ABSENT,  /* looked for properly, and not there */
	RC_UNFIT,   /* there, but may not be used for this purpose */
	RC_CRYPTO,  /* the crypto library failed; treat as hostile input */
	RC_REFUSED, /* the peer answered, and the answer is no */
};

/* Pass a failure up.  Only for expressions of type `enum rc`, and only in
 * functions that return one. */
#define TRY(expr)                                                            \
	do {                                                                 \
		_Static_assert(                                              \
		    __builtin_types_compatible_p(__typeof__(expr), enum rc), \
		    "TRY wants an enum rc");                                 \
		enum rc try_rc = (expr);                                     \
		if (try_rc != RC_OK)                                         \
			return try_rc;                                       \
	} while (0)

/* "RC_SYNTAX" and so on, for tests and logs. */
const char *rc_name(enum rc rc);

/* A broken invariant of our own: say where and abort.  Never for input. */
_Noreturn void bug_at(const char *file, int line, const char *what);
#define bug(what) bug_at(__FILE__, __LINE__, what)

#endif
