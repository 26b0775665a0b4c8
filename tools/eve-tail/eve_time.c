/* SPDX-License-Identifier: BSD-2-Clause */
#include "eve_time.h"

enum { SECOND_NS = 1000000000 };

/* Ends when a digit is missing: `ok` stays false from then on. */
struct scan {
	const char *p;
	const char *end;
	bool ok;
};

static uint32_t digits(struct scan *s, int count)
{
	uint32_t number = 0;

	if (s->end - s->p < count) {
		s->ok = false;
		return 0;
	}
	for (int i = 0; i < count; i++) {
		unsigned int digit = (unsigned int)(unsigned char)s->p[i] - '0';
		s->ok = s->ok && digit <= 9;
		number = 10 * number + digit;
	}
	s->p += count;
	return number;
}

static void expect(struct scan *s, char a, char b)
{
	s->ok = s->ok && s->p < s->end && (*s->p == a || *s->p == b);
	s->p += s->ok;
}

/* Days since the epoch; years counted from March. */
static int64_t days_of(uint32_t year, uint32_t month, uint32_t day)
{
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = y / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static bool is_date(uint32_t year, uint32_t month, uint32_t day)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month >= 1 && month <= 12 && day >= 1 &&
	       day <= days[month - 1] + (uint32_t)(leap && month == 2);
}

static int64_t date(struct scan *s)
{
	uint32_t year = digits(s, 4);
	expect(s, '-', '-');
	uint32_t month = digits(s, 2);
	expect(s, '-', '-');
	uint32_t day = digits(s, 2);

	s->ok = s->ok && is_date(year, month, day);
	return s->ok ? days_of(year, month, day) : 0;
}

static int64_t time_of_day(struct scan *s)
{
	uint32_t hour = digits(s, 2);
	expect(s, ':', ':');
	uint32_t minute = digits(s, 2);
	expect(s, ':', ':');
	uint32_t second = digits(s, 2);

	s->ok = s->ok && hour < 24 && minute < 60 && second <= 60;
	return 3600 * (int64_t)hour + 60 * minute + second;
}

static uint32_t fraction(struct scan *s)
{
	uint32_t ns = 0;
	int count = 0;

	if (!s->ok || s->p == s->end || *s->p != '.') {
		return 0;
	}
	for (s->p++; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++, count++) {
		ns = count < 9 ? 10 * ns + (uint32_t)(*s->p - '0') : ns;
	}
	s->ok = count > 0;
	for (; count < 9; count++) {
		ns *= 10;
	}
	return ns;
}

/* Seconds east of UTC; to the end of the text. */
static int64_t zone(struct scan *s)
{
	if (!s->ok || s->p == s->end) {
		return 0;
	}
	if (*s->p == 'Z' || *s->p == 'z') {
		s->ok = s->end - s->p == 1;
		return 0;
	}
	int64_t sign = *s->p == '-' ? -1 : 1;
	expect(s, '+', '-');
	uint32_t hours = digits(s, 2);
	s->p += s->ok && s->p < s->end && *s->p == ':';
	uint32_t minutes = digits(s, 2);
	s->ok = s->ok && s->p == s->end && hours < 24 && minutes < 60;
	return sign * (3600 * (int64_t)hours + 60 * minutes);
}

static int get_any(struct tl_str text, uint64_t *ns)
{
	struct scan s = {text.ptr, text.ptr + text.len, true};
	int64_t seconds = 86400 * date(&s);

	expect(&s, 'T', ' ');
	seconds += time_of_day(&s);
	uint32_t rest = fraction(&s);
	seconds -= zone(&s);
	if (!s.ok || seconds < 0 || seconds >> 34) {
		return -EINVAL;
	}
	*ns = (uint64_t)seconds * SECOND_NS + rest;
	return 0;
}

enum { USUAL_LEN = 31, SECONDS_AT = 17, FRACTION_AT = 20, ZONE_AT = 26 };

/* The seconds of the usual form behind its minute; -EINVAL. */
static int get_seconds(const char *text, uint64_t *ns)
{
	struct scan s = {text + SECONDS_AT, text + ZONE_AT, true};
	uint32_t seconds = digits(&s, 2);

	expect(&s, '.', '.');
	*ns = (uint64_t)seconds * SECOND_NS + 1000ull * digits(&s, 6);
	return s.ok && seconds <= 60 && text[SECONDS_AT - 1] == ':' ? 0 : -EINVAL;
}

int eve_time_get(struct eve_minute *minute, struct tl_str text, uint64_t *ns)
{
	uint64_t rest;

	if (text.len != USUAL_LEN || get_seconds(text.ptr, &rest) < 0) {
		return get_any(text, ns);
	}
	if (memcmp(text.ptr, minute->text, sizeof(minute->text)) == 0 &&
	    memcmp(text.ptr + ZONE_AT, minute->zone, sizeof(minute->zone)) == 0) {
		*ns = minute->ns + rest;
		return *ns / SECOND_NS >> 34 ? -EINVAL : 0;
	}
	if (get_any(text, ns) < 0 || *ns < rest) {
		return -EINVAL;
	}
	memcpy(minute->text, text.ptr, sizeof(minute->text));
	memcpy(minute->zone, text.ptr + ZONE_AT, sizeof(minute->zone));
	minute->ns = *ns - rest;
	return 0;
}
