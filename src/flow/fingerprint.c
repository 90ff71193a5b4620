#include "flow/fingerprint.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "base/own.h"
#include "codec/hex.h"
#include "flow/search_text.h"

#define WORD_MAX 64 /* bytes; a longer one is two */
#define WORD_WEIGHT 2
#define RUN_WEIGHT (FINGERPRINT_RUN * WORD_WEIGHT)
#define LEAF_MIN 16 /* bytes of an attachment that are worth a mark */
#define TELLING_WORDS 3
#define TELLING_LETTERS 8
#define MARKS_MAX ((size_t)1 << 24)
#define HEX_MAX ((size_t)32 * FINGERPRINT_KEPT)

void
fingerprint_done(struct fingerprint *fingerprint)
{
	free(fingerprint->mark);
	*fingerprint = FINGERPRINT_NONE;
}

/* --- marks ------------------------------------------------------------------- */

OWNER(EVP_MAC, EVP_MAC_free);
OWNER(EVP_MAC_CTX, EVP_MAC_CTX_free);

static enum rc
failed(struct err *err)
{
	return err_set(err, RC_CRYPTO, "SipHash failed");
}

static enum rc
new_hash(const struct wrap_key *key, EVP_MAC_CTX **ret, struct err *err)
{
	EVP_MAC *mac OWNED(EVP_MAC_free) = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *hash OWNED(EVP_MAC_CTX_free) =
	    mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
	unsigned size = sizeof(uint64_t);
	const OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_uint(OSSL_MAC_PARAM_SIZE, &size),
	    OSSL_PARAM_construct_end()};
	uint8_t bytes[32];

	TRY(wrap_mac(key, "fingerprint", SPAN_NONE, bytes, err));
	bool ok = hash != NULL && EVP_MAC_init(hash, bytes, 16, params) == 1;
	explicit_bzero(bytes, sizeof(bytes));
	if (!ok)
		return failed(err);
	*ret = take(hash);
	return RC_OK;
}

static enum rc
grow(struct fingerprint *print, struct err *err)
{
	size_t cap = print->cap * 2 + 64;

	if (print->len < print->cap)
		return RC_OK;
	if (cap > MARKS_MAX)
		return err_set(err, RC_LIMIT, "too many words to compare");
	uint64_t *mark = reallocarray(print->mark, cap, sizeof(*mark));
	if (mark == NULL)
		return err_nomem(err, "fingerprint");
	print->mark = mark;
	print->cap = cap;
	return RC_OK;
}

/* What is read, and where it goes. */
struct reading {
	EVP_MAC_CTX *hash;
	struct fingerprint *print;
	bool compare;
	struct err *err;
};

/* `kind` keeps a text from being taken for an attachment. */
static enum rc
add_mark(const struct reading *r, uint8_t kind, struct span bytes)
{
	uint64_t value = 0;
	size_t len = 0;

	TRY(grow(r->print, r->err));
	if (EVP_MAC_init(r->hash, NULL, 0, NULL) != 1 ||
	    EVP_MAC_update(r->hash, &kind, 1) != 1 ||
	    EVP_MAC_update(r->hash, bytes.data, bytes.len) != 1 ||
	    EVP_MAC_final(r->hash, (uint8_t *)&value, &len, sizeof(value)) != 1)
		return failed(r->err);
	r->print->mark[r->print->len++] = value;
	return RC_OK;
}

