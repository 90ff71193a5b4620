/* flow/words -- what is told of a letter, in the languages there are.
 *
 * Source:    src/flow/words.txt is the file to edit: every reason with one
 *            sentence and one thing to do; tools/words-table makes the table of
 *            it, and the tables of doc/verdicts.md.
 * May use:   base.  No I/O, no clock, no allocation.
 * Limits:    a sentence has at most WORDS_CHARACTERS characters, whatever
 *            names stand in it: they are cut.
 */
#ifndef FLOW_WORDS_H
#define FLOW_WORDS_H

#include "base/span.h"

#define WORDS_CHARACTERS 120
#define WORDS_MAX (4 * WORDS_CHARACTERS + 1) /* bytes of UTF-8, and the NUL */

enum language { LANGUAGE_ENGLISH, LANGUAGE_CHINESE, LANGUAGES };

struct words {
	const char *code;  /* a reason, "addr.mismatch", or a label */
	const char *level; /* only for that verdict, "danger", or in that
			    * case, "unasked"; "": for all */
	const char *says[LANGUAGES];   /* with {from} for names */
	const char *advice[LANGUAGES]; /* what to do; NULL for labels */
};

extern const struct words words_table[]; /* to the first code that is NULL */

/* Lends those for that verdict, else those for all; NULL if there are none. */
const struct words *words_find(const char *code, const char *level);

/* Lends what stands for a label of the table. */
const char *words_label(const char *label, enum language language);

/* What stands in the place of a name.  Of anybody's making: what is no UTF-8,
 * shows nothing, turns the text, or could pass for the sentence around it is
 * replaced by "?". */
struct words_names {
	const char *from, *signer; /* addresses */
	const char *imitated;      /* an address or a name */
	const char *organisation;  /* a name */
	const char *part;          /* "part 1" */
};

/* Write a sentence with the names in it.  A long name is cut in the middle, so
 * that the domain stays. */
void words_fill(const char *says, const struct words_names *names,
    enum language language, char ret[WORDS_MAX]);

/* "en" or "zh", nothing else. */
bool words_language(const char *name, enum language *ret);
/* Of a locale, "zh_CN.UTF-8"; English where it is another. */
enum language words_language_of_locale(const char *locale);

#endif
