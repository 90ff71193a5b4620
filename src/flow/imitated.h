/* flow/imitated -- who is often imitated: a table made at build time.
 *
 * Source:    src/flow/imitated.txt says what each thing means and is the file
 *            to edit; tools/imitated-table makes C of it.
 * Every list ends with a text that is NULL, the organisations with names that
 * are NULL.
 */
#ifndef FLOW_IMITATED_H
#define FLOW_IMITATED_H

#define IMITATED_WORD 1U       /* also an ordinary word or a person's name */
#define IMITATED_HOST 2U       /* what everybody calls a host */
#define IMITATED_OPEN 4U       /* strangers get addresses there */
#define IMITATED_EVERYWHERE 8U /* under every country's ending */
#define IMITATED_LETTERS 16U   /* only tricks with its letters count */

struct imitated_word {
	const char *text;
	unsigned flags;
};

struct imitated {
	const struct imitated_word *names;   /* "PayPal" */
	const struct imitated_word *labels;  /* "paypal"; may be none */
	const struct imitated_word *domains; /* "paypal.com", theirs */
};

extern const struct imitated imitated_organisations[];
extern const struct imitated_word imitated_real[]; /* ordinary domains */
extern const struct imitated_word imitated_lures[];
extern const struct imitated_word imitated_titles[];
extern const struct imitated_word imitated_between[];
extern const struct imitated_word imitated_generic[];
extern const struct imitated_word imitated_places[];
extern const struct imitated_word imitated_near[];
extern const struct imitated_word imitated_sold[];
extern const struct imitated_word imitated_endings[];

#endif
