#include "vault/unlock_algorithm_priv.h"

#include <limits.h>

#include <openssl/err.h>
#include <openssl/hmac.h>

#include "codec/hex.h"
#include "pki/der.h"
#include "vault/unlock_priv.h"

static void
params2_free(PBE2PARAM *param)
{
	PBE2PARAM_free(param);
}

static void
params1_free(PBEPARAM *param)
{
	PBEPARAM_free(param);
}

OWNER(PBE2PARAM, params2_free);
OWNER(PBEPARAM, params1_free);
OWNER(PBKDF2PARAM, PBKDF2PARAM_free);
OWNER(SCRYPT_PARAMS, SCRYPT_PARAMS_free);
OWNER(EVP_CIPHER, EVP_CIPHER_free);
OWNER(EVP_MD, EVP_MD_free);

/* ---- what it wants ----------------------------------------------------------------- */

static enum rc
refuse_damaged(struct err *err)
{
	ERR_clear_error();
	return err_set(err, RC_SYNTAX,
	    "the file is encrypted with parameters that nobody can read");
}

static enum rc
refuse_cipher(const char *name, struct err *err)
{
	ERR_clear_error();
	return err_set(err, RC_UNFIT,
	    "the file is encrypted with %s, which this OpenSSL cannot open: "
	    "install its legacy provider, or export the file again with "
	    "AES-256",
	    name != NULL ? name : "a cipher that it does not know");
}

static enum rc
check_cipher(OSSL_LIB_CTX *library, const char *name, struct err *err)
{
	EVP_CIPHER *cipher OWNED(EVP_CIPHER_free) =
	    name == NULL ? NULL : EVP_CIPHER_fetch(library, name, NULL);

	return cipher != NULL ? RC_OK : refuse_cipher(name, err);
}

static enum rc
check_rounds(int64_t rounds, struct err *err)
{
	if (rounds < 1 || rounds > UNLOCK_ROUNDS_MAX)
		return err_set(err, RC_LIMIT,
		    "the file wants %lld rounds of its passphrase; between 1 "
		    "and %d are good",
		    (long long)rounds, UNLOCK_ROUNDS_MAX);
	return RC_OK;
}

/* More than fits is more than we do. */
static int64_t
number_of(const ASN1_INTEGER *integer)
{
	int64_t number = 0;

	if (integer == NULL || !ASN1_INTEGER_get_int64(&number, integer)) {
		ERR_clear_error();
		return INT64_MAX;
	}
	return number;
}

static int
nid_of(const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *oid = NULL;

	X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
	return OBJ_obj2nid(oid);
}

static void *
unpack(const X509_ALGOR *algorithm, const ASN1_ITEM *item)
{
	return algorithm->parameter == NULL
		   ? NULL
		   : ASN1_TYPE_unpack_sequence(item, algorithm->parameter);
}

/* ---- PBES2 ------------------------------------------------------------------------- */

static enum rc
check_pbkdf2(const X509_ALGOR *kdf, int64_t *ret_rounds, struct err *err)
{
	PBKDF2PARAM *param OWNED(PBKDF2PARAM_free) =
	    unpack(kdf, ASN1_ITEM_rptr(PBKDF2PARAM));

	if (param == NULL)
		return refuse_damaged(err);
	*ret_rounds = number_of(param->iter);
	return check_rounds(*ret_rounds, err);
}

/* Its memory is limited by OpenSSL; a unit of its work is about a round. */
static enum rc
check_scrypt(const X509_ALGOR *kdf, int64_t *ret_rounds, struct err *err)
{
	SCRYPT_PARAMS *param OWNED(SCRYPT_PARAMS_free) =
	    unpack(kdf, ASN1_ITEM_rptr(SCRYPT_PARAMS));
	int64_t work;

	if (param == NULL)
		return refuse_damaged(err);
	int64_t n = number_of(param->costParameter);
	int64_t r = number_of(param->blockSize);
	int64_t p = number_of(param->parallelizationParameter);
	if (n < 1 || r < 1 || p < 1 || __builtin_mul_overflow(n, r, &work) ||
	    __builtin_mul_overflow(work, p, &work))
		work = INT64_MAX;
	*ret_rounds = work;
	return check_rounds(work, err);
}