static int
compare_marks(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Rising, each once. */
static void
sort(struct fingerprint *print)
{
	size_t kept = 0;

	if (print->len > 1)
		qsort(print->mark, print->len, sizeof(print->mark[0]),
		    compare_marks);
	for (size_t i = 0; i < print->len; i++)
		if (i == 0 || print->mark[i] != print->mark[kept - 1])
			print->mark[kept++] = print->mark[i];
	print->len = kept;
}

/* By their value: the same words keep the same marks wherever they stand. */
static void
thin_out(struct fingerprint *print)
{
	while (print->len > FINGERPRINT_KEPT) {
		size_t kept = 0;
		print->every *= 2;
		for (size_t i = 0; i < print->len; i++)
			if (print->mark[i] % print->every == 0)
				print->mark[kept++] = print->mark[i];
		print->len = kept;
	}
}

/* --- words ------------------------------------------------------------------- */

struct word {
	uint32_t from, to; /* in the text of all words */
	uint8_t weight;
	bool telling;
};

/* All words, with one blank between them. */
struct words_of {
	struct buf text;
	struct word *at;
	size_t len, cap;
};

static void
words_of_done(struct words_of *words)
{
	buf_done(&words->text);
	free(words->at);
}

/* One character of UTF-8 that is well-formed. */
static uint32_t
character_at(struct span text, size_t *ret_len)
{
	uint8_t c = text.data[0];
	size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	uint32_t code = len == 1 ? c : c & (0x7fU >> len);

	for (size_t i = 1; i < len && i < text.len; i++)
		code = code << 6 | (text.data[i] & 0x3f);
	*ret_len = len < text.len ? len : text.len;
	return code;
}

static bool
is_between(uint32_t code, const uint32_t (*ranges)[2], size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (code >= ranges[i][0] && code <= ranges[i][1])
			return true;
	return false;
}

/* What stands between words: in ASCII all but letters and digits. */
static bool
is_gap(uint32_t code)
{
	static const uint32_t gaps[][2] = {{0x80, 0xb4}, {0xb6, 0xbf},
	    {0x2000, 0x206f}, {0x2190, 0x2bff}, {0x3000, 0x303f},
	    {0xfe10, 0xfe6f}, {0xfff0, 0xffff}};

	if (code < 0x80)
		return !((code >= 'a' && code <= 'z') ||
			 (code >= '0' && code <= '9'));
	return is_between(code, gaps, sizeof(gaps) / sizeof(gaps[0]));
}

/* Scripts that put no blanks between words. */
static bool
stands_alone(uint32_t code)
{
	static const uint32_t scripts[][2] = {{0x0e00, 0x0eff},
	    {0x1000, 0x109f}, {0x1780, 0x17ff}, {0x2e80, 0x9fff},
	    {0xf900, 0xfaff}, {0x20000, 0x3ffff}};

	return is_between(code, scripts, sizeof(scripts) / sizeof(scripts[0]));
}

static bool
has_digit(struct span word)
{
	for (size_t i = 0; i < word.len; i++)
		if (word.data[i] >= '0' && word.data[i] <= '9')
			return true;
	return false;
}

static enum rc
add_word(struct words_of *words, struct span word, bool alone, struct err *err)
{
	if (words->len == words->cap) {
		size_t cap = words->cap * 2 + 64;
		struct word *at =
		    reallocarray(words->at, cap, sizeof(*words->at));
		if (at == NULL)
			return err_nomem(err, "fingerprint");
		words->at = at;
		words->cap = cap;
	}
	size_t from = words->text.len;
	TRY(buf_add(&words->text, word, err));
	words->at[words->len++] = (struct word){(uint32_t)from,
	    (uint32_t)words->text.len, alone ? 1 : WORD_WEIGHT,
	    has_digit(word) || word.len >= TELLING_LETTERS};
	return buf_add_byte(&words->text, ' ', err);
}

static enum rc
next_word(struct words_of *words, struct span *text, struct err *err)
{
	size_t end = 0, len = 0;

	while (end < text->len && end < WORD_MAX) {
		uint32_t code = character_at(span_after(*text, end), &len);
		if (is_gap(code) || (end > 0 && stands_alone(code)))
			break;
		end += len;
		if (stands_alone(code)) {
			TRY(add_word(words, span_first(*text, end), true, err));
			*text = span_after(*text, end);
			return RC_OK;
		}
	}
	if (end > 0)
		TRY(add_word(words, span_first(*text, end), false, err));
	*text = span_after(*text, end > 0 ? end : len);
	return RC_OK;
}

/* --- texts ------------------------------------------------------------------- */

static enum rc
mark_run(const struct reading *r, const struct words_of *words, size_t from,
    size_t last)
{
	const struct word *begin = &words->at[from], *end = &words->at[last];

	return add_mark(r, 't',
	    span_of(words->text.data + begin->from, end->to - begin->from));
}

/* From each word on, until it weighs enough. */
static enum rc
mark_runs(const struct reading *r, const struct words_of *words)
{
	for (size_t from = 0; from < words->len; from++) {
		unsigned weight = 0;
		for (size_t i = from; i < words->len && weight < RUN_WEIGHT;
		     i++) {
			weight += words->at[i].weight;
			if (weight >= RUN_WEIGHT || r->compare)
				TRY(mark_run(r, words, from, i));
		}
	}
	return RC_OK;
}

/* "yes, thank you" is in many answers and gives nothing away. */
static enum rc
mark_short(const struct reading *r, const struct words_of *words)
{
	unsigned weight = 0;
	bool telling = words->len >= TELLING_WORDS;

	for (size_t i = 0; i < words->len; i++) {
		weight += words->at[i].weight;
		telling = telling || words->at[i].telling;
	}
	if (weight == 0 || weight >= RUN_WEIGHT || !telling)
		return RC_OK;
	return mark_run(r, words, 0, words->len - 1);
}

static enum rc
mark_texts(const struct reading *r, const struct entity *letter)
{
	__attribute__((cleanup(words_of_done))) struct words_of words = {
	    .text = BUF_SECRET(4 * FINGERPRINT_TEXT)};
	struct buf folded BUF_OWNED = BUF_SECRET(SEARCH_FOLDED_MAX);

	TRY(search_fold_body(letter, &folded, r->err));
	r->print->cut = folded.len > FINGERPRINT_TEXT;
	struct span text = span_first(buf_span(&folded), FINGERPRINT_TEXT);
	while (text.len > 0)
		TRY(next_word(&words, &text, r->err));
	TRY(mark_runs(r, &words));
	return r->compare ? RC_OK : mark_short(r, &words);
}

/* --- attachments --------------------------------------------------------------- */

static const struct entity *
next_part(const struct entity *root, const struct entity *part)
{
	if (part->child != NULL)
		return part->child;
	while (part != root && part->next == NULL)
		part = part->parent;
	return part == root ? NULL : part->next;
}

static enum rc
mark_leaf(const struct reading *r, const struct entity *part)
{
	struct buf bytes BUF_OWNED = BUF_SECRET(part->body.len + 1);
	struct err ignored = ERR_NONE;

	if (part->child != NULL || content_is(&part->type, "text", NULL) ||
	    content_is(&part->type, "multipart", NULL))
		return RC_OK;
	enum rc rc = entity_decode(part, &bytes, &ignored);
	if (rc == RC_NOMEM)
		return err_nomem(r->err, "fingerprint");
	return bytes.len >= LEAF_MIN ? add_mark(r, 'a', buf_span(&bytes))
				     : RC_OK;
}

static enum rc
mark_leaves(const struct reading *r, const struct entity *letter)
{
	for (const struct entity *part = letter; part != NULL;
	     part = next_part(letter, part))
		TRY(mark_leaf(r, part));
	return RC_OK;
}

/* --- all of it ----------------------------------------------------------------- */

static enum rc
make(const struct entity *letter, const struct wrap_key *key, bool compare,
    struct fingerprint *ret, struct err *err)
{
	EVP_MAC_CTX *hash OWNED(EVP_MAC_CTX_free) = NULL;
	struct fingerprint made FINGERPRINT_OWNED = FINGERPRINT_NONE;

	TRY(new_hash(key, &hash, err));
	const struct reading r = {hash, &made, compare, err};
	TRY(mark_texts(&r, letter));
	TRY(mark_leaves(&r, letter));
	sort(&made);
	if (!compare)
		thin_out(&made);
	*ret = made;
	made = FINGERPRINT_NONE;
	return RC_OK;
}

enum rc
fingerprint_keep(const struct entity *letter, const struct wrap_key *key,
    struct fingerprint *ret, struct err *err)
{
	return make(letter, key, false, ret, err);
}

enum rc
fingerprint_compare(const struct entity *letter, const struct wrap_key *key,
    struct fingerprint *ret, struct err *err)
{
	return make(letter, key, true, ret, err);
}

size_t
fingerprint_common(
    const struct fingerprint *kept, const struct fingerprint *compared)
{
	size_t common = 0;

	for (size_t i = 0, at = 0; i < kept->len; i++) {
		while (at < compared->len && compared->mark[at] < kept->mark[i])
			at++;
		common +=
		    at < compared->len && compared->mark[at] == kept->mark[i];
	}
	return common;
}

/* --- print and parse ------------------------------------------------------------- */

enum rc
fingerprint_print(
    const struct fingerprint *fingerprint, struct buf *out, struct err *err)
{
	TRY(buf_add_format(
	    out, err, "%u:%d:", fingerprint->every, fingerprint->cut ? 1 : 0));
	for (size_t i = 0; i < fingerprint->len; i++)
		TRY(buf_add_format(out, err, "%016llx",
		    (unsigned long long)fingerprint->mark[i]));
	return RC_OK;
}

static enum rc
not_ours(struct err *err)
{
	return err_set(err, RC_SYNTAX, "not a fingerprint");
}

static uint64_t
number_of(const uint8_t bytes[8])
{
	uint64_t value = 0;

	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

static enum rc
parse_marks(struct span hex, struct fingerprint *print, struct err *err)
{
	struct buf bytes BUF_OWNED = BUF(HEX_MAX);

	TRY(hex_decode(hex, &bytes, err));
	if (bytes.len % sizeof(uint64_t) != 0 ||
	    bytes.len / sizeof(uint64_t) > FINGERPRINT_KEPT)
		return not_ours(err);
	for (size_t i = 0; i < bytes.len; i += sizeof(uint64_t)) {
		TRY(grow(print, err));
		print->mark[print->len++] = number_of(bytes.data + i);
	}
	sort(print);
	return RC_OK;
}

enum rc
fingerprint_parse(struct span text, struct fingerprint *ret, struct err *err)
{
	struct fingerprint made FINGERPRINT_OWNED = FINGERPRINT_NONE;
	uint32_t every = 0;

	while (text.len > 0 && text.data[0] >= '0' && text.data[0] <= '9') {
		if (__builtin_mul_overflow(every, 10U, &every) ||
		    __builtin_add_overflow(
			every, (uint32_t)(text.data[0] - '0'), &every))
			return not_ours(err);
		text = span_after(text, 1);
	}
	if (every == 0 ||
	    (!span_starts(text, ":0:") && !span_starts(text, ":1:")))
		return not_ours(err);
	made.every = every;
	made.cut = text.data[1] == '1';
	TRY(parse_marks(span_after(text, 3), &made, err));
	*ret = made;
	made = FINGERPRINT_NONE;
	return RC_OK;
}
