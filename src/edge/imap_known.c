/* What of a search the index answers. */
#include <stdlib.h>

#include "edge/imap_search_priv.h"
#include "flow/search_text.h"
#include "os/log.h"

static enum rc
note_known(void *self, uint32_t uid, const struct index_letter *letter,
    struct err *err)
{
	struct imap_search *search = self;
	size_t at = imap_search_position(search, uid);

	(void)err;
	if (at != SIZE_MAX)
		search->known[at] = (struct imap_known){
		    true, !letter->wordless, letter->size, letter->day};
	return RC_OK;
}

struct hits {
	const struct imap_search *search;
	struct imap_query *node;
};

static enum rc
note_hit(void *self, uint32_t uid, const struct index_letter *letter,
    struct err *err)
{
	const struct hits *hits = self;
	size_t at = imap_search_position(hits->search, uid);

	(void)letter, (void)err;
	if (at != SIZE_MAX)
		hits->node->hits[at] = true;
	return RC_OK;
}

/* Where a key of the query looks; 0: in a field that has no column. */
static unsigned
texts_of(const struct imap_query *node)
{
	static const struct {
		const char *name;
		unsigned text;
	} columns[] = {{"Subject", INDEX_SUBJECT}, {"From", INDEX_FROM},
	    {"To", INDEX_TO}, {"Cc", INDEX_CC}, {"Bcc", INDEX_BCC}};

	if (node->kind == IMAP_QUERY_BODY)
		return INDEX_BODY;
	if (node->kind == IMAP_QUERY_TEXT)
		return INDEX_HEADER | INDEX_BODY;
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		if (span_is_nocase(span_str(node->name), columns[i].name))
			return columns[i].text;
	return 0;
}

/* RFC 5322 section 3.6.8: what no field can be called, none is. */
static bool
can_be_name(const char *name)
{
	for (; *name != '\0'; name++)
		if (*name <= ' ' || *name >= 0x7f || *name == ':')
			return false;
	return true;
}

static enum rc
ask_field(struct hits *hits, struct err *err)
{
	const struct imap_session *s = hits->search->s;
	struct buf name BUF_OWNED = BUF(8000);

	hits->node->exact = true;
	if (!can_be_name(hits->node->name))
		return RC_OK;
	TRY(search_fold(span_str(hits->node->name), &name, err));
	return index_find_field(s->agent->index, s->box.views.name,
	    buf_span(&name), buf_span(&hits->node->text), note_hit, hits, err);
}

static enum rc
ask_words(struct hits *hits, unsigned texts, struct err *err)
{
	const struct imap_session *s = hits->search->s;
	struct imap_query *node = hits->node;

	return index_find(s->agent->index, s->box.views.name, texts,
	    buf_span(&node->text), note_hit, hits, &node->exact, err);
}

/* An empty text is in every letter, but a field is not. */
static enum rc
ask_node(struct imap_search *search, struct imap_query *node, struct err *err)
{
	struct hits hits = {search, node};
	bool field = node->kind == IMAP_QUERY_FIELD;
	unsigned texts = texts_of(node);

	node->hits = calloc(search->len + 1, sizeof(node->hits[0]));
	if (node->hits == NULL)
		return err_nomem(err, "search");
	if (field && (texts == 0 || node->text.len == 0))
		return ask_field(&hits, err);
	if (node->text.len > 0)
		return ask_words(&hits, texts, err);
	for (size_t i = 0; i < search->len; i++)
		node->hits[i] = true;
	node->exact = true;
	return RC_OK;
}

static enum rc
ask_all(struct imap_search *search, struct imap_query *node, struct err *err)
{
	if (node->kind == IMAP_QUERY_FIELD || node->kind == IMAP_QUERY_BODY ||
	    node->kind == IMAP_QUERY_TEXT)
		TRY(ask_node(search, node, err));
	for (struct imap_query *c = node->child; c != NULL; c = c->next)
		TRY(ask_all(search, c, err));
	return RC_OK;
}

/* What is not known is as if nothing of it had been asked. */
static void
forget(struct imap_search *search)
{
	for (size_t i = 0; i < search->len; i++)
		search->known[i] = (struct imap_known){0};
}

/* What is indexed meanwhile is not known here; what was thrown away meanwhile
 * would be taken for letters without the words. */
enum rc
imap_search_ask_index(struct imap_search *search, struct err *err)
{
	const struct imap_session *s = search->s;
	struct index *index = s->agent->index;
	struct err why = ERR_NONE;

	if (index == NULL || s->box.views.name[0] == '\0')
		return RC_OK;
	unsigned life = index_life(index);
	enum rc rc = index_list(
	    index, s->box.views.name, false, note_known, search, &why);
	if (rc == RC_OK)
		rc = ask_all(search, search->asked->query, &why);
	if (rc != RC_OK || index_life(index) != life)
		forget(search);
	if (rc == RC_NOMEM)
		return err_nomem(err, "search");
	if (rc != RC_OK)
		log_warning("search index: %s", why.text);
	return RC_OK;
}
