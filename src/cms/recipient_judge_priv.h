/* cms/recipient_judge -- X25519 and X448 in CMS by another program.
 *
 * Only included by tests, behind cms/testkit_priv.h.  The openssl program knows neither, so a short one
 * in Python, over its package "cryptography", seals and opens:
 *
 *     judge.py seal OUT CERT SCHEME WRAP POINT UKM LETTER
 *     judge.py open IN KEY OUT
 *
 * SCHEME is "x963-sha256", "hkdf-sha512" and so on; POINT is "raw", or
 * "octets" for a key that is an element inside of the BIT STRING, "zero" for
 * one that is all zeros, or "static" for a key by its certificate's name;
 * UKM is in hex, or "-".
 */
#ifndef CMS_RECIPIENT_JUDGE_PRIV_H
#define CMS_RECIPIENT_JUDGE_PRIV_H

static const char judge_program[] =
    "import os, sys\n"
    "from cryptography import x509\n"
    "from cryptography.hazmat.primitives import hashes, keywrap\n"
    "from cryptography.hazmat.primitives import serialization as ser\n"
    "from cryptography.hazmat.primitives.asymmetric import x25519, x448\n"
    "from cryptography.hazmat.primitives.ciphers.aead import AESGCM\n"
    "from cryptography.hazmat.primitives.kdf.hkdf import HKDF\n"
    "from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF\n"
    "H = bytes.fromhex\n"
    "HASH = {'sha1': hashes.SHA1, 'sha256': hashes.SHA256,\n"
    "    'sha384': hashes.SHA384, 'sha512': hashes.SHA512}\n"
    "SCHEME = {'x963-sha1': '2b81051086483f0002',\n"
    "    'x963-sha256': '2b8104010b01', 'x963-sha384': '2b8104010b02',\n"
    "    'x963-sha512': '2b8104010b03',\n"
    "    'cofactor-sha256': '2b8104010e01',\n"
    "    'hkdf-sha256': '2a864886f70d0109100313',\n"
    "    'hkdf-sha384': '2a864886f70d0109100314',\n"
    "    'hkdf-sha512': '2a864886f70d0109100315'}\n"
    "WRAP = {16: '608648016503040105', 32: '60864801650304012d'}\n"
    "GCM = {16: '608648016503040106', 32: '60864801650304012e'}\n"
    "def der(tag, *parts):\n"
    "    b = b''.join(parts)\n"
    "    n = len(b)\n"
    "    if n < 128: return bytes([tag, n]) + b\n"
    "    l = n.to_bytes((n.bit_length() + 7) // 8, 'big')\n"
    "    return bytes([tag, 128 | len(l)]) + l + b\n"
    "def take(b, i):\n"
    "    tag, n = b[i], b[i + 1]\n"
    "    i += 2\n"
    "    if n == 128:\n"
    "        begin = i\n"
    "        while b[i:i + 2] != b'\\0\\0': i = take(b, i)[2]\n"
    "        return tag, b[begin:i], i + 2\n"
    "    if n > 128:\n"
    "        k = n & 127\n"
    "        n = int.from_bytes(b[i:i + k], 'big')\n"
    "        i += k\n"
    "    return tag, b[i:i + n], i + n\n"
    "def items(b):\n"
    "    i, out = 0, []\n"
    "    while i < len(b):\n"
    "        tag, v, i = take(b, i)\n"
    "        out.append((tag, v))\n"
    "    return out\n"
    "def derive(scheme, secret, wrap, ukm):\n"
    "    size = {v: k for k, v in WRAP.items()}[wrap.hex()]\n"
    "    info = der(0x30, der(0x30, der(6, wrap)),\n"
    "        b'' if ukm is None else der(0xa0, der(4, ukm)),\n"
    "        der(0xa2, der(4, (size * 8).to_bytes(4, 'big'))))\n"
    "    kind, name = scheme.split('-')\n"
    "    h = HASH[name]()\n"
    "    if kind == 'hkdf': return HKDF(h, size, ukm, info).derive(secret)\n"
    "    return X963KDF(h, size, info).derive(secret)\n"
    "def raw(key):\n"
    "    return key.public_bytes(ser.Encoding.Raw, ser.PublicFormat.Raw)\n"
    "def load(path): return open(path, 'rb').read()\n"
    "def seal(out, cert, scheme, size, point, ukm, letter):\n"
    "    size = int(size)\n"
    "    cert = x509.load_pem_x509_certificate(load(cert))\n"
    "    to = cert.public_key()\n"
    "    short = isinstance(to, x25519.X25519PublicKey)\n"
    "    mod = x25519.X25519PrivateKey if short else x448.X448PrivateKey\n"
    "    own = mod.generate()\n"
    "    ukm = None if ukm == '-' else H(ukm)\n"
    "    cek, nonce, wrap = os.urandom(size), os.urandom(12), H(WRAP[size])\n"
    "    kek = derive(scheme, own.exchange(to), wrap, ukm)\n"
    "    n = cert.serial_number\n"
    "    serial = der(2, n.to_bytes(n.bit_length() // 8 + 1, 'big'))\n"
    "    name = der(0x30, cert.issuer.public_bytes(), serial)\n"
    "    key = raw(own.public_key())\n"
    "    if point == 'zero': key = bytes(len(key))\n"
    "    if point == 'octets': key = der(4, key)\n"
    "    oid = H('2b656e' if short else '2b656f')\n"
    "    origin = der(0xa1, der(0x30, der(6, oid)), der(3, b'\\0', key))\n"
    "    if point == 'static': origin = name\n"
    "    ri = der(0xa1, der(2, b'\\3'), der(0xa0, origin),\n"
    "        b'' if ukm is None else der(0xa1, der(4, ukm)),\n"
    "        der(0x30, der(6, H(SCHEME[scheme])), der(0x30, der(6, wrap))),\n"
    "        der(0x30, der(0x30, name,\n"
    "            der(4, keywrap.aes_key_wrap(kek, cek)))))\n"
    "    sealed = AESGCM(cek).encrypt(nonce, load(letter), None)\n"
    "    open(out, 'wb').write(der(0x30,\n"
    "        der(6, H('2a864886f70d0109100117')), der(0xa0, der(0x30,\n"
    "        der(2, b'\\0'), der(0x31, ri), der(0x30,\n"
    "        der(6, H('2a864886f70d010701')), der(0x30, der(6, H(GCM[size])),\n"
    "        der(0x30, der(4, nonce), der(2, b'\\x10'))),\n"
    "        der(0x80, sealed[:-16])), der(4, sealed[-16:])))))\n"
    "def unseal(path, key, out):\n"
    "    key = ser.load_pem_private_key(load(key), None)\n"
    "    all = items(items(items(take(load(path), 0)[1])[1][1])[0][1])\n"
    "    ri = items([v for t, v in items(all[1][1]) if t == 0xa1][0])\n"
    "    origin = items(items(ri[1][1])[0][1])\n"
    "    short = isinstance(key, x25519.X25519PrivateKey)\n"
    "    mod = x25519.X25519PublicKey if short else x448.X448PublicKey\n"
    "    assert items(origin[0][1]) == [(6, H('2b656e' if short else\n"
    "        '2b656f'))]\n"
    "    peer = mod.from_public_bytes(origin[1][1][1:])\n"
    "    ukm = items(ri.pop(2)[1])[0][1] if ri[2][0] == 0xa1 else None\n"
    "    scheme = items(ri[2][1])\n"
    "    name = {v: k for k, v in SCHEME.items()}[scheme[0][1].hex()]\n"
    "    kek = derive(name, key.exchange(peer),\n"
    "        items(scheme[1][1])[0][1], ukm)\n"
    "    cek = keywrap.aes_key_unwrap(kek, "
    "items(items(ri[3][1])[0][1])[1][1])\n"
    "    eci = items(all[2][1])\n"
    "    nonce = items(items(eci[1][1])[1][1])[0][1]\n"
    "    text = b''.join(v for _, v in items(eci[2][1]))\n"
    "    open(out, 'wb').write(\n"
    "        AESGCM(cek).decrypt(nonce, text + all[3][1], None))\n"
    "{'seal': seal, 'open': unseal}[sys.argv[1]](*sys.argv[2:])\n";

/* Run "judge.py ARGUMENTS" in the test's directory; its exit status. */
static inline int judge(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
static inline int
judge(const char *format, ...)
{
	char arguments[400], command[600];
	va_list args;

	va_start(args, format);
	vsnprintf(arguments, sizeof(arguments), format, args);
	va_end(args);
	if (access(kit_path("judge.py"), R_OK) != 0)
		kit_write("judge.py", span_str(judge_program));
	snprintf(command, sizeof(command),
	    "cd '%s' && /usr/bin/python3 judge.py %s >said 2>&1", kit_dir,
	    arguments);
	return system(command);
}

#endif
