/* Whether two addresses are one, however their domains are written. */
#include "mime/address.h"
#include "codec/utf8.h"

#define LABEL_MAX 63 /* RFC 1035 section 2.3.4 */

/* RFC 3492 section 5: the numbers of IDNA. */
enum { BASE = 36, TMIN = 1, TMAX = 26, SKEW = 38, DAMP = 700, BIAS = 72 };
#define FIRST_CODE 0x80

static bool
is_ascii(struct span label)
{
	for (size_t i = 0; i < label.len; i++)
		if (label.data[i] >= 0x80)
			return false;
	return true;
}

/* The character at `at`, of *ret_len bytes; 0 bytes: no UTF-8. */
static uint32_t
read_code(struct span text, size_t at, size_t *ret_len)
{
	static const uint8_t lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t len = utf8_len(text, at);
	uint32_t code = text.data[at] & lead[len];

	for (size_t i = 1; i < len; i++)
		code = code << 6 | (text.data[at + i] & 0x3f);
	*ret_len = len;
	return code;
}

/* The characters of a label; 0: no UTF-8, or too many. */
static size_t
read_codes(struct span label, uint32_t ret[LABEL_MAX])
{
	size_t count = 0;

	for (size_t at = 0, len; at < label.len; at += len) {
		uint32_t code = read_code(label, at, &len);
		if (len == 0 || count == LABEL_MAX)
			return 0;
		ret[count++] = code;
	}
	return count;
}

static uint32_t
adapt(uint32_t delta, uint32_t count, bool first)
{
	uint32_t k = 0;

	delta = first ? delta / DAMP : delta / 2;
	delta += delta / count;
	for (; delta > (BASE - TMIN) * TMAX / 2; k += BASE)
		delta /= BASE - TMIN;
	return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

/* A number in digits of changing worth: section 6.3's inner loop. */
static enum rc
add_number(uint32_t number, uint32_t bias, struct buf *out, struct err *err)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	for (uint32_t k = BASE;; k += BASE) {
		uint32_t t = k <= bias          ? TMIN
			     : k >= bias + TMAX ? TMAX
						: k - bias;
		if (number < t)
			return buf_add_byte(out, (uint8_t)digits[number], err);
		TRY(buf_add_byte(
		    out, (uint8_t)digits[t + (number - t) % (BASE - t)], err));
		number = (number - t) / (BASE - t);
	}
}

struct punycode {
	uint32_t code[LABEL_MAX];
	size_t count;
	uint32_t delta, bias;
	size_t handled, basic;
};

static uint32_t
next_code(const struct punycode *p, uint32_t from)
{
	uint32_t next = UINT32_MAX;

	for (size_t i = 0; i < p->count; i++)
		if (p->code[i] >= from && p->code[i] < next)
			next = p->code[i];
	return next;
}

/* All characters of one code; 63 of at most 2^21 never overflow. */
static enum rc
add_code(struct punycode *p, uint32_t code, struct buf *out, struct err *err)
{
	for (size_t i = 0; i < p->count; i++) {
		p->delta += p->code[i] < code;
		if (p->code[i] != code)
			continue;
		TRY(add_number(p->delta, p->bias, out, err));
		p->bias = adapt(
		    p->delta, (uint32_t)p->handled + 1, p->handled == p->basic);
		p->delta = 0;
		p->handled++;
	}
	p->delta++;
	return RC_OK;
}

static enum rc
add_punycode(struct span label, struct buf *out, struct err *err)
{
	struct punycode p = {.bias = BIAS};
	uint32_t n = FIRST_CODE;

	p.count = read_codes(label, p.code);
	if (p.count == 0)
		return err_set(err, RC_SYNTAX, "domain label is no UTF-8");
	TRY(buf_add_str(out, "xn--", err));
	for (size_t i = 0; i < p.count; i++) {
		if (p.code[i] >= FIRST_CODE)
			continue;
		TRY(buf_add_byte(out, (uint8_t)p.code[i], err));
		p.basic++;
	}
	if (p.basic > 0)
		TRY(buf_add_byte(out, '-', err));
	for (p.handled = p.basic; p.handled < p.count; n++) {
		uint32_t next = next_code(&p, n);
		p.delta += (next - n) * ((uint32_t)p.handled + 1);
		n = next;
		TRY(add_code(&p, n, out, err));
	}
	return RC_OK;
}

/* RFC 9788 section 4.4.5: every U-label as its A-label.  No mapping of
 * Unicode's letters is made: a domain in capitals with umlauts is another. */
static enum rc
add_domain(struct span domain, struct buf *out, struct err *err)
{
	for (bool more = true; more;) {
		ptrdiff_t dot = span_find_byte(domain, '.');
		more = dot >= 0;
		struct span label =
		    more ? span_first(domain, (size_t)dot) : domain;
		TRY(is_ascii(label) ? buf_add(out, label, err)
				    : add_punycode(label, out, err));
		if (more)
			TRY(buf_add_byte(out, '.', err));
		domain = span_after(domain, label.len + 1);
	}
	return RC_OK;
}

