#include <stdlib.h>

#include "edge/imap_thread_priv.h"

/* --- ORDEREDSUBJECT --- */

struct ordered {
	const struct imap_sorted *item;
};

static int
by_subject(const void *left, const void *right)
{
	const struct imap_sorted *a = ((const struct ordered *)left)->item;
	const struct imap_sorted *b = ((const struct ordered *)right)->item;
	int order = span_order(a->keys.subject, b->keys.subject);

	return order != 0 ? order : imap_sorted_by_date(a, b);
}

/* "All of the messages with the same base subject text are a thread ... the
 * first message is the parent of the others, which are its children." */
static void
link_subjects(struct imap_threads *threads, const struct imap_sorted *first,
    const struct ordered *sorted)
{
	uint32_t parent = 0;

	for (size_t i = 0; i < threads->letters; i++) {
		uint32_t node = (uint32_t)(sorted[i].item - first) + 1;
		bool same = i > 0 && span_is(sorted[i].item->keys.subject,
					 sorted[i - 1].item->keys.subject);
		imap_tree_link(threads, same ? parent : 0, node);
		parent = same ? parent : node;
	}
}

static enum rc
sort_all(struct imap_threads *threads, struct err *err)
{
	for (uint32_t i = (uint32_t)threads->len; i-- > 0;)
		TRY(imap_tree_sort(threads, i, err));
	return RC_OK;
}

enum rc
imap_thread_by_subject(const struct imap_sorted *item, size_t len,
    struct imap_threads *ret, struct err *err)
{
	struct ordered *sorted = calloc(len + 1, sizeof(sorted[0]));

	if (sorted == NULL)
		return err_nomem(err, "THREAD");
	for (size_t i = 0; i < len; i++)
		sorted[i].item = &item[i];
	qsort(sorted, len, sizeof(sorted[0]), by_subject);
	enum rc rc = imap_threads_init(ret, item, len, 0, err);
	if (rc == RC_OK)
		link_subjects(ret, item, sorted);
	free(sorted);
	return rc == RC_OK ? sort_all(ret, err) : rc;
}

/* --- REFERENCES, step 1: who answers whom --- */

/* An id, where a letter names it: its own comes first. */
struct naming {
	struct span id;
	uint32_t letter; /* node */
	uint32_t place;  /* 0: it is its own */
	uint32_t node;   /* what it names */
};

struct named {
	struct naming *naming;
};

struct namings {
	struct naming *item; /* owned; as the letters name them */
	struct named *sorted;
	size_t len, cap;
};

static bool
next_line(struct span *text, struct span *ret)
{
	ptrdiff_t end = span_find_byte(*text, '\n');

	if (end < 0)
		return false;
	*ret = span_first(*text, (size_t)end);
	*text = span_after(*text, (size_t)end + 1);
	return true;
}

static enum rc
add_naming(struct namings *namings, struct naming naming, struct err *err)
{
	if (namings->len == IMAP_THREAD_REFERENCES)
		return err_set(err, RC_LIMIT, "too many references");
	if (namings->len == namings->cap) {
		size_t cap = namings->cap == 0 ? 256 : 2 * namings->cap;
		struct naming *more =
		    realloc(namings->item, cap * sizeof(more[0]));
		if (more == NULL)
			return err_nomem(err, "THREAD");
		namings->item = more;
		namings->cap = cap;
	}
	namings->item[namings->len++] = naming;
	return RC_OK;
}

static enum rc
name_all(const struct imap_sorted *item, size_t len, struct namings *ret,
    struct err *err)
{
	for (uint32_t i = 0; i < len; i++) {
		struct span rest = item[i].keys.references, id;
		uint32_t place = 1;
		if (item[i].keys.id.len > 0)
			TRY(add_naming(ret,
			    (struct naming){item[i].keys.id, i + 1, 0, 0},
			    err));
		while (next_line(&rest, &id))
			TRY(add_naming(
			    ret, (struct naming){id, i + 1, place++, 0}, err));
	}
	return RC_OK;
}

/* Of one id, letters that have it come first, in their order. */
static int
by_id(const void *left, const void *right)
{
	const struct naming *a = ((const struct named *)left)->naming;
	const struct naming *b = ((const struct named *)right)->naming;
	int order = span_order(a->id, b->id);

	if (order != 0)
		return order;
	if ((a->place == 0) != (b->place == 0))
		return a->place == 0 ? -1 : 1;
	return a->letter < b->letter ? -1 : a->letter > b->letter;
}

/* "If two or more messages have the same Message ID, then only use that Message
 * ID in the first (lowest sequence number) message". */
