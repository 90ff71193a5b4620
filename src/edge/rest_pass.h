/* edge/rest_pass -- store the letters of one mailbox again: sealed, or as they
 * came.
 *
 *   seal:     clear letter -> APPEND of a sealed copy with its flags and date
 *             -> fetched back, opened, every byte compared -> its flags once
 *             more -> UID EXPUNGE of the letter
 *   restore:  the other way round
 *
 * Nothing is removed before a copy of it was fetched back and found to be the
 * same.  Whatever ends it in the middle (kill -9, no network, no room), the
 * next pass goes on: it finds the copy by its name and appends no other.
 *
 * Several agents at one mailbox lose and double nothing.  A copy is named
 * after the letter it is for (a MAC of mailbox, UIDVALIDITY, UID and bytes, so
 * all of them come to the same name).  Of several copies the one with the
 * lowest UID stays, whoever made it, and nobody removes that one: whoever sees
 * more than one removes the others.  The letter goes only once a copy was
 * verified.  Who relies on a copy of somebody else says so first, by a keyword
 * on it (REST_ADOPTED), and looks again whether the letter is still there: so
 * who made a copy and finds the letter gone without that knows that its reader
 * removed it, and takes the copy away.
 *
 * Restoring has no name to go by, for what is restored has every byte as it
 * was: each device restores what it has sealed itself, and a journal ("rest
 * under way") says what was on its way when it died.
 *
 * May use:   base codec os mime proto net store flow enrol.
 * Limits:    REST_LETTER_MAX; larger letters stay and are counted.
 */
#ifndef EDGE_REST_PASS_H
#define EDGE_REST_PASS_H

#include "edge/rest_box.h"

struct rest_report {
	size_t done;      /* stored again, and removed as they were */
	size_t too_large; /* these stay as they are */
	size_t unfit;     /* would not come back byte for byte */
	size_t refused;   /* by the mail server: no room, no right */
	size_t unproven;  /* the copy was not the same when fetched back */
	size_t foreign;   /* restore: another device has sealed them */
};

struct rest_pass {
	struct rest_box *box;      /* selected */
	bool (*go_on)(void *self); /* NULL: to the end */
	void *self;
	/* All letters up to this UID are done, or never will be. */
	uint32_t looked;
	struct rest_report report;
};

/* RC_OK also where letters were left: that is in the report.  RC_IO and the
 * rest: the connection is of no more use. */
enum rc rest_pass_seal(struct rest_pass *pass, struct err *err);
enum rc rest_pass_restore(struct rest_pass *pass, struct err *err);

/* --- shared by the two -----------------------------------------------------------*/

bool rest_pass_goes_on(const struct rest_pass *pass);

/* Open one of ours: append what is inside.  RC_ABSENT: it is none. */
enum rc rest_pass_open(const struct agent *agent, struct span sealed,
    struct buf *ret, bool *ret_own, struct err *err);

#endif