enum rc
address_to_ascii(const char *address, struct buf *out, struct err *err)
{
	const char *domain = address_domain(address);
	struct span local =
	    span_first(span_str(address), strlen(address) - strlen(domain));

	TRY(buf_add(out, local, err));
	return add_domain(span_str(domain), out, err);
}

bool
address_matches(const char *a, const char *b)
{
	const char *domain_a = address_domain(a), *domain_b = address_domain(b);
	struct span local_a =
	    span_first(span_str(a), strlen(a) - strlen(domain_a));
	struct span local_b =
	    span_first(span_str(b), strlen(b) - strlen(domain_b));
	struct buf ascii_a BUF_OWNED = BUF_SMALL, ascii_b BUF_OWNED = BUF_SMALL;

	return span_equal_nocase(local_a, local_b) &&
	       add_domain(span_str(domain_a), &ascii_a, NULL) == RC_OK &&
	       add_domain(span_str(domain_b), &ascii_b, NULL) == RC_OK &&
	       span_equal_nocase(buf_span(&ascii_a), buf_span(&ascii_b));
}

/* --- one form for all --------------------------------------------------------*/

/* What UTS #46 maps to something else, as far as it makes ASCII of it, or the
 * small letter of a capital one: `step` of them after each other, from `to` on
 * (then from there again); `to` 0: nothing. */
static const struct {
	uint32_t first, last, to, step;
} mapped[] = {
    {'A', 'Z', 'a', 26},
    {0xad, 0xad, 0, 1},
    {0xc0, 0xd6, 0xe0, 23},
    {0xd8, 0xde, 0xf8, 7},
    {0x17f, 0x17f, 's', 1},
    {0x391, 0x3a1, 0x3b1, 17},
    {0x3a3, 0x3ab, 0x3c3, 9},
    {0x400, 0x40f, 0x450, 16},
    {0x410, 0x42f, 0x430, 32},
    {0x200b, 0x200b, 0, 1},
    {0x2060, 0x2060, 0, 1},
    {0x212a, 0x212a, 'k', 1},
    {0x24b6, 0x24e9, 'a', 26},
    {0x3002, 0x3002, '.', 1},
    {0xfeff, 0xfeff, 0, 1},
    {0xff0d, 0xff0e, '-', 2},
    {0xff10, 0xff19, '0', 10},
    {0xff21, 0xff3a, 'a', 26},
    {0xff41, 0xff5a, 'a', 26},
    {0xff61, 0xff61, '.', 1},
    {0x1d400, 0x1d6a3, 'a', 26},
    {0x1d7ce, 0x1d7ff, '0', 10},
    {0x1f130, 0x1f149, 'a', 26},
};

static uint32_t
map(uint32_t code)
{
	for (size_t i = 0; i < sizeof(mapped) / sizeof(mapped[0]); i++)
		if (code >= mapped[i].first && code <= mapped[i].last)
			return mapped[i].to == 0
				   ? 0
				   : mapped[i].to + (code - mapped[i].first) %
							mapped[i].step;
	return code;
}

/* `as` is where it is mapped to: less than 0x800, or what it was. */
static enum rc
add_mapped(uint32_t code, struct span was, struct buf *out, struct err *err)
{
	uint32_t as = map(code);

	if (as == code)
		return buf_add(out, was, err);
	if (as == 0)
		return RC_OK;
	if (as < 0x80)
		return buf_add_byte(out, (uint8_t)as, err);
	TRY(buf_add_byte(out, (uint8_t)(0xc0 | as >> 6), err));
	return buf_add_byte(out, (uint8_t)(0x80 | (as & 0x3f)), err);
}

static enum rc
map_domain(struct span domain, struct buf *out, struct err *err)
{
	for (size_t at = 0, len; at < domain.len; at += len) {
		uint32_t code = read_code(domain, at, &len);
		if (len == 0)
			return err_set(err, RC_SYNTAX, "domain is no UTF-8");
		TRY(add_mapped(
		    code, span_first(span_after(domain, at), len), out, err));
	}
	if (out->len > 0 && out->data[out->len - 1] == '.')
		buf_cut(out, out->len - 1);
	return RC_OK;
}

static enum rc
canonical_domain(struct span domain, struct buf *out, struct err *err)
{
	struct buf small BUF_OWNED = BUF_SMALL;

	TRY(map_domain(domain, &small, err));
	return add_domain(buf_span(&small), out, err);
}

enum rc
address_canonical(const char *address, struct buf *out, struct err *err)
{
	struct span domain = span_str(address_domain(address));
	size_t len = strlen(address) - domain.len;
	struct err why = ERR_NONE;

	for (size_t i = 0; i < len; i++) {
		uint8_t c = (uint8_t)address[i];
		TRY(buf_add_byte(
		    out, c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c, err));
	}
	size_t before = out->len;
	enum rc rc = canonical_domain(domain, out, &why);
	if (rc != RC_SYNTAX)
		return rc == RC_OK ? RC_OK : err_set(err, rc, "%s", why.text);
	buf_cut(out, before);
	return buf_add(out, domain, err);
}
