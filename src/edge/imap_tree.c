/* The tree of a THREAD, and how it is told.  Nothing here calls itself: how
 * deep a thread is, its letters say. */
#define _GNU_SOURCE /* qsort_r */
#include <stdlib.h>

#include "edge/imap_thread_priv.h"

void
imap_threads_done(struct imap_threads *threads)
{
	free(threads->node);
}

enum rc
imap_threads_init(struct imap_threads *threads, const struct imap_sorted *item,
    size_t len, size_t dummies, struct err *err)
{
	*threads = (struct imap_threads){NULL, len + 1, len};
	threads->node = calloc(len + dummies + 1, sizeof(threads->node[0]));
	if (threads->node == NULL)
		return err_nomem(err, "THREAD");
	for (size_t i = 0; i < len; i++)
		threads->node[i + 1].letter = &item[i];
	return RC_OK;
}

void
imap_tree_link(struct imap_threads *threads, uint32_t parent, uint32_t child)
{
	struct imap_node *node = threads->node;

	node[child].parent = parent;
	node[child].next = node[parent].child;
	node[parent].child = child;
}

void
imap_tree_unlink(struct imap_threads *threads, uint32_t child)
{
	struct imap_node *node = threads->node;
	uint32_t *at = &node[node[child].parent].child;

	while (*at != child)
		at = &node[*at].next;
	*at = node[child].next;
	node[child].parent = node[child].next = 0;
}

const struct imap_sorted *
imap_tree_letter(const struct imap_threads *threads, uint32_t node)
{
	const struct imap_node *at = &threads->node[node];

	return at->letter != NULL ? at->letter
				  : threads->node[at->child].letter;
}

static int
compare(const void *a, const void *b, void *threads)
{
	return imap_sorted_by_date(
	    imap_tree_letter(threads, *(const uint32_t *)a),
	    imap_tree_letter(threads, *(const uint32_t *)b));
}

enum rc
imap_tree_sort(struct imap_threads *threads, uint32_t parent, struct err *err)
{
	struct imap_node *node = threads->node;
	size_t len = 0;

	for (uint32_t c = node[parent].child; c != 0; c = node[c].next)
		len++;
	if (len < 2)
		return RC_OK;
	uint32_t *child = calloc(len, sizeof(child[0]));
	if (child == NULL)
		return err_nomem(err, "THREAD");
	len = 0;
	for (uint32_t c = node[parent].child; c != 0; c = node[c].next)
		child[len++] = c;
	qsort_r(child, len, sizeof(child[0]), compare, threads);
	node[parent].child = child[0];
	for (size_t i = 0; i < len; i++)
		node[child[i]].next = i + 1 < len ? child[i + 1] : 0;
	free(child);
	return RC_OK;
}

/* --- printing --- */

static enum rc
print_node(
    const struct imap_node *node, bool by_uid, struct buf *out, struct err *err)
{
	if (node->letter == NULL)
		return RC_OK;
	return buf_add_format(
	    out, err, "%u", by_uid ? node->letter->uid : node->letter->number);
}

static bool
is_alone(const struct imap_node *node, uint32_t at)
{
	const struct imap_node *parent = &node[node[at].parent];

	return parent->child == at && node[at].next == 0;
}

/* What is behind a thread or a branch that is at its end. */
static enum rc
climb(const struct imap_node *node, uint32_t *at, struct buf *out,
    struct err *err)
{
	while (*at != 0) {
		bool branch = node[*at].parent == 0 || !is_alone(node, *at);
		if (branch)
			TRY(buf_add_str(out, ")", err));
		if (branch && node[*at].next != 0) {
			*at = node[*at].next;
			return buf_add_str(out, "(", err);
		}
		*at = node[*at].parent;
	}
	return RC_OK;
}

enum rc
imap_threads_print(const struct imap_threads *threads, bool by_uid,
    struct buf *out, struct err *err)
{
	const struct imap_node *node = threads->node;
	uint32_t at = node[0].child;

	if (at == 0)
		return RC_OK;
	TRY(buf_add_str(out, "(", err));
	while (at != 0) {
		uint32_t child = node[at].child;
		TRY(print_node(&node[at], by_uid, out, err));
		if (child == 0) {
			TRY(climb(node, &at, out, err));
			continue;
		}
		if (node[at].letter != NULL)
			TRY(buf_add_str(out, " ", err));
		if (!is_alone(node, child))
			TRY(buf_add_str(out, "(", err));
		at = child;
	}
	return RC_OK;
}
