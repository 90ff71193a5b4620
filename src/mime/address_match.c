/* Whether two addresses are one, however their domains are written. */
#include "mime/address.h"
#include "mime/utf8_priv.h"

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

/* The characters of a label; 0: no UTF-8, or too many. */
static size_t
read_codes(struct span label, uint32_t ret[LABEL_MAX])
{
	static const uint8_t lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t count = 0;

	for (size_t at = 0, len; at < label.len; at += len) {
		len = utf8_len(label, at);
		if (len == 0 || count == LABEL_MAX)
			return 0;
		uint32_t code = label.data[at] & lead[len];
		for (size_t i = 1; i < len; i++)
			code = code << 6 | (label.data[at + i] & 0x3f);
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