static void
resolve(struct namings *namings, struct imap_threads *threads)
{
	const struct naming *first = NULL;

	for (size_t i = 0; i < namings->len; i++) {
		struct naming *naming = namings->sorted[i].naming;
		if (first != NULL && span_is(first->id, naming->id)) {
			naming->node = first->node;
			continue;
		}
		first = naming;
		naming->node = naming->place == 0 ? naming->letter
						  : (uint32_t)threads->len++;
	}
}

static enum rc
sort_namings(struct namings *namings, struct err *err)
{
	namings->sorted = calloc(namings->len + 1, sizeof(namings->sorted[0]));
	if (namings->sorted == NULL)
		return err_nomem(err, "THREAD");
	for (size_t i = 0; i < namings->len; i++)
		namings->sorted[i].naming = &namings->item[i];
	qsort(namings->sorted, namings->len, sizeof(namings->sorted[0]), by_id);
	return RC_OK;
}

/* Would it be its own ancestor?  What has no children is nobody's. */
static bool
is_loop(const struct imap_threads *threads, uint32_t parent, uint32_t child,
    const uint32_t *children)
{
	if (parent == child)
		return true;
	if (children[child] == 0)
		return false;
	for (int i = 0; i < IMAP_THREAD_DEPTH; i++) {
		parent = threads->node[parent].parent;
		if (parent == 0)
			return false;
		if (parent == child)
			return true;
	}
	return true;
}

/* The links are by `parent` alone until all are made. */
static void
link_to(struct imap_threads *threads, uint32_t *children, uint32_t parent,
    uint32_t child)
{
	uint32_t old = threads->node[child].parent;

	if (is_loop(threads, parent, child, children))
		return;
	children[old]--;
	children[parent]++;
	threads->node[child].parent = parent;
}

/* Step 1: "A. ... link the Message IDs together in order ... If a message
 * already has a parent, don't change the existing link.  B. Create a
 * parent/child link between the last reference ... and the current message". */
static void
link_references(
    struct imap_threads *threads, const struct namings *namings, uint32_t *kids)
{
	uint32_t letter = 0, last = 0;

	for (size_t i = 0; i < namings->len; i++) {
		const struct naming *naming = &namings->item[i];
		bool ends = i + 1 == namings->len ||
			    namings->item[i + 1].letter != naming->letter;
		if (naming->letter != letter)
			last = 0;
		letter = naming->letter;
		if (naming->place > 0) {
			if (last != 0 &&
			    threads->node[naming->node].parent == 0)
				link_to(threads, kids, last, naming->node);
			last = naming->node;
		}
		if (!ends)
			continue;
		/* whatever it was linked to by others */
		if (last != 0)
			link_to(threads, kids, last, letter);
		else if (threads->node[letter].parent != 0) {
			kids[threads->node[letter].parent]--;
			threads->node[letter].parent = 0;
		}
	}
}

/* --- steps 2 and 3: without needless dummies --- */

/* The letter above it, over dummies; 0: there is none, and *ret_top is the
 * topmost dummy, 0 if there is none either. */
static uint32_t
letter_above(
    const struct imap_threads *threads, uint32_t node, uint32_t *ret_top)
{
	uint32_t at = threads->node[node].parent;

	*ret_top = 0;
	while (at != 0 && threads->node[at].letter == NULL) {
		*ret_top = at;
		at = threads->node[at].parent;
	}
	return at;
}

/* "Do not promote the children if doing so would make them children of the
 * root, unless there is only one child." */
static void
prune(struct imap_threads *threads, uint32_t *above, uint32_t *count)
{
	uint32_t letters = (uint32_t)threads->letters, top;

	for (uint32_t i = 1; i <= letters; i++) {
		above[i] = letter_above(threads, i, &top);
		if (above[i] != 0)
			continue;
		above[i] = top;
		count[top]++;
	}
	for (uint32_t i = 1; i <= letters; i++)
		if (above[i] > letters && count[above[i]] == 1)
			above[i] = 0;
	for (uint32_t i = 0; i < threads->len; i++)
		threads->node[i].parent = threads->node[i].child =
		    threads->node[i].next = 0;
	for (uint32_t i = 1; i <= letters; i++)
		imap_tree_link(threads, above[i], i);
	for (uint32_t i = letters + 1; i < threads->len; i++)
		if (threads->node[i].child != 0)
			imap_tree_link(threads, 0, i);
}

/* --- step 5: those of one subject --- */

static bool
is_dummy(const struct imap_threads *threads, uint32_t node)
{
	return threads->node[node].letter == NULL;
}

static bool
is_answer(const struct imap_threads *threads, uint32_t node)
{
	return imap_tree_letter(threads, node)->keys.answer;
}

struct topic {
	struct span subject;
	uint32_t node;
	uint32_t order; /* among the threads */
};

