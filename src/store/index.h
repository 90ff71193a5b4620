/* store/index -- which letters have these words in them.
 *
 * One file of the state's folder ("index", with "index-wal" beside it), a
 * SQLite database in which every page is encrypted and authenticated
 * (ChaCha20-Poly1305) under a key derived from the state's.  It is a cache:
 * a file that is damaged, of another key or of another version is thrown away
 * and begun again, and what it cannot answer is found by opening the letters.
 *
 * Texts are folded by who gives them (flow/search_text) and compared as bytes:
 * a letter is found by any part of its texts, "mitteilung" by "teil", without
 * regard to what language divides words how.  Every three characters in a row
 * are a term (two, one at the end of a text), and their places are kept, so
 * that an answer needs no second look at the letter.
 *
 * A box is named by its caller, and its letters by a number other than 0.
 *
 * May use:   base codec os pki.
 * Limits:    INDEX_TEXT_MAX bytes of text of a letter; the size given to
 *            index_open(); INDEX_NEEDLE_MAX characters asked for.
 */
#ifndef STORE_INDEX_H
#define STORE_INDEX_H

#include "store/state.h"

#define INDEX_TEXT_MAX ((size_t)1 << 20)
#define INDEX_NEEDLE_MAX 64
#define INDEX_SIZE ((int64_t)2 << 30) /* bytes of the file */

struct index; /* may be shared by threads */

/* Where words stand. */
#define INDEX_SUBJECT 1U
#define INDEX_FROM 2U
#define INDEX_TO 4U
#define INDEX_CC 8U
#define INDEX_BCC 16U
#define INDEX_HEADER 32U /* all fields, each "name: value\n" */
#define INDEX_BODY 64U
#define INDEX_TEXTS 7

struct index_letter {
	struct span text[INDEX_TEXTS]; /* in the order of the bits above */
	struct span keys; /* whatever else its caller wants to know of it */
	uint64_t size;
	int64_t day;   /* when it was sent */
	bool wordless; /* its texts are not in; private to the index, when it
			* is added */
};

/* Open it, or begin it if it is not there or cannot be used.  `size` bounds the
 * file. */
enum rc index_open(const struct state *state, int64_t size, struct index **ret,
    struct err *err);
void index_free(struct index *index); /* NULL is fine */
OWNER(struct index, index_free);

/* Add a letter.  It is there already: nothing is done.  One with more text
 * than INDEX_TEXT_MAX is added without its words.  RC_LIMIT: the file is as
 * large as it may be.  On failure it is not there. */
enum rc index_add(struct index *index, const char *box, uint32_t number,
    const struct index_letter *letter, struct err *err);
bool index_has(struct index *index, const char *box, uint32_t number);

/* What is added between these is written together: quicker, and all or nothing
 * after a crash.  Nobody else can write meanwhile.  By one thread. */
enum rc index_hold(struct index *index, struct err *err);
enum rc index_release(struct index *index, struct err *err);

/* Forget a letter; or those of a box up to `last` that `is_there` does not
 * name.  Its words are found no more at once, and leave the file in time
 * (index_tidy). */
enum rc index_remove(
    struct index *index, const char *box, uint32_t number, struct err *err);
enum rc index_sweep(struct index *index, const char *box, uint32_t last,
    bool (*is_there)(const void *self, uint32_t number), const void *self,
    struct err *err);
/* Another number after all that was in it was thrown away: what was asked
 * before and after does not go together. */
unsigned index_life(const struct index *index);
/* One step of writing anew what letters that were removed are still in.
 * *ret_more: another one is wanted. */
enum rc index_tidy(struct index *index, bool *ret_more, struct err *err);

/* Call `each` for letters of the box, in ascending order. */
typedef enum rc index_each(void *self, uint32_t number,
    const struct index_letter *letter, struct err *err);
/* All that are there: size, day and `wordless` are told; with `keys`, the keys
 * too. */
enum rc index_list(struct index *index, const char *box, bool keys,
    index_each *each, void *self, struct err *err);
/* Those that have `needle` in one of the texts `in`: letters only, nothing of
 * them told.  *ret_exact: the needle was no longer than INDEX_NEEDLE_MAX; else
 * those are told that have the beginning of it. */
enum rc index_find(struct index *index, const char *box, unsigned in,
    struct span needle, index_each *each, void *self, bool *ret_exact,
    struct err *err);
/* Those with `needle` ("": anything) in a field of that name (folded). */
enum rc index_find_field(struct index *index, const char *box, struct span name,
    struct span needle, index_each *each, void *self, struct err *err);

#endif
