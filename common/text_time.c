/* SPDX-License-Identifier: BSD-2-Clause */
/* RFC 3339, both ways. */
#include <errno.h>

#include "text.h"

enum { SECOND = 1000000000 };

struct civil {
	uint32_t year;
	uint32_t month;
	uint32_t day;
};

/* Days since the epoch to a date and back; the years are counted from March. */
static struct civil civil_of_days(uint64_t days)
{
	days += 719468;
	uint64_t era = days / 146097;
	uint32_t doe = (uint32_t)(days % 146097);
	uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint32_t mp = (5 * doy + 2) / 153;
	uint32_t month = mp < 10 ? mp + 3 : mp - 9;

	return (struct civil){
		.year = (uint32_t)(yoe + era * 400 + (month <= 2)),
		.month = month,
		.day = doy - (153 * mp + 2) / 5 + 1,
	};
}

static int64_t days_of_civil(struct civil c)
{
	int64_t year = (int64_t)c.year - (c.month <= 2);
	int64_t era = year / 400;
	int64_t yoe = year - era * 400;
	int64_t doy = (153 * (c.month > 2 ? c.month - 3 : c.month + 9) + 2) / 5 + c.day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + doe - 719468;
}

static char *put_two(char *p, uint32_t v)
{
	p[0] = (char)('0' + v / 10);
	p[1] = (char)('0' + v % 10);
	return p + 2;
}

char *tl_text_put_time(char *p, uint64_t ns)
{
	uint64_t seconds = ns / SECOND;
	uint32_t of_day = (uint32_t)(seconds % 86400);
	uint32_t rest = (uint32_t)(ns % SECOND);
	struct civil date = civil_of_days(seconds / 86400);

	p = put_two(put_two(p, date.year / 100), date.year % 100);
	*p++ = '-';
	p = put_two(p, date.month);
	*p++ = '-';
	p = put_two(p, date.day);
	*p++ = 'T';
	p = put_two(p, of_day / 3600);
	*p++ = ':';
	p = put_two(p, of_day / 60 % 60);
	*p++ = ':';
	p = put_two(p, of_day % 60);
	*p++ = '.';
	*p++ = (char)('0' + rest / 100000000);
	for (uint32_t unit = 1000000; unit > 0; unit /= 100) {
		p = put_two(p, rest / unit % 100);
	}
	*p++ = 'Z';
	return p;
}

struct scan {
	const char *at;
	const char *end;
};

static bool scan_char(struct scan *s, char c)
{
	if (s->at == s->end || *s->at != c) {
		return false;
	}
	s->at++;
	return true;
}

/* Exactly `digits` digits, at most `max`. */
static bool scan_number(struct scan *s, unsigned int digits, uint32_t max, uint32_t *out)
{
	uint32_t value = 0;

	for (; digits > 0; digits--) {
		if (s->at == s->end || *s->at < '0' || *s->at > '9') {
			return false;
		}
		value = value * 10 + (uint32_t)(*s->at++ - '0');
	}
	*out = value;
	return value <= max;
}

/* What follows the '.': any number of digits, those past the ninth are dropped. */
static bool scan_fraction(struct scan *s, uint32_t *ns)
{
	uint32_t unit = SECOND / 10;
	const char *start = s->at;

	for (*ns = 0; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
		*ns += unit * (uint32_t)(*s->at - '0');
		unit /= 10;
	}
	return s->at > start;
}

/* Z, +hh:mm or, as Suricata writes it, +hhmm. */
static bool scan_zone(struct scan *s, int64_t *offset_seconds)
{
	uint32_t hours;
	uint32_t minutes;

	*offset_seconds = 0;
	if (scan_char(s, 'Z') || scan_char(s, 'z')) {
		return true;
	}
	int sign = scan_char(s, '-') ? -1 : scan_char(s, '+') ? 1 : 0;
	if (sign == 0 || !scan_number(s, 2, 23, &hours)) {
		return false;
	}
	scan_char(s, ':');
	if (!scan_number(s, 2, 59, &minutes)) {
		return false;
	}
	*offset_seconds = sign * (int64_t)(hours * 3600 + minutes * 60);
	return true;
}

static bool scan_date(struct scan *s, struct civil *date)
{
	return scan_number(s, 4, 9999, &date->year) && scan_char(s, '-') &&
	       scan_number(s, 2, 12, &date->month) && date->month > 0 && scan_char(s, '-') &&
	       scan_number(s, 2, 31, &date->day) && date->day > 0;
}

int tl_text_get_time(struct tl_str text, uint64_t *ns)
{
	struct scan s = {text.ptr, text.ptr + text.len};
	struct civil date;
	uint32_t hour;
	uint32_t minute;
	uint32_t second;
	uint32_t fraction = 0;
	int64_t offset;

	if (!scan_date(&s, &date) || !(scan_char(&s, 'T') || scan_char(&s, 't')) ||
	    !scan_number(&s, 2, 23, &hour) || !scan_char(&s, ':') ||
	    !scan_number(&s, 2, 59, &minute) || !scan_char(&s, ':') ||
	    !scan_number(&s, 2, 60, &second)) {
		return -EINVAL;
	}
	if (scan_char(&s, '.') && !scan_fraction(&s, &fraction)) {
		return -EINVAL;
	}
	if (!scan_zone(&s, &offset) || s.at != s.end) {
		return -EINVAL;
	}
	int64_t seconds =
		days_of_civil(date) * 86400 + (int64_t)hour * 3600 + minute * 60 + second - offset;
	if (seconds < 0 || (uint64_t)seconds >= UINT64_MAX / SECOND) {
		return -EINVAL;
	}
	*ns = (uint64_t)seconds * SECOND + fraction;
	return 0;
}