static int
by_topic(const void *left, const void *right)
{
	const struct topic *a = left, *b = right;
	int order = span_order(a->subject, b->subject);

	return order != 0            ? order
	       : a->order < b->order ? -1
				     : a->order > b->order;
}

/* "Replace ... if ... the message in the subject table is not a dummy and the
 * current one is, or the message in the table is a reply or forward and the
 * current message is not." */
static bool
is_better(const struct imap_threads *threads, uint32_t current, uint32_t table)
{
	if (is_dummy(threads, current) != is_dummy(threads, table))
		return is_dummy(threads, current);
	return is_answer(threads, table) && !is_answer(threads, current);
}

static void
move_children(struct imap_threads *threads, uint32_t from, uint32_t to)
{
	while (threads->node[from].child != 0) {
		uint32_t child = threads->node[from].child;
		imap_tree_unlink(threads, child);
		imap_tree_link(threads, to, child);
	}
}

/* Step 5.C; the node that then stands for the subject. */
static uint32_t
merge(struct imap_threads *threads, uint32_t table, uint32_t current)
{
	imap_tree_unlink(threads, current);
	if (is_dummy(threads, table)) {
		if (is_dummy(threads, current))
			move_children(threads, current, table);
		else
			imap_tree_link(threads, table, current);
		return table;
	}
	if (is_answer(threads, current) && !is_answer(threads, table)) {
		imap_tree_link(threads, table, current);
		return table;
	}
	uint32_t dummy = (uint32_t)threads->len++;
	imap_tree_unlink(threads, table);
	imap_tree_link(threads, 0, dummy);
	imap_tree_link(threads, dummy, table);
	imap_tree_link(threads, dummy, current);
	return dummy;
}

/* Threads of one subject, `topic` to `end`. */
static void
merge_topic(struct imap_threads *threads, const struct topic *topic,
    const struct topic *end)
{
	uint32_t table = topic->node;

	for (const struct topic *t = topic + 1; t < end; t++)
		if (is_better(threads, t->node, table))
			table = t->node;
	for (const struct topic *t = topic; t < end; t++)
		if (t->node != table)
			table = merge(threads, table, t->node);
}

static size_t
list_topics(const struct imap_threads *threads, struct topic *ret)
{
	const struct imap_node *node = threads->node;
	size_t len = 0;

	for (uint32_t c = node[0].child; c != 0; c = node[c].next) {
		struct span subject =
		    imap_tree_letter(threads, c)->keys.subject;
		if (subject.len > 0)
			ret[len] = (struct topic){subject, c, (uint32_t)len};
		len += subject.len > 0;
	}
	return len;
}

static enum rc
merge_subjects(struct imap_threads *threads, struct err *err)
{
	struct topic *topic = calloc(threads->letters + 1, sizeof(topic[0]));

	if (topic == NULL)
		return err_nomem(err, "THREAD");
	size_t len = list_topics(threads, topic);
	qsort(topic, len, sizeof(topic[0]), by_topic);
	for (size_t at = 0, end; at < len; at = end) {
		end = at + 1;
		while (
		    end < len && span_is(topic[end].subject, topic[at].subject))
			end++;
		if (end > at + 1)
			merge_topic(threads, &topic[at], &topic[end]);
	}
	free(topic);
	return RC_OK;
}

/* --- the whole --- */

static enum rc
make_threads(struct imap_threads *threads, struct namings *namings,
    uint32_t *work, uint32_t *count, struct err *err)
{
	TRY(sort_namings(namings, err));
	resolve(namings, threads);
	link_references(threads, namings, work);
	prune(threads, work, count);
	TRY(sort_all(threads, err)); /* step 4, and what needs it */
	TRY(merge_subjects(threads, err));
	return sort_all(threads, err); /* step 6 */
}

enum rc
imap_thread_by_references(const struct imap_sorted *item, size_t len,
    struct imap_threads *ret, struct err *err)
{
	struct namings namings = {0};
	enum rc rc = name_all(item, len, &namings, err);
	/* what is named, and a dummy for each two threads of a subject */
	size_t nodes = namings.len + len;
	uint32_t *work = calloc(nodes + len + 1, sizeof(work[0]));
	uint32_t *count = calloc(nodes + len + 1, sizeof(count[0]));

	if (rc == RC_OK && (work == NULL || count == NULL))
		rc = err_nomem(err, "THREAD");
	if (rc == RC_OK)
		rc = imap_threads_init(ret, item, len, nodes, err);
	if (rc == RC_OK)
		rc = make_threads(ret, &namings, work, count, err);
	free(namings.item);
	free(namings.sorted);
	free(work);
	free(count);
	return rc;
}