static enum rc
check_pbes2(OSSL_LIB_CTX *library, const X509_ALGOR *algorithm,
    int64_t *ret_rounds, struct err *err)
{
	PBE2PARAM *param OWNED(params2_free) =
	    unpack(algorithm, ASN1_ITEM_rptr(PBE2PARAM));

	if (param == NULL)
		return refuse_damaged(err);
	int nid = nid_of(param->encryption);
	TRY(check_cipher(
	    library, nid == NID_undef ? NULL : OBJ_nid2sn(nid), err));
	switch (nid_of(param->keyfunc)) {
	case NID_id_pbkdf2:
		return check_pbkdf2(param->keyfunc, ret_rounds, err);
	case NID_id_scrypt:
		return check_scrypt(param->keyfunc, ret_rounds, err);
	default:
		return err_set(err, RC_UNFIT,
		    "the file makes its key of the passphrase in a way that "
		    "this OpenSSL does not know");
	}
}

enum rc
algorithm_check(OSSL_LIB_CTX *library, const X509_ALGOR *algorithm,
    int64_t *ret_rounds, bool *ret_pbes2, struct err *err)
{
	int nid = nid_of(algorithm), cipher = NID_undef, digest = NID_undef;

	*ret_pbes2 = nid == NID_pbes2;
	if (*ret_pbes2)
		return check_pbes2(library, algorithm, ret_rounds, err);
	if (nid == NID_undef ||
	    !EVP_PBE_find(EVP_PBE_TYPE_OUTER, nid, &cipher, &digest, NULL))
		return refuse_cipher(
		    nid == NID_undef ? NULL : OBJ_nid2ln(nid), err);
	TRY(check_cipher(library, OBJ_nid2sn(cipher), err));
	PBEPARAM *param OWNED(params1_free) =
	    unpack(algorithm, ASN1_ITEM_rptr(PBEPARAM));
	if (param == NULL)
		return refuse_damaged(err);
	*ret_rounds = number_of(param->iter);
	return check_rounds(*ret_rounds, err);
}

/* ---- the check of a file ------------------------------------------------------------- */

enum rc
algorithm_check_mac(OSSL_LIB_CTX *library, const PKCS12 *p12,
    int64_t *ret_rounds, bool *ret_modern, struct err *err)
{
	const X509_ALGOR *algorithm = NULL;
	const ASN1_INTEGER *rounds = NULL;

	PKCS12_get0_mac(NULL, &algorithm, NULL, &rounds, p12);
	int nid = nid_of(algorithm);
	*ret_modern = nid == NID_pbmac1;
	if (*ret_modern) {
		struct pbmac1 pbmac1 PBMAC1_OWNED = PBMAC1_NONE;
		TRY(pbmac1_parse(p12, &pbmac1, err));
		*ret_rounds = number_of(pbmac1.kdf->iter);
		return check_rounds(*ret_rounds, err);
	}
	EVP_MD *digest OWNED(EVP_MD_free) =
	    nid == NID_undef ? NULL
			     : EVP_MD_fetch(library, OBJ_nid2sn(nid), NULL);
	ERR_clear_error();
	if (digest == NULL)
		return err_set(err, RC_UNFIT,
		    "PKCS#12: its check is made with %s, which this OpenSSL "
		    "does not have",
		    nid == NID_undef ? "an unknown digest" : OBJ_nid2ln(nid));
	*ret_rounds = rounds == NULL ? 1 : number_of(rounds);
	return check_rounds(*ret_rounds, err);
}

void
pbmac1_done(struct pbmac1 *pbmac1)
{
	PBE2PARAM_free(pbmac1->param);
	PBKDF2PARAM_free(pbmac1->kdf);
	buf_done(&pbmac1->content);
	*pbmac1 = PBMAC1_NONE;
}

