#include "codec/when.h"

#include <stdio.h>

#define DAY 86400
/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what the texts can say. */
#define WHEN_MIN INT64_C(-62167219200)
#define WHEN_MAX INT64_C(253402300799)

static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May",
    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char day_names[7][4] = {
    "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

struct moment {
	int year, month, day; /* month and day from 1 */
	int hour, minute, second;
	int zone; /* minutes east of Greenwich */
};

/* Days since 1970 in the Gregorian calendar.  Years are counted from March,
 * so that the leap day is the last one of a year. */
static int64_t
days_of(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year =
	    (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
	       of_year - 719468;
}

static struct moment
moment_of(int64_t when)
{
	if (when < WHEN_MIN)
		when = WHEN_MIN;
	if (when > WHEN_MAX)
		when = WHEN_MAX;
	int64_t days = when / DAY - (when % DAY < 0);
	int of_day = (int)(when - days * DAY);
	int64_t z = days + 719468; /* not negative from WHEN_MIN's March on */
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t of_era = z - era * 146097;
	int64_t year =
	    (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t march = (5 * of_year + 2) / 153; /* months since March */
	int month = (int)(march < 10 ? march + 3 : march - 9);

	return (struct moment){
	    .year = (int)(year + era * 400 + (month <= 2)),
	    .month = month,
	    .day = (int)(of_year - (153 * march + 2) / 5 + 1),
	    .hour = of_day / 3600,
	    .minute = of_day / 60 % 60,
	    .second = of_day % 60,
	};
}

void
when_print(int64_t when, char text[WHEN_TEXT_MAX])
{
	struct moment m = moment_of(when);

	(void)snprintf(text, WHEN_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02dZ",
	    m.year % 10000, m.month, m.day, m.hour, m.minute, m.second);
}

void
when_print_mail(int64_t when, char text[WHEN_TEXT_MAX])
{
	struct moment m = moment_of(when);
	int64_t days = days_of(m.year, m.month, m.day);
	int weekday =
	    (int)(((days + 4) % 7 + 7) % 7); /* 1970 began on Thursday */

	(void)snprintf(text, WHEN_TEXT_MAX,
	    "%s, %02d %s %04d %02d:%02d:%02d +0000", day_names[weekday], m.day,
	    month_names[m.month - 1], m.year % 10000, m.hour, m.minute,
	    m.second);
}

static int
days_in(int year, int month)
{
	static const int days[] = {
	    31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Second 60 is a leap second and means the next minute's first. */
static enum rc
moment_finish(const struct moment *m, int64_t *ret, struct err *err)
{
	if (m->month < 1 || m->month > 12 || m->day < 1 ||
	    m->day > days_in(m->year, m->month))
		return err_set(err, RC_SYNTAX, "date: no such day");
	if (m->hour > 23 || m->minute > 59 || m->second > 60)
		return err_set(err, RC_SYNTAX, "date: no such time of day");
	int64_t when = days_of(m->year, m->month, m->day) * DAY +
		       m->hour * 3600 + m->minute * 60 + m->second -
		       m->zone * 60;
	if (when < WHEN_MIN || when > WHEN_MAX)
		return err_set(err, RC_SYNTAX, "date: outside years 0 to 9999");
	*ret = when;
	return RC_OK;
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Between `least` and `most` digits, off the front. */
static bool
take_number(struct span *text, size_t least, size_t most, int *ret)
{
	int number = 0;
	size_t len = 0;

	for (; len < text->len && is_digit(text->data[len]); len++) {
		if (len == most)
			return false;
		number = number * 10 + (text->data[len] - '0');
	}
	if (len < least)
		return false;
	*ret = number;
	*text = span_after(*text, len);
	return true;
}

/* One character that is in `set`, off the front. */
static bool
take_one(struct span *text, const char *set, char *ret)
{
	if (text->len == 0 || text->data[0] == 0 ||
	    strchr(set, text->data[0]) == NULL)
		return false;
	*ret = (char)text->data[0];
	*text = span_after(*text, 1);
	return true;
}

static bool
take_seconds(struct span text, int64_t *ret)
{
	bool negative = text.len > 0 && text.data[0] == '-';
	int64_t number = 0;

	if (negative)
		text = span_after(text, 1);
	if (text.len == 0 || text.len > 12)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (!is_digit(text.data[i]))
			return false;
		number = number * 10 + (text.data[i] - '0');
	}
	*ret = negative ? -number : number;
	return true;
}

static bool
take_date(struct span *text, struct moment *m)
{
	char mark;

	return take_number(text, 4, 4, &m->year) &&
	       take_one(text, "-", &mark) &&
	       take_number(text, 2, 2, &m->month) &&
	       take_one(text, "-", &mark) && take_number(text, 2, 2, &m->day);
}

static bool
take_time(struct span *text, struct moment *m)
{
	char mark;
	int fraction;

	if (!(take_number(text, 2, 2, &m->hour) && take_one(text, ":", &mark) &&
		take_number(text, 2, 2, &m->minute) &&
		take_one(text, ":", &mark) &&
		take_number(text, 2, 2, &m->second)))
		return false;
	return !take_one(text, ".", &mark) ||
	       take_number(text, 1, 9, &fraction);
}

static bool
take_offset(struct span *text, struct moment *m)
{
	char sign, mark;
	int hours, minutes;

	if (take_one(text, "Zz", &sign))
		return true;
	if (!(take_one(text, "+-", &sign) && take_number(text, 2, 2, &hours) &&
		take_one(text, ":", &mark) &&
		take_number(text, 2, 2, &minutes)))
		return false;
	m->zone = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
	return hours <= 23 && minutes <= 59;
}

enum rc
when_parse(struct span text, int64_t *ret, struct err *err)
{
	struct moment m = {0};
	int64_t when;
	char mark;

	if (take_seconds(text, &when)) {
		if (when < WHEN_MIN || when > WHEN_MAX)
			return err_set(
			    err, RC_SYNTAX, "date: outside years 0 to 9999");
		*ret = when;
		return RC_OK;
	}
	if (!(take_date(&text, &m) && take_one(&text, "Tt ", &mark) &&
		take_time(&text, &m) && take_offset(&text, &m) &&
		text.len == 0))
		return err_set(err, RC_SYNTAX,
		    "date: want 2026-11-21T20:18:00Z or seconds since 1970");
	return moment_finish(&m, ret, err);
}

/* White space and comments, which may stand between any two parts of an
 * obsolete date (RFC 5322 section 4.3), nested too. */
static void
skip_blank(struct span *text)
{
	size_t at = 0, depth = 0;

	for (; at < text->len; at++) {
		uint8_t c = text->data[at];
		if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		else if (c == '\\' && depth > 0)
			at++;
		else if (depth == 0 && c != ' ' && c != '\t' && c != '\r' &&
			 c != '\n')
			break;
	}
	*text = span_after(*text, at);
}

static bool
is_letter(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static struct span
take_letters(struct span *text)
{
	size_t len = 0;

	while (len < text->len && is_letter(text->data[len]))
		len++;
	struct span letters = span_first(*text, len);
	*text = span_after(*text, len);
	return letters;
}

static bool
skip_weekday(struct span *text)
{
	char comma;

	skip_blank(text);
	struct span name = take_letters(text);
	if (name.len == 0)
		return true;
	for (size_t i = 0; i < 7; i++)
		if (span_is_nocase(name, day_names[i])) {
			skip_blank(text);
			return take_one(text, ",", &comma);
		}
	return false;
}

static bool
take_month(struct span *text, int *ret)
{
	skip_blank(text);
	struct span name = take_letters(text);
	for (int i = 0; i < 12; i++)
		if (span_is_nocase(name, month_names[i])) {
			*ret = i + 1;
			return true;
		}
	return false;
}

/* RFC 5322 section 4.3: two digits are 1950 to 2049, three are from 1900. */
static bool
take_year(struct span *text, int *ret)
{
	int year;

	skip_blank(text);
	size_t before = text->len;
	if (!take_number(text, 2, 4, &year))
		return false;
	size_t digits = before - text->len;
	if (digits == 2 && year < 50)
		year += 2000;
	else if (digits < 4)
		year += 1900;
	*ret = year;
	return true;
}

/* Before `part` a blank may stand; so may one behind it. */
static bool
take_colon(struct span *text)
{
	char mark;

	skip_blank(text);
	if (!take_one(text, ":", &mark))
		return false;
	skip_blank(text);
	return true;
}

static bool
take_mail_time(struct span *text, struct moment *m)
{
	skip_blank(text);
	if (!take_number(text, 1, 2, &m->hour) || !take_colon(text) ||
	    !take_number(text, 2, 2, &m->minute))
		return false;
	return !take_colon(text) || take_number(text, 2, 2, &m->second);
}

/* RFC 5322 section 4.3: names that say nothing certain count as "-0000". */
static int
zone_of(struct span name)
{
	static const struct {
		const char *name;
		int hours;
	} zones[] = {{"EDT", -4}, {"EST", -5}, {"CDT", -5}, {"CST", -6},
	    {"MDT", -6}, {"MST", -7}, {"PDT", -7}, {"PST", -8}};

	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++)
		if (span_is_nocase(name, zones[i].name))
			return zones[i].hours * 60;
	return 0;
}

static bool
take_zone(struct span *text, int *ret)
{
	char sign;
	int number;

	skip_blank(text);
	if (!take_one(text, "+-", &sign)) {
		struct span name = take_letters(text);
		*ret = zone_of(name);
		return name.len > 0;
	}
	if (!take_number(text, 4, 4, &number) || number % 100 > 59)
		return false;
	*ret = (number / 100 * 60 + number % 100) * (sign == '-' ? -1 : 1);
	return true;
}

enum rc
when_parse_mail(struct span text, int64_t *ret, struct err *err)
{
	struct moment m = {0};
	bool good = skip_weekday(&text);

	skip_blank(&text);
	good = good && take_number(&text, 1, 2, &m.day) &&
	       take_month(&text, &m.month) && take_year(&text, &m.year) &&
	       take_mail_time(&text, &m) && take_zone(&text, &m.zone);
	skip_blank(&text);
	if (!good || text.len > 0)
		return err_set(err, RC_SYNTAX, "date: not as RFC 5322 has it");
	return moment_finish(&m, ret, err);
}
