#include "mime/transfer.h"

void
transfer_init(struct transfer *transfer, enum entity_encoding encoding)
{
	transfer->encoding = encoding;
	if (encoding == ENCODING_BASE64)
		transfer->reader.base64 = BASE64_READER;
	if (encoding == ENCODING_QP)
		transfer->reader.qp = QP_READER;
}

bool
transfer_is_identity(const struct transfer *transfer)
{
	return transfer->encoding == ENCODING_7BIT ||
	       transfer->encoding == ENCODING_8BIT ||
	       transfer->encoding == ENCODING_BINARY;
}

enum rc
transfer_read(
    struct transfer *transfer, struct span in, struct buf *out, struct err *err)
{
	switch (transfer->encoding) {
	case ENCODING_QP:
		return qp_read(&transfer->reader.qp, in, out, err);
	case ENCODING_BASE64:
		return base64_read(&transfer->reader.base64, in, out, err);
	case ENCODING_UNKNOWN:
		return err_set(err, RC_SYNTAX,
		    "unknown Content-Transfer-Encoding in a part");
	case ENCODING_7BIT:
	case ENCODING_8BIT:
	case ENCODING_BINARY:
		break;
	}
	return buf_add(out, in, err);
}

enum rc
transfer_end(struct transfer *transfer, struct buf *out, struct err *err)
{
	if (transfer->encoding == ENCODING_QP)
		return qp_read_end(&transfer->reader.qp, out, err);
	if (transfer->encoding == ENCODING_BASE64)
		return base64_read_end(&transfer->reader.base64, err);
	return RC_OK;
}