static const EVP_MD *
digest_of_hmac(const X509_ALGOR *algorithm)
{
	switch (algorithm == NULL ? NID_hmacWithSHA1 : nid_of(algorithm)) {
	case NID_hmacWithSHA1:
		return EVP_sha1();
	case NID_hmacWithSHA224:
		return EVP_sha224();
	case NID_hmacWithSHA256:
		return EVP_sha256();
	case NID_hmacWithSHA384:
		return EVP_sha384();
	case NID_hmacWithSHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

/* PFX: version, ContentInfo { data, [0] OCTET STRING }, MacData. */
static enum rc
find_content(struct span file, struct span *ret, struct err *err)
{
	struct der at;

	TRY(der_expect(&file, DER_SEQUENCE, &at, err));
	struct span in = at.value;
	TRY(der_expect(&in, DER_INTEGER, &at, err));
	TRY(der_expect(&in, DER_SEQUENCE, &at, err));
	in = at.value;
	TRY(der_expect(&in, DER_OID, &at, err));
	TRY(der_expect(&in, DER_CONTEXT_0, &at, err));
	in = at.value;
	TRY(der_expect(&in, DER_OCTETS, &at, err));
	*ret = at.value;
	return RC_OK;
}

static enum rc
read_content(const PKCS12 *p12, struct buf *out, struct err *err)
{
	unsigned char *der = NULL;
	struct span content = SPAN_NONE;
	int len = i2d_PKCS12(p12, &der);

	if (len <= 0)
		return crypto_failed(err, "PKCS#12: its check");
	enum rc rc = find_content(span_of(der, (size_t)len), &content, err);
	if (rc == RC_OK)
		rc = buf_add(out, content, err);
	OPENSSL_free(der);
	return rc;
}

enum rc
pbmac1_parse(const PKCS12 *p12, struct pbmac1 *ret, struct err *err)
{
	struct pbmac1 p PBMAC1_OWNED = PBMAC1_NONE;
	const X509_ALGOR *algorithm = NULL;

	PKCS12_get0_mac(&p.mac, &algorithm, NULL, NULL, p12);
	p.param = unpack(algorithm, ASN1_ITEM_rptr(PBE2PARAM));
	if (p.param != NULL && nid_of(p.param->keyfunc) == NID_id_pbkdf2)
		p.kdf = unpack(p.param->keyfunc, ASN1_ITEM_rptr(PBKDF2PARAM));
	if (p.kdf == NULL || p.kdf->salt->type != V_ASN1_OCTET_STRING ||
	    p.mac == NULL)
		return refuse_damaged(err);
	p.prf = digest_of_hmac(p.kdf->prf);
	p.digest = digest_of_hmac(p.param->encryption);
	if (p.prf == NULL || p.digest == NULL)
		return err_set(err, RC_UNFIT,
		    "PKCS#12: its check is made with a digest that this "
		    "OpenSSL does not have");
	/* RFC 9579 section 4: the length "MUST be present" */
	int64_t len = number_of(p.kdf->keylength);
	if (len < 20 || len > EVP_MAX_MD_SIZE)
		return err_set(err, RC_UNFIT,
		    "PKCS#12: the key of its check is not of a good length");
	TRY(read_content(p12, &p.content, err));
	*ret = p;
	p = PBMAC1_NONE;
	return RC_OK;
}

bool
pbmac1_verify(const struct pbmac1 *pbmac1, struct span passphrase)
{
	const ASN1_OCTET_STRING *salt = pbmac1->kdf->salt->value.octet_string;
	uint8_t key[EVP_MAX_MD_SIZE], mac[EVP_MAX_MD_SIZE];
	int key_len = (int)number_of(pbmac1->kdf->keylength);
	unsigned mac_len = 0;

	bool ok =
	    PKCS5_PBKDF2_HMAC((const char *)passphrase.data,
		(int)passphrase.len, ASN1_STRING_get0_data(salt),
		ASN1_STRING_length(salt), (int)number_of(pbmac1->kdf->iter),
		pbmac1->prf, key_len, key) == 1 &&
	    HMAC(pbmac1->digest, key, key_len, pbmac1->content.data,
		pbmac1->content.len, mac, &mac_len) != NULL &&
	    (int)mac_len == ASN1_STRING_length(pbmac1->mac) &&
	    CRYPTO_memcmp(mac, ASN1_STRING_get0_data(pbmac1->mac), mac_len) ==
		0;
	OPENSSL_cleanse(key, sizeof(key));
	ERR_clear_error();
	return ok;
}

/* ---- PEM of the old kind --------------------------------------------------------------- */

void
old_pem_done(struct old_pem *old)
{
	EVP_CIPHER_free(old->cipher);
	*old = OLD_PEM_NONE;
}

/* What stands behind "Name: " at the beginning of a line. */
static struct span
find_line(const char *header, const char *name)
{
	const char *line = strstr(header, name);

	if (line == NULL || (line != header && line[-1] != '\n'))
		return SPAN_NONE;
	struct span rest = span_after(span_str(line), strlen(name));
	ptrdiff_t end = span_find_byte(rest, '\n');
	return span_trim(end < 0 ? rest : span_first(rest, (size_t)end));
}

static enum rc
read_iv(struct span text, struct old_pem *old, struct err *err)
{
	struct buf iv BUF_OWNED = BUF(EVP_MAX_IV_LENGTH);
	struct buf low BUF_OWNED = BUF(2 * EVP_MAX_IV_LENGTH);
	int len = EVP_CIPHER_get_iv_length(old->cipher);

	if (len < PKCS5_SALT_LEN || text.len != 2 * (size_t)len)
		return refuse_damaged(err);
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		TRY(buf_add_byte(
		    &low, c >= 'A' && c <= 'F' ? (uint8_t)(c | 0x20) : c, err));
	}
	TRY(hex_decode(buf_span(&low), &iv, err));
	memcpy(old->iv, iv.data, iv.len);
	return RC_OK;
}

enum rc
old_pem_parse(OSSL_LIB_CTX *library, const char *header, struct old_pem *ret,
    struct err *err)
{
	struct span info = find_line(header, "DEK-Info:");
	ptrdiff_t comma = span_find_byte(info, ',');
	struct buf name BUF_OWNED = BUF(64);
	struct old_pem old = OLD_PEM_NONE;
	const char *text;

	if (comma < 0)
		return err_set(err, RC_UNFIT,
		    "PEM: a key with a header that we do not know");
	TRY(buf_add(&name, span_first(info, (size_t)comma), err));
	TRY(buf_str(&name, &text, err));
	old.cipher = EVP_CIPHER_fetch(library, text, NULL);
	if (old.cipher == NULL ||
	    EVP_CIPHER_get_mode(old.cipher) != EVP_CIPH_CBC_MODE) {
		old_pem_done(&old);
		return refuse_cipher(text, err);
	}
	enum rc rc =
	    read_iv(span_trim(span_after(info, (size_t)comma + 1)), &old, err);
	if (rc != RC_OK) {
		old_pem_done(&old);
		return rc;
	}
	*ret = old;
	return RC_OK;
}

static bool
decrypt(EVP_CIPHER_CTX *context, struct span data, uint8_t *room, int *ret_len)
{
	int last = 0;

	if (!EVP_DecryptUpdate(
		context, room, ret_len, data.data, (int)data.len) ||
	    !EVP_DecryptFinal_ex(context, room + *ret_len, &last))
		return false;
	*ret_len += last;
	return true;
}

enum rc
old_pem_decrypt(const struct old_pem *old, struct span data,
    struct span passphrase, struct buf *out)
{
	uint8_t key[EVP_MAX_KEY_LENGTH], *room = NULL;
	int len = 0;

	if (data.len > INT_MAX / 2)
		return RC_LIMIT;
	TRY(buf_reserve(out, data.len + EVP_MAX_BLOCK_LENGTH, &room, NULL));
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	/* the first bytes of the IV are the salt, as they always were */
	bool ok =
	    context != NULL &&
	    EVP_BytesToKey(old->cipher, EVP_md5(), old->iv, passphrase.data,
		(int)passphrase.len, 1, key, NULL) > 0 &&
	    EVP_DecryptInit_ex2(context, old->cipher, key, old->iv, NULL) &&
	    decrypt(context, data, room, &len);
	EVP_CIPHER_CTX_free(context);
	OPENSSL_cleanse(key, sizeof(key));
	ERR_clear_error();
	if (!ok) {
		/* what a wrong key made of it lies there */
		OPENSSL_cleanse(room, data.len + EVP_MAX_BLOCK_LENGTH);
		return RC_REFUSED;
	}
	buf_grown(out, (size_t)len);
	return RC_OK;
}
