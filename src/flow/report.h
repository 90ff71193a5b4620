/* flow/report -- tell facts and verdict, to programs and to mail programs.
 *
 * A name or an organisation is told only where the certificate's level proves
 * it (verdict_names_organisation()), and a header field is told as signed only
 * where the signature may be one.
 *
 * Formats:   the JSON of `letterlock inspect` (a stable interface), the
 *            Letterlock-Verdict field and the IMAP keywords; doc/formats.md.
 * May use:   base codec os mime pki cms proto dns net store keydir.
 */
#ifndef FLOW_REPORT_H
#define FLOW_REPORT_H

#include "base/buf.h"
#include "base/strlist.h"
#include "flow/verdict.h"

/* Append one JSON object and a line end. */
enum rc report_json(const struct facts *facts, const struct verdict *verdict,
    struct buf *out, struct err *err);

/* Append a few lines for a person at a terminal; the verdict's sentences are in
 * `language` already. */
enum rc report_text(const struct facts *facts, const struct verdict *verdict,
    enum language language, struct buf *out, struct err *err);

/* Append "Letterlock-Verdict: verified; SENTENCE; as of TIME" CRLF.  ASCII: a
 * sentence that is not is encoded (RFC 2047), the word never is. */
enum rc report_field(const struct verdict *verdict, int64_t now,
    struct buf *out, struct err *err);

/* Add the keywords: REPORT_KEYWORD then the level, and one for each reason. */
#define REPORT_KEYWORD "$Letterlock-"
enum rc report_keywords(
    const struct verdict *verdict, struct strlist *out, struct err *err);

#endif
