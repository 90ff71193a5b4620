#include "proto/line_priv.h"

static bool
has_version(struct span line)
{
	const char *mark = " HTTP/";
	ptrdiff_t at = span_find(line, span_str(mark));

	if (at < 0)
		return false;
	struct span version = span_after(line, (size_t)at + strlen(mark));
	return version.len > 0 && version.data[0] >= '0' &&
	       version.data[0] <= '9';
}

bool
line_is_http(struct span line)
{
	static const char *const methods[] = {"GET ", "POST ", "PUT ", "HEAD ",
	    "OPTIONS ", "DELETE ", "CONNECT ", "PATCH ", "TRACE "};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (span_starts_nocase(line, methods[i]))
			return true;
	return has_version(line);
}

bool
line_has_stray_control(struct span line)
{
	return span_find_byte(line, '\n') >= 0 ||
	       span_find_byte(line, '\r') >= 0 || span_find_byte(line, 0) >= 0;
}
