/* edge/imap_thread -- letters put into threads.
 *
 * Pure.  A node is a letter, or a dummy: something that letters refer to and
 * that is not there, or whose subject several have in common.  Nodes are named
 * by their place in `node`; the letters come first, in their order.  Node 0 is
 * the root.
 *
 * Standard:  RFC 5256 section 3 (THREAD).
 * Limits:    IMAP_THREAD_REFERENCES references of all letters together:
 *            RC_LIMIT; a chain of more than IMAP_THREAD_DEPTH letters is cut.
 */
#ifndef EDGE_IMAP_THREAD_PRIV_H
#define EDGE_IMAP_THREAD_PRIV_H

#include "edge/imap_sort_priv.h"

#define IMAP_THREAD_REFERENCES ((size_t)2000000)
#define IMAP_THREAD_DEPTH 10000

struct imap_node {
	const struct imap_sorted *letter; /* NULL: a dummy */
	uint32_t parent, child, next;     /* 0: none, and the root's */
};

struct imap_threads {
	struct imap_node *node; /* owned; node[0] is the root */
	size_t len, letters;
};

#define IMAP_THREADS_OWNED __attribute__((cleanup(imap_threads_done)))
void imap_threads_done(struct imap_threads *threads);

/* Make threads of letters, which are borrowed as long as *ret lives. */
enum rc imap_thread_by_subject(const struct imap_sorted *item, size_t len,
    struct imap_threads *ret, struct err *err);
enum rc imap_thread_by_references(const struct imap_sorted *item, size_t len,
    struct imap_threads *ret, struct err *err);

/* Append "(2)(3 6 (4 23)(44 7 96))". */
enum rc imap_threads_print(const struct imap_threads *threads, bool by_uid,
    struct buf *out, struct err *err);

/* imap_tree.c: */
enum rc imap_threads_init(struct imap_threads *threads,
    const struct imap_sorted *item, size_t len, size_t dummies,
    struct err *err);
/* Put a node that has no parent under another one; take it away from there. */
void imap_tree_link(
    struct imap_threads *threads, uint32_t parent, uint32_t child);
void imap_tree_unlink(struct imap_threads *threads, uint32_t child);
/* Sort the children of a node by when they were sent; a dummy was when its first
 * child was, whose children are sorted before. */
enum rc imap_tree_sort(
    struct imap_threads *threads, uint32_t parent, struct err *err);
/* The letter that speaks for a node: itself, or a dummy's first child. */
const struct imap_sorted *imap_tree_letter(
    const struct imap_threads *threads, uint32_t node);

#endif
